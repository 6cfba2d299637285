"""A person's values against a template's parameters: each mistake is named, all at once, with the
rule."""

from typing import Any

import pytest

from tidegate.template_service.catalog import Catalog
from tidegate.template_service.checking import check, from_text, values

CATALOG = Catalog()
GOOD = {"endpoint": "demo/demo-triton", "model_version": "2"}


def problems(template: str, arguments: dict[str, Any]) -> dict[str, str]:
    return {
        problem.field: problem.sentence for problem in check(CATALOG.entry(template), arguments)
    }


def test_every_template_takes_its_defaults() -> None:
    for entry in CATALOG:
        arguments: dict[str, Any] = {**GOOD, "side_effects": "none", "model_id": "add_sub"}
        arguments = {name: value for name, value in arguments.items() if entry.parameter(name)}
        assert check(entry, arguments) == ()
        assert check(entry, values(entry, arguments)) == (), "a default is within its own bounds"


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("percents", [5, 5], "rising"),
        ("percents", [25, 10], "rising"),
        ("percents", [1, 100], "between 1 and 99"),
        ("percents", [0, 1], "between 1 and 99"),
        ("percents", [], "1 to 5 items"),
        ("percents", [1, 2, 3, 4, 5, 6], "1 to 5 items"),
        ("percents", [1, 2.5], "whole numbers"),
        ("percents", [True], "whole numbers"),
        ("percents", "1,5", "a list"),
        ("percents", {"1": 5}, "a list"),
        ("bake_seconds", -1, "between 0 and"),
        ("bake_seconds", 604_801, "between 0 and 604800"),
        ("bake_seconds", "60", "a number"),
        ("bake_seconds", True, "a number"),
        ("bake_seconds", float("inf"), "a number"),
        ("bake_seconds", float("nan"), "a number"),
        ("bake_seconds", None, "a number"),
        ("min_requests", 2.5, "a whole number"),
        ("alpha", 0, "above 0 and at most 0.5"),
        ("fail_margin", 0.5, "at least 0 and below 0.5"),
        ("pass_margin", 0, "above 0 and below 0.5"),
        ("latency_threshold_ms", -1, "between 0 and 3.6e+06"),
        ("runtime_version", "a/b", "of the form"),
        ("on_heartbeat_timeout", "explode", "one of 'continue', 'pause', 'abort'"),
        ("approval", "true", "true or false"),
        ("golden", [], "an object"),
        ("endpoint", "", "of the form"),
        ("endpoint", "Demo", "of the form"),
        ("endpoint", "a/b/c", "of the form"),
        ("model_version", "../2", "of the form"),
        ("model_version", 2, "a text"),
        ("model_version", "2\n", "of the form"),
        ("reason", "two\nlines", "one line"),
        ("reason", "x" * 2001, "at most 2000 characters"),
    ],
)
def test_a_value_that_does_not_fit_is_named_with_its_rule(name: str, value: Any, rule: str) -> None:
    result = problems("rollout-canary", {**GOOD, name: value})
    assert set(result) == {name}
    assert rule in result[name]


def test_all_mistakes_are_named_at_once() -> None:
    result = problems("rollout-canary", {"colour": "blue", "percents": [5, 1], "alpha": 7})
    assert set(result) == {"colour", "endpoint", "model_version", "percents", "alpha"}
    assert "use endpoint, model_version" in result["colour"]


def test_a_long_value_is_quoted_at_a_bounded_length() -> None:
    assert (
        len(problems("rollout-canary", {**GOOD, "model_version": "/" * 5000})["model_version"])
        < 300
    )


def test_what_belongs_together_is_asked_together() -> None:
    golden = {"model": "add_sub", "inputs": [], "outputs": []}
    assert "golden" in problems("rollout-canary", {**GOOD, "smoke": True})
    assert "golden" in problems("rollout-canary", {**GOOD, "golden": golden})
    assert problems("rollout-canary", {**GOOD, "golden": golden, "smoke": True}) == {}
    assert (
        "name one namespace"
        in problems("rollout-canary", {**GOOD, "namespace": "other"})["namespace"]
    )
    assert problems("rollout-canary", {**GOOD, "namespace": "demo"}) == {}


@pytest.mark.parametrize(
    ("values", "field", "rule"),
    [
        ({"min_replicas": 3}, "min_replicas", "minReplicas 3 is above maxReplicas 1"),
        ({"min_replicas": 0, "mode": "standard"}, "min_replicas", "the least in standard mode"),
        ({"keda": True, "mode": "knative"}, "keda", "KEDA is refused in knative mode"),
        ({"endpoint": "demo/1st"}, "endpoint", "begin with a letter"),
        ({"endpoint": "demo/fraud-r2"}, "endpoint", "ends like a revision"),
        ({"endpoint": "demo/" + "x" * 41}, "endpoint", "at most 40"),
    ],
)
def test_a_new_endpoint_is_put_before_the_rule_book(
    values: dict[str, Any], field: str, rule: str
) -> None:
    result = problems("endpoint-deploy", {**GOOD, "model_id": "add_sub", **values})
    assert set(result) == {field}
    assert rule in result[field]


def test_a_new_endpoint_may_scale_to_zero_where_the_mode_is_the_installations() -> None:
    values = {**GOOD, "model_id": "add_sub", "min_replicas": 0, "keda": True}
    assert problems("endpoint-deploy", values) == {}


@pytest.mark.parametrize("header", ["x-group: beta", "x = y", " x:y ", "x=a:b", "X-Team: a, b"])
def test_a_header_is_taken_as_the_steps_read_it(header: str) -> None:
    assert problems("rollout-ab", {**GOOD, "header": header}) == {}


@pytest.mark.parametrize("header", ["x", "x:", ": y", "x y: z", "x: é", "a/b: c"])
def test_a_header_that_is_none_is_refused_before_a_pod_reads_it(header: str) -> None:
    assert set(problems("rollout-ab", {**GOOD, "header": header})) == {"header"}


def test_a_first_deployment_names_its_model() -> None:
    assert set(problems("endpoint-deploy", GOOD)) == {"model_id"}
    assert set(problems("endpoint-deploy", {**GOOD, "model_id": ""})) == {"model_id"}


def test_a_shadow_is_started_by_somebody_who_says_that_it_is_harmless() -> None:
    assert set(problems("rollout-shadow", GOOD)) == {"side_effects"}
    assert "'none'" in problems("rollout-shadow", {**GOOD, "side_effects": "some"})["side_effects"]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("model_version", "2", "2"),
        ("percents", "1,5, 25", [1, 5, 25]),
        ("percents", "[1, 5]", [1, 5]),
        ("percents", "5", [5]),
        ("percents", "five", "five"),
        ("bake_seconds", "1.5", 1.5),
        ("approval", "true", True),
        ("approval", "yes", "yes"),
        ("golden", '{"model": "m"}', {"model": "m"}),
        ("bake_seconds", "null", "null"),
    ],
)
def test_a_value_of_a_command_line_gets_its_type(name: str, text: str, value: Any) -> None:
    parameter = CATALOG.entry("rollout-canary").parameter(name)
    assert parameter is not None
    assert from_text(parameter, text) == value
