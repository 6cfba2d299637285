"""The service as a process: it starts, answers, ends, and says in one line why it cannot start."""

import os
import signal
import subprocess
import sys
import time

import httpx2
import pytest

from tests.waiting import PATIENCE
from tidegate_local.home import free_port

pytestmark = pytest.mark.real


def start(**environ: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TIDEGATE_")}
    return subprocess.Popen(
        [sys.executable, "-m", "tidegate.template_service"],
        env={**clean, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_starts_answers_and_ends_on_sigterm() -> None:
    port = free_port()
    process = start(TIDEGATE_PORT=str(port), TIDEGATE_DRAIN="60")
    try:
        url = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 30
        with httpx2.Client(transport=httpx2.HTTPTransport(retries=30)) as client:
            while True:
                try:
                    answer = client.get(f"{url}/readyz?verbose=true")
                    break
                except httpx2.TransportError:
                    assert process.poll() is None, process.stderr and process.stderr.read()
                    assert time.monotonic() < end
            assert answer.json()["checks"]["catalog"]["detail"] == "7 templates"
            assert client.get(f"{url}/api/v1/templates").status_code == 401
            process.send_signal(signal.SIGTERM)
            while client.get(f"{url}/readyz").status_code != 503:
                assert time.monotonic() < end, "it is ready although it stops"
            assert client.get(f"{url}/livez").status_code == 200
        process.send_signal(signal.SIGTERM)  # in a hurry now
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"TIDEGATE_CATALOG": "/nonexistent"}, "set TIDEGATE_CATALOG to its folder"),
        ({"TIDEGATE_TRUSTED_PROXIES": "everybody"}, "trusted_proxies"),
        ({"TIDEGATE_LOG_LEVEL": "LOUD"}, "log level 'LOUD' is not one of"),
    ],
)
def test_what_is_wrong_with_the_settings_is_one_line(environ: dict[str, str], message: str) -> None:
    process = start(**environ)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert message in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 1
