"""The rule book, message by message: field, value, rule and way out."""

from dataclasses import replace

import pytest

from tests.core.values import intent
from tidegate.core.intent import (
    NO_TRAFFIC,
    CandidateTraffic,
    EndpointKey,
    HeaderMatch,
    Intent,
    Mode,
    Pods,
    Protocol,
    Runtime,
    Scaling,
    Toleration,
)
from tidegate.core.ports import Capabilities
from tidegate.core.rules import check, check_name, check_runtime

KNATIVE = intent(mode=Mode.KNATIVE)
ALONE = intent(candidate=None)
BETA = (HeaderMatch("x-beta", "yes"),)

BAD: list[tuple[Intent, Capabilities, str, str]] = [
    (intent(scaling=Scaling(0, 2)), Capabilities(), "/autoscaling/minReplicas", "0 is below 1"),
    (
        intent(scaling=Scaling(3, 2)),
        Capabilities(),
        "/autoscaling/minReplicas",
        "minReplicas 3 is above maxReplicas 2",
    ),
    (
        replace(KNATIVE, scaling=Scaling(1, 2, keda=True)),
        Capabilities(),
        "/autoscaling/keda",
        "refused in knative",
    ),
    (
        intent(scaling=Scaling(1, 2, keda=True)),
        Capabilities(keda=False),
        "/autoscaling/keda",
        "needs KEDA",
    ),
    (
        replace(intent(scaling=Scaling(1, 2, keda=True)), key=EndpointKey("team", "n" * 40)),
        Capabilities(),
        "/autoscaling/keda",
        "a name of at most 39 characters",
    ),
    (intent(100), Capabilities(), "/canary_percent", "100 is not between 0 and 99"),
    (intent(-1), Capabilities(), "/canary_percent", "-1 is not between 0 and 99"),
    (
        intent(candidate_traffic=CandidateTraffic(mirror=101)),
        Capabilities(),
        "/mirror_percent",
        "101 is not between 0 and 100",
    ),
    (
        intent(candidate_traffic=CandidateTraffic(replicas_percent=-5)),
        Capabilities(),
        "/replicas_percent",
        "-5 is not between 0 and 100",
    ),
    (
        replace(ALONE, candidate_traffic=CandidateTraffic(percent=5)),
        Capabilities(),
        "/canary_percent",
        "there is no candidate",
    ),
    (
        intent(stable=None),
        Capabilities(),
        "/stable",
        "an endpoint that is gone has neither candidate",
    ),
    (intent(candidate=1), Capabilities(), "/revision", "r1 already is stable"),
    (
        replace(KNATIVE, candidate_traffic=CandidateTraffic(match=BETA)),
        Capabilities(),
        "/match",
        "header A/B is refused in knative mode",
    ),
    (
        intent(candidate_traffic=CandidateTraffic(match=BETA)),
        Capabilities(header_match=False),
        "/match",
        "HTTPRoute header matches",
    ),
    (
        replace(KNATIVE, candidate_traffic=CandidateTraffic(mirror=5)),
        Capabilities(),
        "/mirror_percent",
        "mirroring is refused in knative",
    ),
    (
        intent(candidate_traffic=CandidateTraffic(mirror=5)),
        Capabilities(mirror=False),
        "/mirror_percent",
        "HTTPRoute request mirrors",
    ),
    (
        replace(KNATIVE, standby=(7,)),
        Capabilities(),
        "/standby",
        "a standby revision is refused in knative mode",
    ),
    (intent(5), Capabilities(gateway=False), "/canary_percent", "needs the Gateway API"),
    (
        intent(candidate_traffic=CandidateTraffic(match=BETA)),
        Capabilities(gateway=False),
        "/match",
        "HTTPRoute header matches",
    ),
    (
        intent(candidate_traffic=CandidateTraffic(mirror=5)),
        Capabilities(gateway=False),
        "/mirror_percent",
        "HTTPRoute request mirrors",
    ),
    (
        intent(stable=0, candidate=None),
        Capabilities(gateway=False),
        "/name",
        "adopting 'fraud' in standard mode",
    ),
]


PLACED = Runtime(
    pods=Pods(node_selector=(("gpu", "a100"),), tolerations=(Toleration("gpu", "Exists"),))
)


@pytest.mark.parametrize(
    ("new", "caps", "field", "words"), BAD, ids=[words for _, _, _, words in BAD]
)
def test_refused(new: Intent, caps: Capabilities, field: str, words: str) -> None:
    problems = check(new, None, caps)
    assert field in [problem.field for problem in problems]
    assert any(words in problem.sentence for problem in problems), problems


def test_kserve_makes_one_host_label_of_name_and_namespace_in_standard_mode() -> None:
    longest = EndpointKey("n" * 27, "e" * 20)  # and `-r999-predictor-`: 63
    assert check(replace(ALONE, key=longest), None, Capabilities()) == ()
    beyond = replace(ALONE, key=EndpointKey("n" * 28, "e" * 20))
    (problem,) = check(beyond, None, Capabilities())
    assert problem.field == "/name"
    for words in (
        f"'{'e' * 20}'",
        "64 characters, at most 63",
        "-r999-predictor-",
        "shorten the name",
        "by 1",
    ):
        assert words in problem.sentence
    assert check(replace(beyond, mode=Mode.KNATIVE), None, Capabilities()) == ()
    assert check(beyond, beyond, Capabilities()) == ()  # one that is there must roll back


@pytest.mark.parametrize(
    "good",
    [
        intent(0),
        intent(99),
        ALONE,
        intent(stable=None, candidate=None),
        replace(KNATIVE, scaling=Scaling(0, 2)),
    ],
)
def test_allowed(good: Intent) -> None:
    assert check(good, None, Capabilities()) == ()


def test_stable_changes_only_to_what_runs() -> None:
    (problem,) = check(intent(stable=9), intent(), Capabilities())
    assert problem.sentence == "r9 does not run: start a rollout of it, or undo to it"
    promoted = intent(stable=2, candidate=None, standby=(1,))
    assert check(promoted, intent(50), Capabilities()) == ()
    undone = intent(stable=1, candidate=None, standby=(2,))
    assert check(undone, promoted, Capabilities()) == ()


def test_knative_brings_any_stable_in_by_its_order_of_writes() -> None:
    assert check(replace(KNATIVE, stable=9), KNATIVE, Capabilities()) == ()


def test_the_mode_stays() -> None:
    (problem,) = check(KNATIVE, intent(), Capabilities())
    assert problem.field == "/mode"


def test_scaling_during_a_rollout() -> None:
    bigger = Scaling(2, 8)
    # Standard: for both revisions
    assert check(intent(scaling=bigger), intent(), Capabilities()) == ()
    (problem,) = check(replace(KNATIVE, scaling=bigger), KNATIVE, Capabilities())
    assert problem.field == "/autoscaling"
    alone = replace(KNATIVE, candidate=None, candidate_traffic=NO_TRAFFIC)
    assert check(replace(alone, scaling=bigger), alone, Capabilities()) == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Fraud", "not a DNS label"),
        ("1fraud", "not a DNS label"),
        ("fraud-", "not a DNS label"),
        ("", "not a DNS label"),
        ("f" * 41, "has 41 characters, at most 40"),
        ("fraud-r12", "ends like a revision"),
    ],
)
def test_bad_names(name: str, words: str) -> None:
    assert any(words in problem.sentence for problem in check_name(name))


@pytest.mark.parametrize("name", ["f", "fraud", "fraud-rx", "fraud-2r", "f" * 40])
def test_good_names(name: str) -> None:
    assert check_name(name) == ()


def test_an_endpoint_that_has_keda_rolls_back_also_when_keda_is_gone() -> None:
    scaled = intent(5, scaling=Scaling(1, 2, keda=True))
    back = replace(scaled, candidate=None, candidate_traffic=NO_TRAFFIC)
    assert check(back, scaled, Capabilities(keda=False)) == ()


def test_placement_in_knative_mode_needs_knatives_leave() -> None:
    refusing = Capabilities(knative_placement=False)
    problems = check_runtime(PLACED, Mode.KNATIVE, refusing)
    assert [problem.field for problem in problems] == [
        "/runtime_config/nodeSelector",
        "/runtime_config/tolerations",
    ]
    assert "kubernetes.podspec-tolerations" in problems[0].sentence
    assert check_runtime(PLACED, Mode.STANDARD, refusing) == ()
    assert check_runtime(PLACED, Mode.KNATIVE, Capabilities()) == ()


def test_in_knative_mode_an_endpoint_keeps_its_protocol() -> None:
    grpc = Runtime(protocol=Protocol.GRPC_V2)
    (problem,) = check_runtime(grpc, Mode.KNATIVE, Capabilities(), stable=Runtime())
    assert problem.field == "/runtime_config/protocolVersion"
    assert "grpc-v2 differs from v2" in problem.sentence
    assert check_runtime(grpc, Mode.STANDARD, Capabilities(), stable=Runtime()) == ()
