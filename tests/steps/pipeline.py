"""Whole templates by `kfp.local`: each run a process, its log a file, its tasks real ones against a
real plane."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from tests.system.real import NAMESPACE, RealPlane
from tests.waiting import until

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECONDS = 150.0
# Short, and lenient: a few hundred requests answer.
QUICK = {
    "bake_seconds": 1.0,
    "pass_margin": 0.05,
    "noise_window_seconds": 1.0,
    "ready_seconds": 60.0,
}
TAKES = {
    "rollout-canary": {**QUICK, "percents": [10, 50]},
    "rollout-ab": QUICK,
    "rollout-shadow": QUICK,
    "rollout-blue-green-stage": {"ready_seconds": 60.0},
    "endpoint-deploy": {"ready_seconds": 60.0, "model_id": "add_sub"},
}

Json = dict[str, Any]


def golden(total: float = 2.0) -> Json:
    """What add_sub answers to ones; another total is wrong."""
    ones = {"datatype": "FP32", "shape": [1, 4], "data": [1, 1, 1, 1]}
    inputs = [{"name": name, **ones} for name in ("INPUT0", "INPUT1")]
    return {
        "model": "add_sub",
        "inputs": inputs,
        "outputs": [{"name": "OUTPUT0", "data": [total] * 4}],
    }


class Run:
    """One pipeline run."""

    def __init__(self, process: subprocess.Popen[str], log: Path, root: Path) -> None:
        self.process = process
        self._log = log
        self.root = root

    @property
    def log(self) -> str:
        """Everything it has printed."""
        return self._log.read_text()

    def says(self, text: str, seconds: float = SECONDS) -> None:
        """Wait until it has printed this."""
        until(
            lambda: text in self.log or self.process.poll() is not None,
            f"it says {text!r}",
            seconds,
        )
        assert text in self.log, self.log

    def end(self, seconds: float = SECONDS) -> Json:
        """Its outputs, or its error."""
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it still runs after {seconds:.0f} s:\n{self.log}") from None
        last = self.log.strip().splitlines()[-1]
        content: Json = json.loads(last)
        return content

    def good(self, seconds: float = SECONDS) -> Json:
        """The outputs of a run that must succeed."""
        result = self.end(seconds)
        assert "outputs" in result, self.log
        return dict(result["outputs"])

    def bad(self, message: str, *, task: str) -> None:
        """A run that must fail in this task, saying this, without a traceback of ours."""
        result = self.end()
        assert "error" in result, self.log
        assert f"'{task}'" in result["error"] or task in result["error"], result
        assert message in self.log, self.log
        assert "Traceback" not in self.log, self.log

    def page(self) -> str:
        """The summary that a Kubeflow page would show."""
        (file,) = self.root.rglob("summary")
        return file.read_text()

    def kill(self) -> None:
        """What a cancelled run is: every process gone without a word."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)


class Kfp:
    """Starts runs of compiled templates."""

    def __init__(self, python: str, plane: RealPlane, folder: Path) -> None:
        self._python = python
        self._plane = plane
        self._folder = folder
        self._runs: list[Run] = []

    def start(self, template: str, endpoint: str, *, run_id: str = "", **arguments: Any) -> Run:
        """A run of a template."""
        file = ROOT / "catalog" / "templates" / f"{template}.yaml"
        return self.start_file(file, endpoint, run_id, {**TAKES.get(template, {}), **arguments})

    def start_own(self, program: Path, endpoint: str, **arguments: Any) -> Run:
        """A run of the pipeline that a program compiles with `tidegate.kfp`."""
        file = self._folder / f"{program.stem}.yaml"
        done = subprocess.run(
            [self._python, str(program), str(file)],
            env=self._environ(),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return self.start_file(file, endpoint, "", arguments)

    def start_file(self, file: Path, endpoint: str, run_id: str, arguments: Json) -> Run:
        """A run in a process group of its own, as an engineer would start it."""
        number = len(self._runs) + 1
        root = self._folder / f"root-{number}"
        log = self._folder / f"run-{number}.log"
        request = {
            "file": str(file),
            "arguments": {"endpoint": f"{NAMESPACE}/{endpoint}", **arguments},
            "root": str(root),
            "python": sys.executable,
            "run_id": run_id or str(uuid4()),
        }
        with log.open("w") as file:
            process = subprocess.Popen(
                [self._python, str(HERE / "run_template.py")],
                stdin=subprocess.PIPE, stdout=file, stderr=file, text=True, env=self._environ(), start_new_session=True,
            )  # fmt: skip
        assert process.stdin is not None
        with process.stdin as pipe:
            json.dump(request, pipe)
        run = Run(process, log, root)
        self._runs.append(run)
        return run

    def run(self, template: str, endpoint: str, **arguments: Any) -> Json:
        """A run that must succeed; its outputs."""
        return self.start(template, endpoint, **arguments).good()

    def close(self) -> None:
        """End what still runs."""
        for run in self._runs:
            run.kill()

    def _environ(self) -> Mapping[str, str]:
        token = (self._plane.home / "token").read_text().strip()
        result = {
            **os.environ,
            "TIDEGATE_URL": f"http://127.0.0.1:{self._plane.port}",
            "TIDEGATE_TOKEN": token,
        }
        return {**result, "PYTHONPATH": str(ROOT / "services"), "PYTHONUNBUFFERED": "1"}
