"""`tidegate rollout replay`: the golden set at the candidate's own address, and the word that
follows from it."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import answers as a
from tests.cli.fakes import Cli, FakeApi
from tests.http_server import HttpServer, Reply, Request

SET = {
    "requests": [
        {
            "name": "doubles",
            "model": "add_sub",
            "inputs": [{"name": "X", "datatype": "FP32", "shape": [1, 2], "data": [1, 2]}],
            "outputs": [{"name": "Y", "data": [2, 4]}],
        }
    ]
}


def doubled(_: Request) -> Reply:
    """A V2 server that doubles [1, 2]."""
    output = {"name": "Y", "datatype": "FP32", "shape": [1, 2], "data": [2.0, 4.0]}
    return Reply({"model_name": "add_sub", "model_version": "1", "outputs": [output]})


@pytest.fixture
def candidate() -> Iterator[str]:
    with HttpServer(doubled) as server:
        yield server.url


def golden(tmp_path: Path, expected: list[float]) -> str:
    SET["requests"][0]["outputs"] = [{"name": "Y", "data": expected}]
    (tmp_path / "golden.json").write_text(json.dumps(SET))
    return str(tmp_path / "golden.json")


def test_right_answers_approve_the_stop_and_wrong_ones_reject(
    candidate: str, api: FakeApi, cli: Cli, tmp_path: Path
) -> None:
    waiting = a.rollout(candidate_url=candidate)
    for verb in ("approve", "reject"):
        api.on("POST", f"/rollouts/{a.ID}/{verb}", (202, waiting))
    api.on("GET", f"/rollouts/{a.ID}", waiting)
    right = cli(
        "rollout",
        "replay",
        a.ID,
        "--golden",
        golden(tmp_path, [2, 4]),
        "--answer",
        "--reason",
        "CI",
    )
    assert right.code == 0, right.err
    assert "doubles" in right.out
    assert (api.asked[-1].path.rpartition("/")[2], api.asked[-1].body["reason"]) == (
        "approve",
        "CI; golden set: 1 answers right",
    )
    wrong = cli("rollout", "replay", a.ID, "--golden", golden(tmp_path, [2, 5]), "--answer")
    assert wrong.code == 3
    assert wrong.err.splitlines()[-1].endswith(
        "1 of 1 golden answers of r2 are wrong: doubles: Y[1] is 4.0, expected 5 (tolerance 1e-05)"
    )
    assert api.asked[-1].path.endswith("/reject")


def test_without_an_address_it_says_how_to_go_on(api: FakeApi, cli: Cli, tmp_path: Path) -> None:
    api.on("GET", f"/rollouts/{a.ID}", a.rollout(candidate_url=None))
    ended = cli("rollout", "replay", a.ID, "--golden", golden(tmp_path, [2, 4]))
    assert (ended.code, "has no address of its own" in ended.err) == (1, True)
    nobody = cli(
        "rollout",
        "replay",
        a.ID,
        "--golden",
        golden(tmp_path, [2, 4]),
        "--at",
        "http://127.0.0.1:9",
    )
    assert (nobody.code, "does not answer" in nobody.err) == (1, True)
