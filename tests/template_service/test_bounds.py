"""One set of bounds: what the catalog's check lets through, the API takes. Values at and beyond
every bound go through check, command line, request body, the API's schema and its rules."""

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.pipelines.documents import CATALOG as FOLDER
from tests.pipelines.documents import Template, read
from tests.pipelines.test_commands import arguments, on_a_cluster
from tidegate.core import rules
from tidegate.core.intent import EndpointKey, Intent, Mode, Scaling
from tidegate.core.ports import Capabilities
from tidegate.deployment_service.plans import check_plan, strategy_of
from tidegate.schemas.requests.endpoints import NewEndpoint
from tidegate.schemas.requests.rollouts import StartRollout, Undo
from tidegate.steps import rollout_request
from tidegate.steps.arguments import parse
from tidegate.template_service.catalog import Catalog, Entry, Parameter
from tidegate.template_service.checking import check, values

CATALOG = Catalog()
RUN = "2f6e1c1a-0000-4000-8000-000000000000"
FIT = {"endpoint": "demo/fraud", "model_version": "2", "model_id": "add_sub"}
TEXTS = (
    *("", "a", "A", "_a", "-a", "a-", ".a", "a.b", "1", "a" * 41, "a" * 128, "a" * 129, "a/b"),
    *("fraud-r1", "1fraud", "team/fraud", "team/1fraud", "none", "v2", "knative", "standard"),
    *("x: y", "x = y", "x=a:b", "x:a=b", "=: y", "x:", "x y: z", "x: é", ": y", "x", "x:\ty"),
    *("x" * 1990, "x" * 2000, "x" * 2001, "x: " + "y" * 4096, "x: " + "y" * 4097),
    *("x" * 257 + ": y", "http://a", "evidence", "approval", "pause", "two\nlines"),
)


def candidates(parameter: Parameter) -> st.SearchStrategy[Any]:
    """Values within, at and beyond what a parameter takes."""
    match parameter.type:
        case "NUMBER_INTEGER" | "NUMBER_DOUBLE":
            bounds = parameter.bounds
            ends = {end for end in (bounds.ge, bounds.gt, bounds.le, bounds.lt) if end is not None}
            near = {
                value for end in ends for value in (end, end - 1, end + 1, math.nextafter(end, 9e9))
            }
            near |= {math.nextafter(end, -9e9) for end in ends}
            whole = st.integers(-2, 10)
            return st.one_of(st.sampled_from(sorted(near)), whole, st.floats(-1, 1))
        case "STRING":
            return st.sampled_from((*(parameter.choices or ()), *TEXTS))
        case "BOOLEAN":
            return st.booleans()
        case "LIST":
            return st.lists(st.integers(-1, 101), max_size=6, unique=True).map(sorted)
    return st.just({})


@st.composite
def runs(draw: st.DrawFn, entry: Entry) -> dict[str, Any]:
    """A run that fits, but for some of its values."""
    fit = {name: value for name, value in FIT.items() if entry.parameter(name)}
    if entry.strategy == "shadow":
        fit["side_effects"] = "none"
    chosen = draw(st.lists(st.sampled_from(entry.parameters), max_size=4))
    return {**fit, **{item.name: draw(candidates(item)) for item in chosen}}


def refused_by_the_api(template: Template, entry: Entry, run: dict[str, Any]) -> list[str]:
    """What the API would say to the tasks of this run, on a cluster that has everything."""
    task = "start" if entry.strategy not in ("deploy", "undo") else entry.strategy
    component = template.components[f"comp-{task}"]
    everything = {**values(entry, run), "run_id": RUN, "strategy": entry.strategy}
    args = parse(arguments(template, component, everything, on_a_cluster))
    args.run_id = RUN
    caps = Capabilities()
    match entry.strategy:
        case "undo":
            Undo(to=args.to or None, reason=rollout_request.reason(args))
            return []
        case "deploy":
            name = run["endpoint"].rpartition("/")[2]
            body = NewEndpoint.model_validate(rollout_request.endpoint(args, name))
            scaling = Scaling(args.min_replicas, args.max_replicas, args.keda)
            mode = body.mode or Mode.KNATIVE  # the installation's; the wider one
            intent = Intent(EndpointKey("demo", "fraud"), 1, mode, 1, scaling=scaling)
            if body.mode is None and args.keda:
                return []
            return [str(p) for p in (*rules.check_name(name), *rules.check(intent, None, caps))]
    plan = strategy_of(StartRollout.model_validate(rollout_request.rollout(args)))
    intent = Intent(EndpointKey("demo", "fraud"), 1, Mode.STANDARD, 1)
    return [str(problem) for problem in check_plan(plan, 2, intent, caps)]


@pytest.mark.parametrize("entry", CATALOG, ids=lambda entry: entry.name)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_what_the_catalog_takes_the_api_takes(entry: Entry, data: st.DataObject) -> None:
    if entry.name == "rollout-blue-green-promote":
        pytest.skip("it sends a name and a reason only")
    run = data.draw(runs(entry))
    assume(check(entry, run) == ())
    template = read(FOLDER / entry.file)
    assert refused_by_the_api(template, entry, run) == []
