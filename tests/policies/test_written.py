"""The guardrails do not stand in Tidegate's own way: every object that it may write is admitted."""

import pytest

pytest.importorskip("cel_expr_python", reason="its wheels are for Linux")

from tests.policies.judge import Write, judge, names
from tests.policies.written import KEY, written

WORKER = "system:serviceaccount:tidegate-system:tidegate-deploy-worker"


def test_every_object_of_every_strategy_mode_and_step_is_admitted_made_and_changed() -> None:
    everything = written()
    kinds = {manifest["kind"] for _, manifest in everything}
    assert kinds == {"InferenceService", "HTTPRoute", "Service", "ConfigMap"}
    for where, manifest in everything:
        assert manifest["metadata"]["namespace"] == KEY.namespace
        before = next(other for _, other in everything if other["kind"] == manifest["kind"])
        for name in names():
            for write in (
                Write(manifest, user=WORKER),
                Write(manifest, before, user=WORKER),
                Write(None, manifest, user=WORKER),
            ):
                assert judge(name)(write) is None, f"{name} refuses {write.operation} of {where}"
