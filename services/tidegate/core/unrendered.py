"""What an InferenceService carries and the next revision would not: live and rendered, compared.

In Standard mode each revision is an InferenceService of its own, so whatever we do not render is
gone. In Knative mode a revision is written over the one InferenceService by server-side apply: what
we do not name stays, and what is lost are only the elements of lists that we replace.

Differences that are meant (the model's URI, a readiness probe) are data in this module.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tidegate.core import quantity
from tidegate.core.adopted_runtime import shared_memory
from tidegate.core.intent import Mode
from tidegate.core.triton import restriction

PREDICTOR = "spec.predictor"
MODEL = "spec.predictor.model"
_MEANT = frozenset(  # replaced by our own, taken over, or refused with a text of its own
    {
        f"{PREDICTOR}.canaryTrafficPercent",
        f"{PREDICTOR}.minReplicas",
        f"{PREDICTOR}.maxReplicas",
        f"{MODEL}.modelFormat",
        f"{MODEL}.readinessProbe",
        f"{MODEL}.storage",
        f"{MODEL}.storageUri",
    }
)
_DEFAULTED = {  # by KServe's webhook, for every InferenceService alike
    f"{PREDICTOR}.automountServiceAccountToken": False,
    f"{MODEL}.name": "kserve-container",
}
_SAME_NAME = {f"{PREDICTOR}.serviceAccount": "serviceAccountName"}  # core/v1: the deprecated alias
# Else `name`
_NAMES = {
    "volumeMounts": "mountPath",
    "ports": "containerPort",
    "tolerations": "key",
}
_STAYS = frozenset({f"{MODEL}.ports", f"{MODEL}.volumeMounts"})  # in Knative mode: merged by key
_RESOURCES = f"{MODEL}.resources"
_EXIT = "--exit-timeout-secs"
_SHOWN = 60  # characters of a value
_NAMED = 5  # elements of a list


@dataclass(frozen=True, slots=True)
class Loss:
    """One field. path: as `kubectl explain` writes it. value: '' where it might be a secret."""

    path: str
    value: str = ""


def losses(live: Mapping[str, Any], rendered: Mapping[str, Any], mode: Mode) -> tuple[Loss, ...]:
    """Return what a live `spec.predictor` has and the one that we would write has not.

    live, rendered: values of `spec.predictor`. What KServe or Kubernetes defaults is no loss.
    """
    return tuple(_Walk(live, mode).mapping(PREDICTOR, live, rendered))


class _Walk:
    """The comparison of one predictor."""

    def __init__(self, predictor: Mapping[str, Any], mode: Mode) -> None:
        self._whole = mode is Mode.STANDARD  # the next revision is only what we render
        self._security = restriction.written(predictor.get("model") or {})
        self._shared_memory = (shared_memory(predictor) or {}).get("name")
        self._mounted_beside = frozenset(_mounted(predictor))
        self._covered_at = {  # path of a list -> whether we render one of its elements
            f"{MODEL}.args": self._argument,
            f"{MODEL}.env": self._variable,
            f"{MODEL}.ports": self._port,
            f"{MODEL}.volumeMounts": self._mount,
            f"{PREDICTOR}.volumes": self._volume,
        }

    def mapping(
        self, path: str, live: Mapping[str, Any], rendered: Mapping[str, Any]
    ) -> Iterator[Loss]:
        """Compare two objects, field by field."""
        for name, value in live.items():
            if "/" in name:
                at = f"{path}[{name}]"
            else:
                at = f"{path}.{name}"
            if value in (None, "", {}, []) or at in _MEANT or _DEFAULTED.get(at) == value:
                continue
            ours = rendered.get(_SAME_NAME.get(at, name))
            if ours is None:
                yield from self._absent(at, value)
            else:
                yield from self._value(at, value, ours)

    def _absent(self, path: str, value: Any) -> Iterator[Loss]:
        if not self._whole:
            return
        if isinstance(value, list):
            yield from self._list(path, value, ())
        elif isinstance(value, Mapping) and path.startswith(_RESOURCES):
            yield from self.mapping(path, value, {})
        elif path.startswith(_RESOURCES) and _same_amount(str(value), "0"):
            return
        else:
            yield Loss(path, _plain_value(path, value))

    def _value(self, path: str, live: Any, rendered: Any) -> Iterator[Loss]:
        if isinstance(live, Mapping) and isinstance(rendered, Mapping):
            yield from self.mapping(path, live, rendered)
        elif isinstance(live, list) and isinstance(rendered, list):
            yield from self._list(path, live, rendered)
        elif not _same(path, live, rendered):
            yield Loss(path, _plain_value(path, live))

    def _list(self, path: str, live: Sequence[Any], rendered: Sequence[Any]) -> Iterator[Loss]:
        if not self._whole and path in _STAYS:
            return
        covered = self._covered_at.get(path, self._element)
        lost = [item for item in live if not covered(path, item, rendered)]
        if lost:
            names = [_name(path, item) for item in lost[:_NAMED]]
            more = []
            if len(lost) > _NAMED:
                more = [f"{len(lost) - _NAMED} more"]
            yield Loss(path, ", ".join([*filter(None, names), *more]))

    def _element(self, path: str, item: Any, rendered: Sequence[Any]) -> bool:
        if not isinstance(item, Mapping):
            return item in rendered
        return any(not tuple(self.mapping(path, item, ours)) for ours in rendered)

    def _argument(self, _: str, item: Any, rendered: Sequence[Any]) -> bool:
        flag, _, value = str(item).partition("=")
        if self._security is not None and str(item).startswith(restriction.FLAGS):
            return True
        if flag == _EXIT and value.isdecimal():
            ours = [str(argument).partition("=") for argument in rendered]
            return any(name == _EXIT and int(value) <= int(most) for name, _, most in ours)
        return item in rendered

    def _variable(self, path: str, item: Any, rendered: Sequence[Any]) -> bool:
        """Also the variable that carries the token of the restriction that was taken over."""
        reference = (item.get("valueFrom") or {}).get("secretKeyRef") or {}
        security = self._security
        if security is not None and reference.get("name") == security.secret:
            return bool(reference.get("key") == security.key)
        return self._element(path, item, rendered)

    def _port(self, path: str, item: Any, rendered: Sequence[Any]) -> bool:
        unnamed = {field: value for field, value in item.items() if field != "name"}
        return self._element(path, unnamed, rendered)

    def _mount(self, _: str, item: Any, rendered: Sequence[Any]) -> bool:
        return any(ours.get("mountPath") == item.get("mountPath") for ours in rendered)

    def _volume(self, path: str, item: Any, rendered: Sequence[Any]) -> bool:
        """Shared memory of the same size; without a size it may take as much as the node has."""
        if not self._whole and item.get("name") not in self._mounted_beside:
            return True  # it is replaced, and no container needs it
        if item.get("name") != self._shared_memory:
            return self._element(path, item, rendered)
        unnamed = {field: value for field, value in item.items() if field != "name"}
        sized = "sizeLimit" in (item.get("emptyDir") or {})
        return sized and self._element(path, unnamed, rendered)


def _mounted(predictor: Mapping[str, Any]) -> Iterator[str]:
    """Names of the volumes that containers beside the model's mount."""
    for field in ("containers", "initContainers"):
        for container in predictor.get(field) or ():
            yield from (str(mount.get("name")) for mount in container.get("volumeMounts") or ())


def _same(path: str, live: Any, rendered: Any) -> bool:
    if live == rendered or str(live).split() == str(rendered).split():  # a query over several lines
        return True
    if path == f"{PREDICTOR}.terminationGracePeriodSeconds":
        return isinstance(live, int) and live <= rendered  # pods get longer than they asked for
    if path.startswith(_RESOURCES) or path.endswith(".sizeLimit"):
        return _same_amount(str(live), str(rendered))
    return False


def _same_amount(live: str, rendered: str) -> bool:
    try:
        return quantity.amount(live) == quantity.amount(rendered)
    except ValueError:
        return False


def _name(path: str, item: Any) -> str:
    """What an element of a list is called; never its value, which may be a secret."""
    if isinstance(item, Mapping):
        key = _NAMES.get(path.rpartition(".")[2], "name")
        return str(item.get(key, ""))[:_SHOWN]
    text = str(item)
    if text.startswith("-"):
        return text.partition("=")[0][:_SHOWN]
    return ""


def _plain_value(path: str, value: Any) -> str:
    """A plain value; '' for an object, and where it might be a secret or long."""
    if isinstance(value, Mapping | list) or "annotations" in path:
        return ""
    text = str(value)
    if len(text) <= _SHOWN:
        return text
    return ""
