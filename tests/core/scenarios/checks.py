"""What checks and the cluster's admission say in the middle of a rollout."""

from dataclasses import replace

from tests.core.scenarios.book import CANARY, begin, reach, scenario
from tests.simulation.simulation import Simulation
from tidegate.core import strategy
from tidegate.core.allowed import EVERYTHING, narrow
from tidegate.core.checks import BytesUnread
from tidegate.core.contract import Compatibility, Contract, Difference
from tidegate.core.intent import Mode
from tidegate.core.ports import Resolved
from tidegate.core.rollout import ActionKind
from tidegate.core.strategy import Deadlines

SHORT = replace(CANARY, deadlines=Deadlines(ready=120.0, decision=120.0))
GONE = Difference("fraud", "input X is gone", breaking=True)
BREAKING = Contract(Compatibility.BREAKING, (GONE,), "fraud: input X is gone")
OTHER = Resolved("s3://models/model-2", "sha256-other", mutable=True)


@scenario()
def the_allow_list_is_narrowed_for_a_while(t: Simulation) -> None:
    begin(t, until=0)
    t.note("(the tenant may use gs:// only)")
    t.outside.allow_list = narrow(("gs",))
    t.run(60)
    t.note("(it may use s3:// again)")
    t.outside.allow_list = EVERYTHING
    t.until_over()


@scenario()
def the_allow_list_is_narrowed_for_good(t: Simulation) -> None:
    begin(t, SHORT, until=0)
    t.note("(the tenant may use gs:// only)")
    t.outside.allow_list = narrow(("gs",))
    t.until_over()
    t.run(60)


@scenario()
def the_allow_list_bars_the_start(t: Simulation) -> None:
    t.deploy()
    t.note("(the tenant may use gs:// only)")
    t.outside.allow_list = narrow(("gs",))
    t.start(SHORT, t.revision())
    t.until_over()


@scenario()
def the_allow_list_is_narrowed_before_a_percent_by_hand_moves(t: Simulation) -> None:
    begin(t, until=0)
    t.lift(60)
    t.note("(the tenant may use gs:// only)")
    t.outside.allow_list = narrow(("gs",))
    t.run(60)
    t.lower(5)
    t.run(30)


@scenario()
def the_allow_list_bars_the_first_deployment(t: Simulation) -> None:
    t.note("(the tenant may use gs:// only)")
    t.outside.allow_list = narrow(("gs",))
    t.deploy()
    t.note("(it may use s3:// again)")
    t.outside.allow_list = EVERYTHING
    t.run(30)


@scenario()
def a_breaking_contract(t: Simulation) -> None:
    t.outside.contract = BREAKING
    begin(t)
    t.until_over()
    t.run(60)


@scenario()
def a_contract_that_cannot_be_read_at_first(t: Simulation) -> None:
    t.outside.contract = "the contract of r1 cannot be read: connection refused"
    begin(t)
    t.run(60)
    t.outside.contract = Contract(
        Compatibility.COMPATIBLE, (), "the same models, inputs and outputs"
    )
    t.note("(r1 answers)")
    t.until_over()


@scenario()
def the_bytes_of_a_mutable_model_change(t: Simulation) -> None:
    t.deploy()
    t.start(CANARY, t.revision(mutable=True))
    reach(t, 0)
    t.note("(somebody writes other bytes to s3://models/model-2)")
    t.outside.bytes[2] = OTHER
    t.until_over()
    t.run(60)


@scenario()
def the_bytes_of_a_large_model_take_their_time(t: Simulation) -> None:
    t.deploy()
    t.outside.bytes[2] = BytesUnread()
    t.start(CANARY, t.revision(mutable=True))
    t.run(60)
    t.note("(all of them were read)")
    del t.outside.bytes[2]
    t.until_over()


@scenario(Mode.STANDARD)
def a_shadow_whose_bytes_change(t: Simulation) -> None:
    t.deploy()
    t.note("(somebody writes other bytes to s3://models/model-2)")
    t.outside.bytes[2] = OTHER
    t.start(strategy.shadow(50, bake=20), t.revision(mutable=True))
    t.until_over()


@scenario()
def a_write_is_refused_on_the_way_up(t: Simulation) -> None:
    begin(t, until=0)
    t.note("(a policy denies changes of traffic)")
    t.outside.denies = _traffic(t)
    t.run(60)
    t.note("(it lets them pass)")
    t.outside.denies = set()
    t.until_over()


@scenario()
def a_write_is_refused_on_the_way_back(t: Simulation) -> None:
    begin(t, until=0)
    t.note("(a policy denies changes of traffic)")
    t.outside.denies = _traffic(t)
    t.action(ActionKind.ABORT)
    t.run(60)
    t.note("(it lets them pass)")
    t.outside.denies = set()
    t.until_over()
    t.run(60)


@scenario()
def a_pod_that_never_passes_its_warm_up(t: Simulation) -> None:
    t.outside.cold = {2}
    begin(t, SHORT)
    t.until_over()
    t.run(60)


def _traffic(t: Simulation) -> set[str]:
    """The kind whose objects move traffic."""
    return {"HTTPRoute" if t.mode is Mode.STANDARD else "InferenceService"}
