"""Drift: which field, by whom, since when, and what it starts; never a secret."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.values import KEY, intent
from tidegate.core import written_fields
from tidegate.core.conditions import Code
from tidegate.core.drift import KEPT, KEPT_S, MOST, added, observed, of_write, remembered
from tidegate.core.drift_values import HIDDEN, readable
from tidegate.core.drivers.pod_template import Starts
from tidegate.core.drivers.rendering import GENERATION, REVISION, labels
from tidegate.core.intent import Mode
from tidegate.core.ports import Apply, Snapshot
from tidegate.core.written_fields import of_manifest

AT = 1_767_225_600.0  # 2026-01-01T00:00:00Z
ROUTE: dict[str, Any] = {
    "kind": "HTTPRoute",
    "metadata": {"name": "fraud", "labels": {"tidegate.dev/endpoint": "fraud"}},
    "spec": {
        "hostnames": ["fraud.models"],
        "rules": [{"backendRefs": [{"name": "r1", "weight": 90}, {"name": "r2", "weight": 10}]}],
    },
}
SERVICE: dict[str, Any] = {
    "kind": "InferenceService",
    "metadata": {"name": "fraud", "annotations": {"tidegate.dev/store": "s"}},
    "spec": {
        "predictor": {
            "minReplicas": 1,
            "canaryTrafficPercent": 10,
            "model": {"storageUri": "s3://models/fraud/2/", "env": [{"name": "A", "value": "a"}]},
        }
    },
}


def entry(fields: Any, manager: str = "kubectl-edit") -> dict[str, Any]:
    return {
        "manager": manager,
        "operation": "Update",
        "time": "2026-01-01T00:00:00Z",
        "fieldsV1": fields,
    }


def edited(manifest: dict[str, Any], *entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The object as somebody left it. changes: `a__b=value`, None to remove."""
    live = deepcopy(manifest)
    live["metadata"]["managedFields"] = list(entries)
    for name, content in changes.items():
        *path, last = name.split("__")
        inner = live
        for step in path:
            inner = inner[step]
        if content is None:
            inner.pop(last)
        else:
            inner[last] = content
    return live


RULES = entry({"f:spec": {"f:rules": {}}})
STOLEN = [{"backendRefs": [{"name": "r1", "weight": 50}, {"name": "r2", "weight": 50}]}]


def test_a_field_of_somebody_else_is_told_with_its_writer() -> None:
    live = edited(ROUTE, RULES, spec__rules=STOLEN)
    first, second = of_write(live, ROUTE, Mode.STANDARD, current=True)
    assert first.message == (
        "HTTPRoute fraud: spec.rules[0].backendRefs[0].weight is 50, desired 90; "
        "written by kubectl-edit at 2026-01-01T00:00:00Z"
    )
    assert (second.observed, second.desired) == ("50", "10")
    assert first.condition.code is Code.DRIFT
    assert first.condition.params["manager"] == "kubectl-edit"
    assert first.condition.params["written_at"] == AT


def test_a_field_that_we_wrote_is_no_drift_however_it_differs() -> None:
    ours = entry({"f:spec": {"f:rules": {}}}, "tidegate")
    live = edited(ROUTE, ours, spec__rules=STOLEN)
    assert of_write(live, ROUTE, Mode.STANDARD, current=True) == ()
    shared = edited(ROUTE, ours, RULES, spec__rules=STOLEN)
    assert of_write(shared, ROUTE, Mode.STANDARD, current=True) == ()


def test_what_was_taken_away_is_told_although_nobody_is_recorded() -> None:
    live = edited(SERVICE, spec__predictor__minReplicas=None)
    (drift,) = of_write(live, SERVICE, Mode.STANDARD, current=True)
    assert (drift.observed, drift.manager, drift.written_at) == ("nothing", "", None)
    assert "nobody is recorded" in drift.message
    assert of_write(live, SERVICE, Mode.STANDARD, current=False) == (), "a plan adds fields, too"


@pytest.mark.parametrize("empty", [{}, [], None, ""])
def test_an_empty_field_that_the_api_server_leaves_out_was_not_taken_away(empty: Any) -> None:
    planned = deepcopy(SERVICE)
    planned["metadata"]["annotations"] = empty
    planned["spec"]["predictor"]["tolerations"] = empty
    for fields in ({}, {"f:metadata": {}, "f:spec": {}}):
        live = edited(SERVICE, entry(fields), metadata__annotations=None)
        assert of_write(live, planned, Mode.STANDARD, current=True) == ()


def test_a_field_of_a_write_that_has_not_landed_yet_was_not_taken_away() -> None:
    live = edited(ROUTE, metadata__annotations={GENERATION: "6"})
    planned = edited(ROUTE, metadata__annotations={GENERATION: "7"}, spec__timeouts={"request": 1})
    assert of_write(live, planned, Mode.STANDARD, current=True) == ()
    live["metadata"]["annotations"][GENERATION] = "7"
    (drift,) = of_write(live, planned, Mode.STANDARD, current=True)
    assert drift.field == "spec.timeouts"


def test_a_field_that_the_next_revision_brings_was_not_taken_away() -> None:
    live = edited(SERVICE, spec__predictor__labels={REVISION: "r1"})
    planned = edited(
        SERVICE,
        spec__predictor__labels={REVISION: "r2"},
        spec__predictor__nodeSelector={"pool": "gpu"},
    )
    assert of_write(live, planned, Mode.KNATIVE, current=True) == ()
    live["spec"]["predictor"]["labels"][REVISION] = "r2"
    (drift,) = of_write(live, planned, Mode.KNATIVE, current=True)
    assert drift.field == "spec.predictor.nodeSelector"


def test_a_percent_that_is_not_there_yet_was_not_taken_away() -> None:
    live = edited(SERVICE, spec__predictor__canaryTrafficPercent=None)
    assert of_write(live, SERVICE, Mode.KNATIVE, current=True) == ()


@pytest.mark.parametrize(
    ("field", "standard", "knative"),
    [
        ("minReplicas", Starts.NOTHING, Starts.REVISION),
        ("canaryTrafficPercent", Starts.NOTHING, Starts.NOTHING),
        ("model", Starts.PODS, Starts.REVISION),
    ],
)
def test_it_is_told_what_a_change_of_the_field_starts(
    field: str, standard: Starts, knative: Starts
) -> None:
    fields = entry({"f:spec": {"f:predictor": {f"f:{field}": {}}}})
    live = edited(SERVICE, fields, **{f"spec__predictor__{field}": 7})
    for mode, starts in ((Mode.STANDARD, standard), (Mode.KNATIVE, knative)):
        (drift,) = of_write(live, SERVICE, mode, current=True)
        assert drift.starts is starts
        assert ("a change of it starts" in drift.message) is (starts is not Starts.NOTHING)


def test_an_annotation_of_somebody_else_that_starts_a_revision_is_told_for_a_while() -> None:
    fields = entry(
        {"f:metadata": {"f:annotations": {"f:owner": {}}, "f:finalizers": {}}}, "kubectl-annotate"
    )
    live = edited(
        SERVICE, fields, metadata__annotations={"owner": "team", "tidegate.dev/store": "s"}
    )
    (drift,) = added(live, Mode.KNATIVE, AT + 5)
    assert (drift.field, drift.manager) == ("metadata.annotations.owner", "kubectl-annotate")
    assert (drift.observed, drift.desired) == (HIDDEN, "nothing")
    assert drift.starts is Starts.REVISION
    assert added(live, Mode.KNATIVE, AT + KEPT_S) == ()
    assert of_write(live, SERVICE, Mode.KNATIVE, current=True) == ()


def test_a_field_that_a_write_puts_back_is_told_once_with_what_is_desired() -> None:
    fields = entry({"f:spec": {"f:predictor": {"f:minReplicas": {}}}})
    live = edited(SERVICE, fields, spec__predictor__minReplicas=0)
    live["metadata"]["labels"] = labels(KEY)
    writes = (Apply(SERVICE, "uid", "r1 is put back"),)
    current = intent(mode=Mode.KNATIVE)
    (drift,) = observed(writes, Snapshot(KEY, (live,), AT + 5), current, 3, None)
    assert (drift.observed, drift.desired, drift.starts) == ("0", "1", Starts.REVISION)


def test_a_label_more_in_a_selector_is_told() -> None:
    alias = {"kind": "Service", "metadata": {"name": "fraud"}, "spec": {"selector": {"a": "r1"}}}
    fields = entry({"f:spec": {"f:selector": {}}})
    live = edited(alias, fields, spec__selector={"a": "r1", "b": "c"})
    (drift,) = of_write(live, alias, Mode.STANDARD, current=True)
    assert (drift.field, drift.observed, drift.desired) == ("spec.selector.b", "c", "nothing")


def test_lists_of_another_length_are_told_by_their_length() -> None:
    live = edited(ROUTE, RULES, spec__rules=[*STOLEN, *STOLEN])
    (drift,) = of_write(live, ROUTE, Mode.STANDARD, current=True)
    assert (drift.field, drift.observed, drift.desired) == ("spec.rules", "2 elements", "1 element")


@pytest.mark.parametrize(
    ("path", "content", "text"),
    [
        (("spec", "predictor", "model", "env", 0, "value"), "s3cr3t", HIDDEN),
        (("spec", "predictor", "model", "args", 0), "--token=s3cr3t", HIDDEN),
        (("metadata", "annotations", "team/key"), "s3cr3t", HIDDEN),
        (("metadata", "annotations", "tidegate.dev/generation"), "7", "7"),
        (("spec", "rules", 0, "filters", 0, "set", 0, "value"), "s3cr3t", HIDDEN),
        (("spec", "rules", 0, "matches", 0, "headers", 0, "name"), "x-key", HIDDEN),
        (("data", "mark"), "s3cr3t", HIDDEN),
        (("spec", "predictor", "imagePullSecrets", 0, "token"), "s3cr3t", HIDDEN),
        (("spec", "storageUri"), "https://u:s3cr3t@h/m?sig=s3cr3t#x", "https://h/m?…"),
        (("spec", "storageUri"), "http://[s3cr3t", HIDDEN),
        (("spec", "storageUri"), "https://h/m;sig=s3cr3t", "https://h/m?…"),
        (("spec", "storageUri"), "https://h/m;sig=s3cr3t/n?x=s3cr3t", "https://h/m?…"),
        (("spec", "storageUri"), "https://u:s3cr#3t@h/m", HIDDEN),
        (("spec", "image"), "u:s3cr3t@reg.example/triton:24", "reg.example/triton:24"),
        (("spec", "image"), f"u:s3cr3t@reg/x@sha256:{'0' * 64}", f"reg/x@sha256:{'0' * 46}…"),
        (("spec", "image"), f"x@sha256:{'0' * 40}", f"x@sha256:{'0' * 40}"),
        (("spec", "image"), "reg/x?token=s3cr3t", "reg/x?…"),
        (("spec", "image"), "u:s3/cr3t@reg/x", "(hidden)"),
        (("readinessProbe", "httpGet", "path"), "/v2/health/ready", "/v2/health/ready"),
        (("readinessProbe", "httpGet", "path"), "/x?token=s3cr3t", "/x?…"),
        (("readinessProbe", "httpGet", "path"), "/x;token=s3cr3t#s3cr3t", "/x?…"),
        (("spec", "rules", 0, "backendRefs", 1, "name"), "fraud-r2", "fraud-r2"),
        (("spec", "x", "limits", "nvidia.com/gpu"), "2", "2"),
        (("spec", "on"), True, "true"),
        (("spec", "rules"), [{}, {}], "2 elements"),
        (("spec", "x"), {"secret": "s3cr3t"}, "1 field"),
        (("spec", "name"), "", '""'),
        (("spec", "x"), None, "nothing"),
    ],
)
def test_a_value_is_told_only_where_it_is_plain(path: Any, content: Any, text: str) -> None:
    assert readable(path, content) == text


def test_it_is_bounded() -> None:
    rules = [{"backendRefs": [{"weight": number} for number in range(100)]}]
    other = [{"backendRefs": [{"weight": number + 1} for number in range(100)]}]
    live = edited(ROUTE, entry({"f:spec": {"f:rules": {}}}, "m" * 5000), spec__rules=other)
    drifts = of_write(live, {**ROUTE, "spec": {"rules": rules}}, Mode.STANDARD, current=True)
    assert len(drifts) == MOST
    assert all(len(drift.message) < 500 for drift in drifts)
    label = "l" * 5000
    fields = entry({"f:metadata": {"f:labels": {f"f:{label}": {}}}})
    (drift,) = added(edited(SERVICE, fields, metadata__labels={label: "v"}), Mode.STANDARD, AT)
    assert len(drift.message) < 500


def test_what_was_put_back_is_told_for_a_while() -> None:
    seen = of_write(edited(ROUTE, RULES, spec__rules=STOLEN), ROUTE, Mode.STANDARD, current=True)
    first = remembered((), seen, AT)
    assert all(drift.seen_at == AT and not drift.put_back for drift in first)
    later = remembered(first, (), AT + 10)
    assert all(drift.seen_at == AT + 10 and drift.put_back for drift in later)
    assert remembered(later, (), AT + 15) == later
    assert remembered(later, seen, AT + 20) == remembered((), seen, AT + 20)
    assert remembered(later, (), AT + 10 + KEPT_S) == ()
    assert len(remembered(later * 20, seen, AT + 30)) <= KEPT


def test_what_lasts_is_told_as_before_however_long() -> None:
    """A status that changes with every pass notifies everybody who follows it."""
    seen = of_write(edited(ROUTE, RULES, spec__rules=STOLEN), ROUTE, Mode.STANDARD, current=True)
    first = remembered((), seen, AT)
    assert remembered(first, seen, AT + 10) == first
    assert remembered(first, seen, AT + 2 * KEPT_S) == first
    over = remembered(first, (), AT + 3 * KEPT_S)
    assert all(drift.put_back and drift.seen_at == AT + 3 * KEPT_S for drift in over)


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(TREES, TREES, TREES)
def test_no_object_breaks_it(live: Any, desired: Any, fields: Any) -> None:
    tree: dict[str, Any] = {"f:spec": {}}
    if isinstance(fields, dict):
        tree = {"f:spec": fields}
    item = {"kind": "InferenceService", "metadata": {"name": "x"}, "spec": live}
    item["metadata"]["managedFields"] = [entry(tree)]
    planned = {"kind": "InferenceService", "metadata": {"name": "x"}, "spec": desired}
    for mode in Mode:
        drifts = of_write(item, planned, mode, current=True)
        assert all(len(drift.message) < 600 for drift in (*drifts, *added(item, mode, AT)))


def test_only_a_field_that_was_written_can_drift() -> None:
    """A plan, or a new version of Tidegate, writes a field for the first time: what stood there
    before was nobody's change of it."""
    planned = edited(SERVICE, spec__predictor__nodeSelector={"pool": "gpu"})
    others = entry({"f:spec": {"f:predictor": {"f:nodeSelector": {}}}})
    theirs = edited(SERVICE, others, spec__predictor__nodeSelector={"pool": "cpu"})
    written = of_manifest(SERVICE)
    for live in (edited(SERVICE), theirs):
        assert of_write(live, planned, Mode.STANDARD, current=True, written=written) == ()
        assert of_write(live, planned, Mode.STANDARD, current=True), "nothing is remembered"
    (drift,) = of_write(theirs, planned, Mode.STANDARD, current=True, written=of_manifest(planned))
    assert (drift.observed, drift.desired) == ("cpu", "gpu")


def test_a_label_more_in_a_map_that_was_written_whole_drifts() -> None:
    alias = {"kind": "Service", "metadata": {"name": "fraud"}, "spec": {"selector": {"a": "r1"}}}
    live = edited(
        alias, entry({"f:spec": {"f:selector": {}}}), spec__selector={"a": "r1", "b": "c"}
    )
    (drift,) = of_write(live, alias, Mode.STANDARD, current=True, written=of_manifest(alias))
    assert drift.field == "spec.selector.b"


def test_what_was_written_is_remembered_as_long_as_the_object_is_there() -> None:
    known = written_fields.added((), (SERVICE, ROUTE))
    assert [each.object for each in known] == ["InferenceService fraud", "HTTPRoute fraud"]
    assert written_fields.kept(known, (ROUTE,)) == (of_manifest(ROUTE),)
    assert len(repr(of_manifest(SERVICE))) < 400
