"""Run by the Python that has kfp: hold recorded exchanges against KFP's published API document.

kfp-server-api is generated from that document: its operations (path, method, query, body, answer)
and its models (keys, types, enumerations) are the document. Prints what does not fit; ends with the
number of operations that were seen.
"""

import inspect
import json
import re
import sys
from dataclasses import dataclass
from typing import Any

import kfp_server_api
from kfp_server_api import models

SERVICES = [var for name, var in vars(kfp_server_api).items() if name.endswith("ServiceApi")]
# What KFP answers and its document leaves out (`newHealthzResponse` in its server)
UNPUBLISHED = {"V2beta1GetHealthzResponse": {"tag_name", "commit_sha"}}
PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "datetime": (str,),
    "object": (dict, list, str, int, float, bool),
}


@dataclass(frozen=True)
class Operation:
    """One operation of the document."""

    method: str
    path: re.Pattern[str]
    query: frozenset[str]
    body: str | None
    answer: str


def operations() -> list[Operation]:
    """Every operation, read from the generated client."""
    items = []
    for service in SERVICES:
        for name, function in inspect.getmembers(service, inspect.isfunction):
            source = inspect.getsource(function)
            if not name.endswith("_with_http_info"):
                continue
            path, method = re.search(r"call_api\(\s*'([^']+)', '(\w+)'", source).groups()
            answer = re.search(r"response_type='?([^',]*)'?,", source)[1]
            body = re.search(r"body_params = local_var_params\['(\w+)'\]", source)
            kind = None
            if body:
                kind = re.search(rf":type {body[1]}: (\w+)", source)[1]
            query = frozenset(re.findall(r"query_params\.append\(\('([^']+)'", source))
            pattern = re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/:]+", re.escape(path)))
            items.append(Operation(method, pattern, query, kind, answer))
    return items


def wrong(value: Any, kind: str, where: str) -> list[str]:
    """What of a JSON value does not fit the type of the document."""
    if kind in PLAIN:
        fits = isinstance(value, PLAIN[kind]) and (
            kind == "bool" or not isinstance(value, bool) or kind == "object"
        )
        if fits:
            return []
        return [f"{where} is not {kind}: {value!r}"]
    many = re.fullmatch(r"list\[(.*)\]", kind)
    if many:
        return [
            fault
            for index, item in enumerate(value)
            for fault in wrong(item, many[1], f"{where}[{index}]")
        ]
    mapped = re.fullmatch(r"dict\(str, (.*)\)", kind)
    if mapped:
        return [
            fault
            for key, item in value.items()
            for fault in wrong(item, mapped[1], f"{where}.{key}")
        ]
    model = getattr(models, kind)
    if hasattr(model, "allowable_values"):
        if value in model.allowable_values:
            return []
        return [f"{where} is none of {kind}: {value!r}"]
    kinds = {
        model.attribute_map[name]: openapi_type
        for name, openapi_type in model.openapi_types.items()
    }
    known = kinds.keys() | UNPUBLISHED.get(kind, set())
    unknown = [f"{where}.{key} is not in {kind}" for key in value if key not in known]
    return unknown + [
        fault
        for key, item in value.items()
        if key in kinds
        for fault in wrong(item, kinds[key], f"{where}.{key}")
    ]


def check(exchange: dict[str, Any], known: list[Operation]) -> tuple[list[str], Operation | None]:
    """One exchange."""
    here = f"{exchange['method']} {exchange['path']}"
    fitting = [
        operation
        for operation in known
        if operation.method == exchange["method"] and operation.path.fullmatch(exchange["path"])
    ]
    if not fitting:
        return [f"{here} is no operation"], None
    exact = min(fitting, key=lambda operation: operation.path.pattern.count("[^/:]+"))
    faults = [
        f"{here} has no query {name}" for name in exchange["query"] if name not in exact.query
    ]
    if exchange["body"] is not None:
        if exact.body:
            faults += wrong(exchange["body"], exact.body, f"{here} body")
        else:
            faults += [f"{here} takes no body"]
    if exchange["status"] == 200:
        faults += wrong(exchange["answer"], exact.answer, f"{here} answer")
    return faults, exact


if __name__ == "__main__":
    known = operations()
    results = [check(exchange, known) for exchange in json.load(sys.stdin)]
    for faults, _ in results:
        print(*faults, sep="\n", end="\n" if faults else "")
    print(
        len({(operation.method, operation.path.pattern) for _, operation in results if operation})
    )
