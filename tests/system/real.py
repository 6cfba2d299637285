"""The real local plane as a user has it: the daemon as a process, asked over HTTP, its parts killed
by pid."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx2

from tests.waiting import PATIENCE, until
from tidegate_local.home import free_port

EXAMPLES = Path(__file__).parents[2] / "examples" / "triton"
NAMESPACE = "demo"
MODEL = "add_sub"
FOLDERS = {"1": "model-repository"} | {
    name: f"variants/{name}" for name in ("good-v2", "good-v3", "flaky", "slow", "renamed", "crash")
}
INTERVAL = 0.5
# Lenient, so that a few hundred requests answer: the candidate may be up to 5 points worse.
# A laptop under load is noisy, and slowness is not what these tests are about
METRICS = {"errors": {"pass_margin": 0.05}, "latency": None}

Json = dict[str, Any]


class RealPlane:
    """`python -m tidegate_local.plane.daemon` in `home`, with a client that holds its token."""

    def __init__(
        self, home: Path, *, workers: int = 1, database_url: str = "", interval: float = INTERVAL
    ) -> None:
        self.home = home
        self.port = free_port()
        self._args = ["--home", str(home), "--api-port", str(self.port), "--workers", str(workers)]
        self._args += ["--interval", str(interval), "--drain", "1", "--limit", "10"]
        self._args += ["--database-url", database_url] if database_url else []
        self._process: subprocess.Popen[bytes] | None = None
        self.http = httpx2.Client(timeout=30.0)

    def start(self) -> "RealPlane":
        """Up, with every model version known; fails with the end of the log."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "daemon.log").open("ab") as log:
            command = [sys.executable, "-m", "tidegate_local.plane.daemon", *self._args]
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, start_new_session=True
            )
        until(self._is_ready, "the plane is up", PATIENCE, every=0.2, instead=self.state)
        self.http.close()
        token = (self.home / "token").read_text().strip()
        self.http = httpx2.Client(
            base_url=f"http://127.0.0.1:{self.port}/api/v1",
            headers={"authorization": f"Bearer {token}"},
            timeout=30.0,
        )
        self._register()
        return self

    def stop(self) -> None:
        """SIGTERM, as `tidegate down` does; fails when it does not end."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            assert self._process.wait(60) == 0
            self._process = None
        assert self.pids() == {}, "processes outlived their plane"

    def state(self) -> Json:
        """plane.json."""
        try:
            content: Json = json.loads((self.home / "plane.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return content

    def pids(self) -> dict[str, int]:
        """Every process of the plane by name."""
        pids = {}
        for file in (self.home / "run").glob("*.pid"):
            try:
                pids[file.stem] = int(json.loads(file.read_text())["pid"])
            except FileNotFoundError:
                continue
        return pids

    def kill(self, name: str) -> int:
        """kill -9 of the process whose name begins so; returns its pid once it is gone from the
        plane's books."""
        (pid,) = (pid for key, pid in self.pids().items() if key.startswith(name))
        os.kill(pid, signal.SIGKILL)
        until(lambda: pid not in self.pids().values(), f"{name} is gone")
        return pid

    def log(self, name: str) -> str:
        """What a process wrote."""
        return (self.home / "logs" / f"{name}.log").read_text()

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **headers: str
    ) -> httpx2.Response:
        """One call of the API."""
        return self.http.request(method, path, json=body, headers=headers)

    def get(self, path: str) -> Json:
        """A GET that must succeed."""
        return _good(self.ask("GET", path))

    def post(self, path: str, **body: Any) -> Json:
        """A POST that must succeed."""
        return _good(self.ask("POST", path, body))

    def endpoint(self, name: str, *, mode: str = "standard", **more: Any) -> "RealEndpoint":
        """A new endpoint with the good first version, serving."""
        self.post(
            "/endpoints",
            name=name,
            namespace=NAMESPACE,
            model_id=MODEL,
            model_version_id="1",
            mode=mode,
            **more,
        )
        made = RealEndpoint(self, name)
        made.wait_ready()
        return made

    def _is_ready(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        state = self.state()
        assert code is None, self._tail()
        assert state.get("state") != "failed", state
        if state.get("state") != "ready" or state["pid"] != self._process.pid:
            return False
        try:
            return self.http.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200
        except httpx2.HTTPError:
            return False

    def _tail(self) -> str:
        return (self.home / "daemon.log").read_text()[-1500:]

    def _register(self) -> None:
        if self.ask("GET", f"/models/{MODEL}").status_code == 200:
            return
        self.post("/models", model_id=MODEL)
        for version, folder in FOLDERS.items():
            self.post(
                f"/models/{MODEL}/versions", version_id=version, uri=(EXAMPLES / folder).as_uri()
            )


class RealEndpoint:
    """One endpoint of a real plane."""

    def __init__(self, plane: RealPlane, name: str) -> None:
        self.plane = plane
        self.name = name
        self.path = f"/endpoints/{NAMESPACE}/{name}"

    def show(self) -> Json:
        """As the API answers it."""
        return self.plane.get(self.path)

    @property
    def address(self) -> str:
        """`host:port` for clients."""
        return str(self.show()["urls"][0]).removeprefix("http://")

    def wait_ready(self, seconds: float = 60.0) -> Json:
        """Wait until it serves what it should."""
        return until(
            lambda: _if(self.show(), lambda e: e["phase"] == "ready"),
            f"{self.name} is ready",
            seconds,
        )

    def start(self, version: str, strategy: str = "canary", **more: Any) -> "RealRollout":
        """Start a rollout of a version; a canary has short steps where nothing else is said."""
        usual = {}
        if strategy == "canary":
            usual = {"steps": [10, 50], "bake_seconds": 1.0}
        body = {
            "model_version_id": version,
            "strategy": strategy,
            "analysis": {"metrics": METRICS, "noise_window_seconds": 1},
            **usual,
            **more,
        }
        return RealRollout(self, self.plane.post(f"{self.path}/rollouts", **body)["id"])

    def undo(self, **body: Any) -> "RealRollout":
        """Back to the revision before."""
        return RealRollout(self, self.plane.post(f"{self.path}/undo", **body)["id"])

    def history(self) -> list[Json]:
        """Its intents, newest first."""
        return list(self.plane.get(f"{self.path}/history?page_size=100")["intents"])

    def delete(self) -> None:
        """Take it away, whatever its state."""
        answer = self.plane.ask("DELETE", self.path, None, **{"if-match": "*"})
        assert answer.status_code in (202, 404, 409, 410), answer.text


class RealRollout:
    """One rollout of an endpoint."""

    def __init__(self, endpoint: RealEndpoint, rollout_id: str) -> None:
        self.endpoint = endpoint
        self.plane = endpoint.plane
        self.id = rollout_id

    def show(self) -> Json:
        """As the API answers it."""
        return self.plane.get(f"/rollouts/{self.id}")

    def action(self, kind: str, **body: Any) -> Json:
        """pause, resume, promote, abort, approve, reject. An answer names the step that waits."""
        if kind in ("approve", "promote"):
            step = self.show()["step"]
            if step > 0:
                body.setdefault("step", step)
        return self.plane.post(f"/rollouts/{self.id}/{kind}", **body)

    def wait(self, fact: Callable[[Json], Any], what: str, seconds: float = 60.0) -> Json:
        """Wait until the rollout is as `fact` says."""
        return until(
            lambda: _if(self.show(), fact), f"rollout: {what}", seconds, instead=self._short
        )

    def at(self, percent: int, seconds: float = 60.0) -> Json:
        """Wait until clients see this percent."""
        return self.wait(
            lambda r: r["routed_percent"] == percent or r["outcome"], f"at {percent} %", seconds
        )

    def over(self, seconds: float = 90.0) -> Json:
        """Wait for the outcome."""
        return self.wait(lambda r: r["outcome"], "an outcome", seconds)

    def _short(self) -> str:
        now = self.show()
        return str(
            {
                key: now.get(key)
                for key in ("phase", "step", "routed_percent", "awaits", "outcome_message")
            }
        )


def _if(seen: Json, fact: Callable[[Json], Any]) -> Json | None:
    if fact(seen):
        return seen
    return None


def _good(answer: httpx2.Response) -> Json:
    assert answer.status_code < 400, f"{answer.request.method} {answer.request.url}: {answer.text}"
    result: Json = answer.json()
    return result
