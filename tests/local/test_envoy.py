"""A real Envoy behind `apply`: what clients see while tables change, replicas move and Envoy
dies."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tidegate.core.ports import Unavailable
from tidegate_local.home import Home, free_port
from tidegate_local.processes.envoy import NAME, Applied, Envoy, Rejected, too_many
from tidegate_local.processes.supervisor import Supervisor
from tidegate_local.processes.table import Address, Backend, Listener, Table, WeightedRule

pytestmark = pytest.mark.real
Upstream = Any  # conftest's
Serve = Callable[[str], Upstream]
INFER = "/v2/models/add_sub/infer"


def backend(revision: int, *up: Upstream, endpoint: str = "team.ep") -> Backend:
    addresses = tuple(Address("127.0.0.1", item.port) for item in up)
    return Backend(f"{endpoint}--r{revision}--http", addresses, False, f"r{revision}")


def table(
    port: int, *shares: tuple[Backend, int], mirrors: tuple[tuple[str, int], ...] = ()
) -> Table:
    rule = WeightedRule((), False, tuple((b.cluster, weight) for b, weight in shares), mirrors)
    return Table(tuple(b for b, _ in shares), (Listener("team.ep", port, (rule,)),))


def url(port: int, path: str = INFER) -> str:
    return f"http://127.0.0.1:{port}{path}"


def counts(envoy: Envoy, backend: Backend, suffix: str = "") -> dict[str, int]:
    seen = envoy.admin.stats(rf"^cluster\.{backend.cluster}{suffix}\.upstream_rq_[0-9]+$")
    assert not isinstance(seen, Unavailable)
    return {name.rpartition("_")[2]: int(value) for name, value in seen.values.items()}


def await_served(envoy: Envoy, backend: Backend, suffix: str, code: str, n: int) -> None:
    for _ in range(200):
        if counts(envoy, backend, suffix).get(code) == n:
            return
        threading.Event().wait(0.02)
    raise AssertionError(counts(envoy, backend, suffix))


class Load:
    """Clients that ask without pause until stopped; answers by (status, revision)."""

    def __init__(self, port: int, clients: int = 3) -> None:
        self.seen: Counter[str] = Counter()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(port,)) for _ in range(clients)]

    def _run(self, port: int) -> None:
        with httpx2.Client() as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(url(port), content=b"{}")
                    self.seen[f"{answer.status_code} {answer.headers['x-tidegate-revision']}"] += 1
                except httpx2.HTTPError as error:
                    self.seen[repr(error)] += 1

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def test_weights_flip_under_load_without_a_lost_request(envoy: Envoy, serve: Serve) -> None:
    port = free_port()
    first = serve("one")
    two = serve("two")
    r1 = backend(1, first)
    r2 = backend(2, two)
    assert envoy.apply(table(port, (r1, 100), (r2, 0))) == Applied()
    with Load(port) as load:
        for weight in (5, 50, 100, 0, 100, 0, 100, 25, 0) * 2:
            before = sum(load.seen.values())
            assert envoy.apply(table(port, (r1, 100 - weight), (r2, weight))) == Applied()
            while sum(load.seen.values()) < before + 20:
                threading.Event().wait(0.005)
    assert set(load.seen) == {"200 r1", "200 r2"}


def test_a_revision_comes_and_goes_under_load_without_a_lost_request(
    envoy: Envoy, serve: Serve
) -> None:
    port = free_port()
    first = serve("one")
    two = serve("two")
    r1 = backend(1, first)
    assert envoy.apply(table(port, (r1, 100))) == Applied()
    with Load(port) as load:
        for revision in (2, 3, 4):
            fresh = backend(revision, two)
            assert envoy.apply(table(port, (r1, 50), (fresh, 50))) == Applied()
            while load.seen[f"200 r{revision}"] < 20:
                threading.Event().wait(0.005)
            assert envoy.apply(table(port, (r1, 100))) == Applied((fresh.cluster,))
            while envoy.sweep():
                threading.Event().wait(0.05)
            assert counts(envoy, fresh) == {}
        again = backend(2, two)
        envoy.apply(table(port, (r1, 100), (again, 0)))
        assert envoy.admin.births[again.cluster] == 2
    assert {key.split()[0] for key in load.seen} == {"200"}


def test_a_cluster_outlives_its_route_until_its_last_request_ended(
    envoy: Envoy, serve: Serve
) -> None:
    port = free_port()
    first = serve("one")
    two = serve("two")
    r1 = backend(1, first)
    r2 = backend(2, two)
    envoy.apply(table(port, (r1, 0), (r2, 100)))
    two.hold.clear()
    answers: list[int] = []
    slow = threading.Thread(
        target=lambda: answers.append(httpx2.post(url(port), timeout=30).status_code)
    )
    slow.start()
    assert two.entered.wait(10)
    assert envoy.apply(table(port, (r1, 100))) == Applied((r2.cluster,))
    threading.Event().wait(1.1)  # the least age of a drained cluster
    assert envoy.sweep() == (r2.cluster,)
    two.hold.set()
    slow.join()
    assert answers == [200]
    while envoy.sweep():
        threading.Event().wait(0.02)


def test_a_moved_replica_keeps_the_counters(envoy: Envoy, serve: Serve) -> None:
    port = free_port()
    old = serve("old")
    new = serve("new")
    envoy.apply(table(port, (backend(1, old), 100)))
    assert [httpx2.post(url(port)).text for _ in range(3)] == ["old"] * 3
    assert envoy.apply(table(port, (backend(1, new), 100))) == Applied()
    assert [httpx2.post(url(port)).text for _ in range(2)] == ["new"] * 2
    assert counts(envoy, backend(1)) == {"200": 5}


def test_a_revision_without_replicas_answers_503_and_harms_nobody(
    envoy: Envoy, serve: Serve
) -> None:
    port = free_port()
    other = free_port()
    item = serve("one")
    r1 = backend(1, item)
    r2 = backend(2)
    first = table(port, (r1, 0), (r2, 100))
    fine = backend(1, item, endpoint="team.other")
    second = Listener("team.other", other, (WeightedRule((), False, ((fine.cluster, 100),)),))
    assert envoy.apply(Table((*first.backends, fine), (*first.listeners, second))) == Applied()
    answer = httpx2.post(url(port))
    assert (answer.status_code, answer.headers["x-tidegate-revision"]) == (503, "r2")
    assert httpx2.post(url(other)).status_code == 200
    assert counts(envoy, r2) == {"503": 1}


def test_health_and_metadata_do_not_count_as_inference(envoy: Envoy, serve: Serve) -> None:
    port = free_port()
    item = serve("one")
    r1 = backend(1, item)
    envoy.apply(table(port, (r1, 100)))
    for path in ("/v2/health/ready", "/v2/models/add_sub", "/v2/models/add_sub/config"):
        assert httpx2.get(url(port, path)).status_code == 200
    httpx2.post(url(port, "/v2/models/add_sub/versions/1/infer"))
    assert counts(envoy, r1) == {"200": 1}
    assert counts(envoy, r1, "--meta") == {"200": 3}


def test_copies_never_count_as_answers(envoy: Envoy, serve: Serve) -> None:
    port = free_port()
    first = serve("one")
    two = serve("two")
    two.status = 500
    r1 = backend(1, first)
    r2 = backend(2, two)
    envoy.apply(table(port, (r1, 100), (r2, 0), mirrors=((r2.cluster, 100),)))
    assert {httpx2.post(url(port)).status_code for _ in range(5)} == {200}
    await_served(envoy, r2, "--mirror", "500", 5)
    assert counts(envoy, r2) == {}


def test_requests_with_the_header_go_to_the_candidate(envoy: Envoy, serve: Serve) -> None:
    port = free_port()
    first = serve("one")
    two = serve("two")
    r1 = backend(1, first)
    r2 = backend(2, two)
    beta = WeightedRule((("x-user", "beta"),), False, ((r1.cluster, 0), (r2.cluster, 100)))
    plain = table(port, (r1, 100), (r2, 0))
    rules = (beta, *plain.listeners[0].rules)
    assert envoy.apply(replace(plain, listeners=(Listener("team.ep", port, rules),))) == Applied()
    assert httpx2.post(url(port), headers={"x-user": "beta"}).text == "two"
    assert httpx2.post(url(port)).text == "one"


def test_envoy_killed_reads_its_files_again_and_counts_anew(
    envoy: Envoy, serve: Serve, supervisor: Supervisor
) -> None:
    port = free_port()
    item = serve("one")
    desired = table(port, (backend(1, item), 100))
    envoy.apply(desired)
    before = envoy.admin.stats("^server.live$")
    supervisor.kill(NAME)
    supervisor.wait(NAME, lambda s: s.starts == 2, 10)
    assert envoy.apply(desired) == Applied()
    assert httpx2.post(url(port)).text == "one"
    after = envoy.admin.stats("^server.live$")
    assert not isinstance(before, Unavailable)
    assert not isinstance(after, Unavailable)
    assert before.incarnation != after.incarnation


def test_what_envoy_rejects_is_an_error_in_its_words_and_is_rolled_back(
    envoy: Envoy, serve: Serve
) -> None:
    port = free_port()
    item = serve("one")
    good = table(port, (backend(1, item), 100))
    envoy.apply(good)
    taken = Listener("team.taken", item.port, good.listeners[0].rules)
    result = envoy.apply(replace(good, listeners=(*good.listeners, taken)))
    assert isinstance(result, Rejected)
    assert "Address already in use" in result.reason
    assert httpx2.post(url(port)).text == "one"
    assert envoy.apply(good) == Applied()


def test_a_table_written_while_envoy_is_down_is_served_once_it_is_up(
    envoy: Envoy, serve: Serve, supervisor: Supervisor, home: Home
) -> None:
    port = free_port()
    item = serve("one")
    supervisor.stop(NAME)
    desired = table(port, (backend(1, item), 100))
    assert isinstance(envoy.apply(desired, seconds=0.1), Unavailable)
    assert json.loads((home.xds / "lds.yaml").read_text())["resources"]


def test_more_files_than_envoy_may_watch_is_a_reason_not_a_crash(tmp_path: Path) -> None:
    (tmp_path / "limit").write_text("128\n")
    assert too_many(96, tmp_path / "limit") == ()
    assert "fs.inotify.max_user_instances=128" in too_many(97, tmp_path / "limit")[0]


def test_a_plane_of_twenty_endpoints_is_no_trouble(envoy: Envoy) -> None:
    listeners = []
    backends = []
    for n in range(20):
        mine = [backend(r, endpoint=f"team.ep{n}") for r in (1, 2)]
        rule = WeightedRule((), False, ((mine[0].cluster, 90), (mine[1].cluster, 10)))
        listeners.append(Listener(f"team.ep{n}", free_port(), (rule,)))
        backends += mine
    assert envoy.apply(Table(tuple(backends), tuple(listeners))) == Applied()


def test_a_table_that_contradicts_itself_is_refused_before_anything_is_written(
    envoy: Envoy,
) -> None:
    result = envoy.apply(table(free_port(), (backend(1), 0)))
    assert isinstance(result, Rejected)
    assert "sum above 0" in result.reason
    turned = replace(backend(5), h2=True)
    envoy.apply(Table((backend(5),)))
    assert "cannot change its protocol" in str(envoy.apply(Table((turned,))))
