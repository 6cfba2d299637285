"""A container's variables and arguments as the kubelet makes them when it starts it: values out of
Secrets, and `$(NAME)` in arguments (Kubernetes core/v1, Container.args)."""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tidegate_local.played.objects import Object

Secrets = Callable[[str, str], Object | None]  # (namespace, name) -> the Secret

_REFERENCE = re.compile(r"\$(\$|\([-._a-zA-Z][-._a-zA-Z0-9]*\))")


@dataclass(frozen=True, slots=True)
class Container:
    """What is started. Both may hold what is secret, and so are not printed."""

    args: tuple[str, ...] = field(repr=False)
    environ: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unmade:
    """Why it cannot be started yet, in the kubelet's words."""

    message: str


def no_secrets(namespace: str, name: str) -> Object | None:
    """A cluster without any."""
    return None


def make(pod: Object, secrets: Secrets) -> Container | Unmade:
    """The first container of a pod, as it would start now."""
    spec: Mapping[str, Any] = next(iter(pod["spec"].get("containers", ())), {})
    environ: dict[str, str] = {}
    for entry in spec.get("env", ()):
        value = _value(entry, pod["metadata"]["namespace"], secrets)
        if isinstance(value, Unmade):
            return value
        if value is not None:
            environ[entry["name"]] = value
    return Container(tuple(expanded(text, environ) for text in spec.get("args", ())), environ)


def expanded(text: str, environ: Mapping[str, str]) -> str:
    """`$(NAME)` becomes the value where there is one; `$$` is a dollar, so that `$$(NAME)` stays a
    reference."""

    def replaced(match: re.Match[str]) -> str:
        if match[1] == "$":
            return "$"
        return environ.get(match[1][1:-1], match[0])

    return _REFERENCE.sub(replaced, text)


def _value(entry: Mapping[str, Any], namespace: str, secrets: Secrets) -> str | Unmade | None:
    reference = entry.get("valueFrom", {}).get("secretKeyRef")
    if reference is None:
        return str(entry.get("value", ""))
    name = reference["name"]
    key = reference["key"]
    secret = secrets(namespace, name)
    encoded = (secret or {}).get("data", {}).get(key)
    if encoded is not None:
        return base64.b64decode(encoded).decode()
    if reference.get("optional"):
        return None
    if secret is None:
        message = f'secret "{name}" not found'
    else:
        message = f"couldn't find key {key} in Secret {namespace}/{name}"
    return Unmade(message)
