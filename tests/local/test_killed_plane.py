"""A plane that is killed with -9 takes every real process with it: nothing runs on, nothing stays
in memory."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate_local.home import Home
from tidegate_local.processes.process import end_leftovers

EXAMPLES = Path(__file__).parents[2] / "examples" / "triton"
PLANE = """
import json, signal, sys, time
from pathlib import Path
from tidegate_local.processes import toolchain
from tidegate_local.processes.envoy import Envoy
from tidegate_local.home import Home, free_port
from tidegate_local.processes.postgres import Postgres
from tidegate_local.processes.s3 import S3Server
from tidegate_local.processes.storage import fetch
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.triton import Phase, Replica, TritonPorts
from tidegate.staging.sources import Access

home = Home(Path(sys.argv[1])).create()
supervisor = Supervisor(home.run)
envoy = Envoy(home, supervisor, free_port())
envoy.start()
postgres = Postgres(home.pg, home.logs / "postgres.log", supervisor, free_port())
postgres.start()
S3Server(home.logs / "s3.log", supervisor, free_port()).start("models")
fetch(sys.argv[2], home.models / "r1", Access(files=True))
ports = TritonPorts(free_port(), free_port(), free_port())
replica = Replica("r1", home.models / "r1", ports, toolchain.ensure(), supervisor, home.logs / "r1.log")
replica.start()
while replica.poll().phase is not Phase.READY:
    time.sleep(0.05)
pids = {name: supervisor.status(name).pid for name in supervisor.names()}
print(json.dumps({"pids": pids, "shm": replica.shm}), flush=True)
signal.pause()
"""


@pytest.mark.real
def test_nothing_outlives_a_killed_plane(tmp_path: Path) -> None:
    home = Home(tmp_path / "plane")
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [
        sys.executable,
        "-c",
        PLANE,
        str(home.root),
        (EXAMPLES / "model-repository").as_uri(),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environ) as plane:
        assert plane.stdout is not None
        content = json.loads(plane.stdout.readline())
        handles = {name: os.pidfd_open(pid) for name, pid in content["pids"].items()}
        plane.send_signal(signal.SIGKILL)
    assert set(handles) == {"envoy", "postgres", "s3", "r1"}
    late = [name for name, handle in handles.items() if not select.select([handle], [], [], 20)[0]]
    for handle in handles.values():
        os.close(handle)
    assert late == []
    assert end_leftovers(home.run) == ()
    assert not list(Path("/dev/shm").glob(f"{content['shm']}*"))
    assert not list(home.run.glob("*.pid"))
