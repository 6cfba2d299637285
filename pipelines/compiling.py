"""A template as the YAML that KFP takes, and the catalog that describes them all."""

import hashlib
import inspect
from pathlib import Path
from typing import Any

import yaml
from kfp import compiler, dsl

from pipelines.parameters import PARAMETERS, Parameter
from pipelines.templates import Results, Row, Template

KINDS = {
    str: "STRING",
    int: "NUMBER_INTEGER",
    float: "NUMBER_DOUBLE",
    bool: "BOOLEAN",
    list: "LIST",
    dict: "STRUCT",
}
SCHEMA = "catalog.schema.json"


def default(template: Template, name: str) -> Any:
    """Of this parameter in this template; None: required."""
    return template.defaults.get(name, PARAMETERS[name].default)


def write_template(template: Template, image: str, folder: Path) -> Path:
    """Compile into `folder`. The file."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    fields = [
        inspect.Parameter(
            name,
            keyword,
            annotation=PARAMETERS[name].type,
            default=_default(default(template, name)),
        )
        for name in template.parameters
    ]

    def pipeline(*values: Any) -> Results:
        arguments = dict(zip(template.parameters, values, strict=True))
        last = template.body(Row(arguments, image), arguments)
        return Results(*(last.outputs[name] for name in Results._fields))

    pipeline.__signature__ = inspect.Signature(fields, return_annotation=Results)  # type: ignore[attr-defined]
    pipeline.__annotations__ = {
        **{field.name: field.annotation for field in fields},
        "return": Results,
    }
    says = "\n".join(f"    {name}: {PARAMETERS[name].description}" for name in template.parameters)
    pipeline.__doc__ = f"{template.title}.\n\nArgs:\n{says}\n"
    made = dsl.pipeline(
        name=template.name, description=template.description, display_name=template.title
    )(pipeline)
    file = folder / f"{template.name}.yaml"
    compiler.Compiler().compile(made, str(file))
    return file


def _default(value: Any) -> Any:
    if value is None:
        return inspect.Parameter.empty
    return value


def entry(template: Template, file: Path) -> dict[str, Any]:
    """The template in the catalog."""
    return {
        "name": template.name,
        "version": template.version,
        "title": template.title,
        "description": template.description,
        "strategy": template.strategy,
        "tags": list(template.tags),
        "file": f"templates/{file.name}",
        "digest": f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}",
        "parameters": [
            _field(name, PARAMETERS[name], default(template, name)) for name in template.parameters
        ],
    }


def _field(name: str, parameter: Parameter, value: Any) -> dict[str, Any]:
    head = {"name": name, "type": KINDS[parameter.type], "description": parameter.description}
    return {
        **head,
        **({"required": True} if value is None else {"default": value}),
        **parameter.limits,
    }


def catalog_text(image: str, entries: list[dict[str, Any]]) -> str:
    """`catalog.yaml`."""
    body = {"catalog_version": 1, "image": image, "templates": entries}
    head = f"# yaml-language-server: $schema={SCHEMA}\n# Written by `make templates` from pipelines/.\n"
    return head + yaml.safe_dump(body, sort_keys=False, width=120, allow_unicode=True)
