"""`tidegate dev cluster` where no cluster runs, and what it says of one that does; `tidegate dev
secret`."""

import json
import os
from pathlib import Path

import pytest

from tests.cli.fakes import Cli
from tidegate_local.devcluster.cluster import PARTS


@pytest.fixture
def root(cli: Cli, tmp_path: Path) -> Path:
    cli.environ["TIDEGATE_HOME"] = str(tmp_path)
    (tmp_path / "devcluster").mkdir()
    return tmp_path / "devcluster"


def test_no_cluster_is_said_and_is_3(cli: Cli, root: Path) -> None:
    ended = cli("dev", "cluster", "status")
    assert (ended.code, ended.out) == (
        3,
        "no dev cluster runs: `tidegate dev cluster up` starts one\n",
    )
    ended = cli("dev", "cluster", "down")
    assert (ended.code, ended.out) == (0, "no dev cluster runs\n")


def test_a_cluster_that_runs_tells_how_to_reach_it(cli: Cli, root: Path) -> None:
    state = {"state": "ready", "step": "", "pid": os.getpid(), "parts": ["knative", "kserve"]}
    reach = {"server": "https://127.0.0.1:1", "kubeconfig": "/x/kubeconfig"}
    (root / "cluster.json").write_text(json.dumps(state | reach))
    ended = cli("dev", "cluster", "status")
    assert ended.code == 0
    assert "parts:      knative, kserve" in ended.out
    assert "KUBECONFIG: /x/kubeconfig" in ended.out


def test_one_that_is_still_starting_tells_how_far_it_is(cli: Cli, root: Path) -> None:
    state = {"state": "starting", "step": "starting Knative", "pid": os.getpid()}
    (root / "cluster.json").write_text(json.dumps(state))
    assert cli("dev", "cluster", "status").out.startswith("starting: starting Knative (pid ")


def test_an_unknown_part_is_2_and_names_those_there_are(cli: Cli, root: Path) -> None:
    ended = cli("dev", "cluster", "up", "--part", "kafka")
    assert ended.code == 2
    assert ended.err == f"✖ --part: no such part: kafka; choose from {', '.join(PARTS)}\n"
    assert "kserv (did you mean kserve" in cli("dev", "cluster", "up", "--part", "kserv").err


def test_a_secret_needs_a_value_and_a_local_plane(cli: Cli, root: Path) -> None:
    (root / "empty").write_text("\n")
    ended = cli("dev", "secret", "triton", "--file", str(root / "empty"))
    assert (ended.code, ended.err) == (
        2,
        "✖ the value is empty: give it on standard input or in --file\n",
    )
    (root / "token").write_text("planted")
    ended = cli("dev", "secret", "triton", "--file", str(root / "token"))
    assert ended.code == 1
    assert "`tidegate up` starts a local one" in ended.err
    assert "planted" not in ended.err
