"""HTTPRoute as written, to values: the schema rules of the Gateway API and the parsed rules.

Only the fields that Tidegate's users may meet are known: parentRefs, hostnames, path, header and
method matches, backendRefs with weights and a ResponseHeaderModifier, RequestMirror,
timeouts.request.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tidegate_local.played.objects import Object
from tidegate_local.played.routing import Match

_HOST = re.compile(r"(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_DURATION = re.compile(r"([0-9]{1,5}(h|m|s|ms)){1,4}")
_UNITS = {"h": Fraction(3600), "m": Fraction(60), "s": Fraction(1), "ms": Fraction(1, 1000)}
_FILTERS = (
    "RequestHeaderModifier",
    "ResponseHeaderModifier",
    "RequestMirror",
    "RequestRedirect",
    "URLRewrite",
)
_RULE_FIELDS = {
    "name",
    "matches",
    "filters",
    "backendRefs",
    "timeouts",
    "retry",
    "sessionPersistence",
}


@dataclass(frozen=True, slots=True)
class Backend:
    """A reference to a Service port. percent: of a mirror."""

    namespace: str
    name: str
    port: int
    weight: int = 1
    set_headers: tuple[tuple[str, str], ...] = ()


def problem(route: Object) -> str | None:
    """The first schema rule that an HTTPRoute breaks, with its field; None when it is valid."""
    return next(_problems(route["spec"]), None)


def matches_of(rule: Mapping[str, Any]) -> tuple[Match, ...]:
    """The matches of a rule; none is every path."""
    return tuple(_match(match) for match in rule.get("matches", ({},))) or (Match(),)


def backends_of(rule: Mapping[str, Any], namespace: str) -> tuple[Backend, ...]:
    """The backendRefs of a rule; a missing weight is 1."""
    return tuple(
        _backend(ref, namespace, ref.get("weight", 1), _set_headers(ref.get("filters", ())))
        for ref in rule.get("backendRefs", ())
    )


def mirrors_of(rule: Mapping[str, Any], namespace: str) -> tuple[Backend, ...]:
    """The RequestMirror filters of a rule, their weight in percent (whole, rounded)."""
    mirrors = (f["requestMirror"] for f in rule.get("filters", ()) if f["type"] == "RequestMirror")
    return tuple(_backend(m["backendRef"], namespace, _percent(m), ()) for m in mirrors)


def timeout_of(rule: Mapping[str, Any]) -> float | None:
    """timeouts.request in seconds; None without one, and for 0s, which means none."""
    text = rule.get("timeouts", {}).get("request")
    if not text:
        return None
    return seconds(text) or None


def seconds(duration: str) -> float:
    """A Gateway API duration (`1m30s`) in seconds."""
    parts = re.findall(r"(\d+)(h|ms|m|s)", duration)
    return float(sum((int(number) * _UNITS[unit] for number, unit in parts), Fraction(0)))


def _match(match: Mapping[str, Any]) -> Match:
    path = match.get("path", {})
    headers = match.get("headers", ())
    value = path.get("value", "/")
    # Only the literal beginning is kept: KServe's own routes say `/.*`
    if path.get("type") == "RegularExpression":
        value = re.sub(r"[^/\w-].*", "", value.lstrip("^")) or "/"
    exact = path.get("type") == "Exact"
    return Match(value, exact, _pairs(headers, "Exact"), _pairs(headers, "RegularExpression"))


def _pairs(headers: Iterable[Mapping[str, Any]], kind: str) -> tuple[tuple[str, str], ...]:
    """(name, value) of the headers that are compared this way."""
    ours = (header for header in headers if header.get("type", "Exact") == kind)
    return tuple((header["name"].lower(), header["value"]) for header in ours)


def _backend(
    ref: Mapping[str, Any], namespace: str, weight: int, headers: tuple[tuple[str, str], ...]
) -> Backend:
    return Backend(
        ref.get("namespace", namespace), ref["name"], ref.get("port", 0), weight, headers
    )


def _set_headers(filters: Iterable[Mapping[str, Any]]) -> tuple[tuple[str, str], ...]:
    modifiers = (
        f["responseHeaderModifier"] for f in filters if f["type"] == "ResponseHeaderModifier"
    )
    return tuple((h["name"], h["value"]) for modifier in modifiers for h in modifier.get("set", ()))


def _percent(mirror: Mapping[str, Any]) -> int:
    if "fraction" in mirror:
        fraction = mirror["fraction"]
        return round(100 * int(fraction["numerator"]) / int(fraction.get("denominator", 100)))
    return int(mirror.get("percent", 100))


def _problems(spec: Mapping[str, Any]) -> Iterator[str]:
    unknown = sorted(set(spec) - {"parentRefs", "hostnames", "rules"})
    if unknown:
        yield f".spec.{unknown[0]}: field not declared in schema"
    for host in spec.get("hostnames", ()):
        if not _HOST.fullmatch(host) or len(host) > 253:
            yield f'spec.hostnames: Invalid value: "{host}": must be a DNS name without a port'
    if len(spec.get("hostnames", ())) > 16:
        yield "spec.hostnames: Too many: must have at most 16 items"
    if len(spec.get("rules", ())) > 16:
        yield "spec.rules: Too many: must have at most 16 items"
    for index, rule in enumerate(spec.get("rules", ())):
        for sentence in _rule_problems(rule):
            yield f"spec.rules[{index}]{sentence}"


def _rule_problems(rule: Mapping[str, Any]) -> Iterator[str]:
    unknown = sorted(set(rule) - _RULE_FIELDS)
    if unknown:
        yield f".{unknown[0]}: field not declared in schema"
    for match in rule.get("matches", ()):
        yield from _match_problems(match)
    yield from _filter_problems(rule.get("filters", ()))
    for index, ref in enumerate(rule.get("backendRefs", ())):
        if not 0 <= ref.get("weight", 1) <= 1_000_000:
            yield f".backendRefs[{index}].weight: Invalid value: {ref['weight']}: must be 0..1000000"
        if "name" not in ref:
            yield f".backendRefs[{index}].name: Required value"
        if ref.get("kind", "Service") == "Service" and not ref.get("port"):
            yield f".backendRefs[{index}]: Must have port for Service reference"
        yield from _filter_problems(ref.get("filters", ()))
    for name, text in rule.get("timeouts", {}).items():
        if not _DURATION.fullmatch(str(text)):
            yield f'.timeouts.{name}: Invalid value: "{text}": a duration like 30s or 1m30s is required'


def _match_problems(match: Mapping[str, Any]) -> Iterator[str]:
    path = match.get("path", {})
    if path.get("type", "PathPrefix") not in ("PathPrefix", "Exact", "RegularExpression"):
        yield f'.matches.path.type: Unsupported value: "{path["type"]}"'
    if not path.get("value", "/").startswith("/"):
        yield f".matches.path: value \"{path['value']}\" must be an absolute path and start with '/'"
    names = [header["name"].lower() for header in match.get("headers", ())]
    if len(set(names)) != len(names):
        yield ".matches.headers: Duplicate value: header names must be unique"
    if any(not header.get("value") for header in match.get("headers", ())):
        yield ".matches.headers.value: Required value"


def _filter_problems(filters: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    kinds = [f.get("type") for f in filters]
    for kind in kinds:
        if kind not in _FILTERS:
            yield f'.filters.type: Unsupported value: "{kind}": one of {", ".join(_FILTERS)}'
        elif kind != "RequestMirror" and kinds.count(kind) > 1:
            yield f".filters: {kind} filter cannot be repeated"
    for entry in filters:
        mirror = entry.get("requestMirror", {})
        if "percent" in mirror and "fraction" in mirror:
            yield ".filters.requestMirror: only one of percent or fraction may be specified"
        if not 0 <= mirror.get("percent", 0) <= 100:
            yield f".filters.requestMirror.percent: Invalid value: {mirror['percent']}: must be 0..100"
