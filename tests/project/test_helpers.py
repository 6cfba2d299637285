"""The tests' own helpers: a clock that a test turns, a server whose answers a function gives,
golden files."""

from pathlib import Path

import httpx2
import pytest

from tests.clock import Clock
from tests.golden_files import SWITCH, check_golden
from tests.http_server import HttpServer, Reply, Request
from tests.waiting import until


def test_a_clock_stands_still_until_it_is_turned() -> None:
    clock = Clock(5.0)
    assert (clock(), clock()) == (5.0, 5.0)
    clock.advance(2.5)
    assert clock() == 7.5


def test_a_server_answers_what_the_function_says_of_the_request() -> None:
    def answer(request: Request) -> Reply:
        if request.method == "GET":
            return Reply(f"{request.path} at {request.address}", 404, {"x-more": "yes"})
        return Reply({"twice": request.json()["n"] * 2})

    with HttpServer(answer) as server, httpx2.Client(base_url=server.url, trust_env=False) as http:
        missing = http.get("/nowhere?q=1")
        assert (missing.status_code, missing.text) == (404, "/nowhere?q=1 at 127.0.0.1")
        assert missing.headers["x-more"] == "yes"
        assert http.post("/", json={"n": 4}).json() == {"twice": 8}


def test_a_golden_file_is_written_only_where_the_switch_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    golden = tmp_path / "scenario.txt"
    golden.write_text("before\n")
    monkeypatch.delenv(SWITCH, raising=False)
    check_golden(golden, "before\n")
    with pytest.raises(AssertionError, match=r"scenario.txt differs: .* UPDATE_GOLDEN=1"):
        check_golden(golden, "after\n")
    assert golden.read_text() == "before\n"
    monkeypatch.setenv(SWITCH, "1")
    check_golden(golden, "after\n")
    assert golden.read_text() == "after\n"


def test_a_wait_in_vain_has_looked_often_enough() -> None:
    observations = []
    with pytest.raises(AssertionError, match=r"waited 0\.02 s in vain: a fact; instead: None"):
        until(lambda: observations.append(1), seconds=0.02, every=0.002)
    assert len(observations) >= 10


def test_there_is_one_clock_one_world_one_server_and_one_switch() -> None:
    # The two fakes stream and break lines
    own_handlers = {
        "http_server.py",
        "fake_api.py",
        "fake_kfp.py",
    }
    tests = Path(__file__).parents[1]
    for path in tests.rglob("*.py"):
        if path == Path(__file__):
            continue
        text = path.read_text()
        assert "class Clock" not in text or path.name == "clock.py", path
        assert "class World" not in text or path.name == "worlds.py", path
        assert "BaseHTTPRequestHandler" not in text or path.name in own_handlers, path
        assert "WRITE_GOLDEN" not in text, path
