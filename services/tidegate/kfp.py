"""A rollout as a task of one's own Kubeflow pipeline: `from tidegate.kfp import rollout`.

It is a template of the catalog, as one task with tasks within: the same image, time-outs and
retries, the same address and token from the namespace, never from KFP's cache. Needs the extra
`kfp` (`pip install 'tidegate[kfp]'`).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from kfp import components
from kfp.dsl import PipelineTask
from kfp.dsl.pipeline_channel import PipelineChannel
from kfp.dsl.pipeline_context import Pipeline

from tidegate.core.errors import Problem
from tidegate.template_service import checking
from tidegate.template_service.catalog import Catalog, Entry, Json
from tidegate.template_service.rendering import (
    InvalidParametersError,
    check_image,
    dumped,
    load,
)

_RUN_ID = "--run-id="
_counts: WeakKeyDictionary[Pipeline, int] = WeakKeyDictionary()


def rollout(
    *, template: str = "rollout-canary", image: str | None = None, **values: Any
) -> PipelineTask:
    """A rollout as a task of the pipeline that is being defined.

    template: of the catalog (`tidegate template list`), which is the installed one, or that in the
    folder `TIDEGATE_CATALOG`. image: what its tasks run, pinned; default:
    `TIDEGATE_IMAGE`, else the catalog's. values: the template's parameters by name; each is a
    constant, a parameter of the pipeline or the output of a task. The task's outputs are `phase`,
    `routed_percent`, `verdict` and `rollout_url`.

    Raises InvalidParametersError with everything that is wrong with the constants; what comes while
    the pipeline runs is checked by the first task. Raises UnknownTemplateError.
    """
    image = image or os.environ.get("TIDEGATE_IMAGE")
    catalog = _catalog()
    entry = catalog.entry(template)
    constants = {name: value for name, value in values.items() if not _comes_later(value)}
    problems = (*_check(entry, constants, values), *check_image(image))
    if problems:
        raise InvalidParametersError(problems)
    documents = load(catalog, entry, image)
    pipeline = Pipeline.get_default_pipeline()
    if pipeline is None:  # kfp.local runs it at once
        return _component(documents)(**_typed(entry, values))
    _counts[pipeline] = _counts.get(pipeline, 0) + 1
    if _counts[pipeline] > 1:
        _tell_apart(documents[0], _counts[pipeline])
    task = _component(documents)(**_typed(entry, values))
    return task.set_display_name(entry.title).set_caching_options(False)


def _catalog() -> Catalog:
    folder = os.environ.get("TIDEGATE_CATALOG")
    if folder:
        return Catalog(Path(folder))
    return Catalog()


def _comes_later(value: Any) -> bool:
    """Whether a value is known only while the pipeline runs."""
    return isinstance(value, PipelineChannel | PipelineTask)


def _check(
    entry: Entry, constants: Mapping[str, Any], values: Mapping[str, Any]
) -> tuple[Problem, ...]:
    if len(constants) == len(values):
        return checking.check(entry, constants)
    return (*checking.missing(entry, values), *checking.check_each(entry, constants))


def _typed(entry: Entry, values: Mapping[str, Any]) -> Json:
    """A whole number where KFP expects a double is one."""
    typed = dict(values)
    for parameter in entry.parameters:
        value = values.get(parameter.name)
        if parameter.type == "NUMBER_DOUBLE" and isinstance(value, int):
            typed[parameter.name] = float(value)
    return typed


def _tell_apart(spec: Json, number: int) -> None:
    """Give the rollouts of one run ids of their own. A task goes on with what its run has begun at
    an endpoint; without this a second rollout there would attach to the first."""
    for executor in spec["deploymentSpec"]["executors"].values():
        arguments = executor["container"]["args"]
        for index, argument in enumerate(arguments):
            if argument.startswith(_RUN_ID):
                arguments[index] = f"{argument}-{number}"


def _component(documents: tuple[Json, ...]) -> Any:
    return components.load_component_from_text(dumped(*documents))
