"""Every script against the real controllers, and what they did compared with what the fake does."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.built import dev_cluster
from tests.conformance.compare import differences, told
from tests.conformance.fake import FakeWorld
from tests.conformance.play import Play
from tests.conformance.real import Bench
from tests.conformance.scripts import RUNS, Script
from tests.conformance.states import Trace
from tests.conformance.worlds import World
from tidegate.core.intent import Mode
from tidegate_local.devcluster.cluster import DevCluster

pytestmark = pytest.mark.cluster
PARTS = ("gateway", "knative", "kserve")
AT_ONCE = 10  # a script mostly waits
Runs = dict[str, Future[tuple[Trace, Trace]]]


def perform(script: Script, mode: Mode, world: World, expected: Trace | None = None) -> Trace:
    play = Play(mode, world, expected, script.scaling)
    script.act(play)
    play.ends()
    return play.trace


def both(bench: Bench, script: Script, mode: Mode, namespace: str) -> tuple[Trace, Trace]:
    fake = perform(script, mode, FakeWorld())
    with bench.world(namespace) as world:
        return fake, perform(script, mode, world, fake)


def name_of(script: Script, mode: Mode) -> str:
    return f"{script.name}, {mode}"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevCluster]:
    """One of its own: routes get their status from Envoy Gateway, of which a machine can run
    one."""
    with dev_cluster(tmp_path_factory.mktemp("conformance"), PARTS) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def runs(
    cluster: DevCluster, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Runs]:
    """All that were asked for, beside each other in namespaces of their own."""
    bench = Bench(cluster, tmp_path_factory.mktemp("access"))
    params = [item.callspec.params for item in request.session.items if item.path == request.path]  # type: ignore[attr-defined]
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            yield {
                name_of(param["script"], param["mode"]): pool.submit(
                    both, bench, param["script"], param["mode"], f"c{number}"
                )
                for number, param in enumerate(params)
            }
            pool.shutdown(cancel_futures=True)
        assert not bench.splits.trouble()
    finally:
        bench.close()


@pytest.mark.parametrize(
    ("script", "mode"), RUNS, ids=lambda value: getattr(value, "name", str(value)).lower()
)
def test_the_real_controllers_do_as_the_fake_does(runs: Runs, script: Script, mode: Mode) -> None:
    fake, real = runs[name_of(script, mode)].result()
    print(told(real))
    results = differences(fake, real)
    assert not results, "\n".join([*results, "the fake:", told(fake), "the real one:", told(real)])
