"""Which of Triton's calls need a token: one order, and what is refused by name."""

from tidegate.core import rules
from tidegate.core.intent import Mode, Restriction, Runtime
from tidegate.core.ports import Capabilities
from tidegate.core.triton import restriction


def problems(runtime: Runtime, mode: Mode = Mode.STANDARD) -> list[tuple[str, str]]:
    return [(p.field, p.sentence) for p in rules.check_runtime(runtime, mode, Capabilities())]


def test_the_same_restriction_is_the_same_revision() -> None:
    item = restriction.restricted(["trace", "statistics", "trace"], "s", "token")
    assert (
        item
        == restriction.restricted(["statistics", "trace"], "s", "token")
        == Restriction(("statistics", "trace"), "s", "token")
    )
    assert restriction.restricted([], "s", "token") is None


def test_health_stays_open_for_the_kubelet_in_both_modes() -> None:
    runtime = Runtime(security=Restriction(("health", "trace"), "s", "token"))
    for mode in Mode:
        ((field, detail),) = problems(runtime, mode)
        assert field == "/runtime_config/security/groups"
        assert "'health' is refused" in detail
    assert problems(Runtime(security=Restriction(restriction.USUAL, "s", "token"))) == []


def test_another_server_has_no_such_flags() -> None:
    ((field, detail),) = problems(
        Runtime("kserve-sklearnserver", "sklearn", security=Restriction(("trace",), "s", "token"))
    )
    assert field == "/runtime_config/security"
    assert "'kserve-sklearnserver'" in detail


def test_what_is_taken_from_clients_and_from_the_warm_up_is_said() -> None:
    assert list(restriction.warnings(Restriction(restriction.USUAL, "s", "token"))) == []
    first, second = restriction.warnings(Restriction(("metadata", "inference"), "s", "token"))
    assert "triton-grpc-protocol-triton-access-token" in first
    assert "model_warmup" in second
