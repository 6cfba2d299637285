"""What a model's `config.pbtxt` says, checked before its bytes go anywhere: each of these faults
makes Triton refuse the model, minutes later and in a pod's log.

Source of the rules: Triton's model configuration guide (docs/user_guide/model_configuration.md).
What Triton completes by itself (inputs, outputs, a backend that a file's name tells) may be
missing.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tidegate.core.intent import Batcher
from tidegate.staging.pbtxt import MOST_BYTES, Message, PbtxtError, Value, Word, parse

DATA_TYPES = frozenset(
    f"TYPE_{name}"
    for name in (
        *("BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"),
        *("FP16", "FP32", "FP64", "BF16", "STRING"),
    )
)
PLATFORMS = {
    "tensorrt_plan": "tensorrt",
    "tensorflow_graphdef": "tensorflow",
    "tensorflow_savedmodel": "tensorflow",
    "onnxruntime_onnx": "onnxruntime",
    "pytorch_libtorch": "pytorch",
    "ensemble": "",
}
_TELLING = (
    "model.py",
    "model.onnx",
    "model.plan",
    "model.pt",
    "model.savedmodel",
    "model.graphdef",
    "model.xml",
)
_BACKEND = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_CHOICES = ("dynamic_batching", "sequence_batching", "ensemble_scheduling")


@dataclass(frozen=True, slots=True)
class Facts:
    """One model's folder. files: paths below it, such as `1/model.py`. text: its config.pbtxt, None
    without one."""

    name: str
    versions: tuple[int, ...]
    files: Collection[str]
    text: bytes | None


def problems(model: Facts) -> tuple[str, ...]:
    """Everything that Triton would refuse, one line each; () where there is nothing."""
    if model.text is None:
        return tuple(_unnamed(model, {}))
    try:
        config = read(model.text)
    except PbtxtError as error:
        return (f"{model.name}/config.pbtxt cannot be read: {error}",)
    rules = (_names, _unnamed, _paths, _tensors, _batching, _versions)
    return tuple(
        f"{model.name}/config.pbtxt: {message}" for rule in rules for message in rule(model, config)
    )


def read(text: bytes) -> Message:
    """The message in a config.pbtxt. Raises PbtxtError."""
    if len(text) > MOST_BYTES:
        raise PbtxtError(f"it has {len(text)} bytes, more than {MOST_BYTES}")
    try:
        return parse(text.decode())
    except UnicodeDecodeError:
        raise PbtxtError("it is not UTF-8 text") from None


def batched(model: Facts, batcher: Batcher) -> bytes | str:
    """The config.pbtxt with dynamic batching as `batcher` asks for it, or why it cannot be.

    max_batch_size stays: it is what clients may send in one request. The batcher's size becomes the
    preferred one and its latency (milliseconds) the longest wait in the queue.
    """
    if model.text is None:
        return f"{model.name} has no config.pbtxt: write one with max_batch_size, or import it without a batcher"
    config = read(model.text)
    there = next((choice for choice in _CHOICES if choice in config), None)
    if there is not None:
        return f"{model.name}/config.pbtxt has {there} of its own: remove it there, or import it without a batcher"
    most = _whole(config, "max_batch_size") or 0
    size = batcher.max_batch_size
    if size > most:
        message = "no batches (max_batch_size is 0)"
        if most:
            message = f"batches of {most} at most"
        return (
            f"{model.name} takes {message}, the batcher asks for {size}: "
            "raise max_batch_size, which changes the model"
        )
    delay = batcher.max_latency * 1000
    block = f"dynamic_batching {{ preferred_batch_size: [ {size} ] max_queue_delay_microseconds: {delay} }}"
    return model.text.rstrip() + b"\n" + block.encode() + b"\n"


def _names(model: Facts, config: Message) -> Iterator[str]:
    for name in config.get("name", ()):
        if name != model.name:
            yield f"name {_quote(name)} is not the folder's, {model.name!r}: make them the same, or leave name out"


def _unnamed(model: Facts, config: Message) -> Iterator[str]:
    platform = _last_value(config, "platform")
    backend = _last_value(config, "backend")
    if platform not in (None, "", *PLATFORMS):
        yield f"platform {_quote(platform)} is none of Triton's: use {', '.join(PLATFORMS)}, or name a backend"
    elif platform and backend not in (None, "", PLATFORMS[str(platform)]):
        yield f"platform {platform!r} and backend {_quote(backend)} differ: leave one of them out"
    if backend and not (isinstance(backend, str) and _BACKEND.fullmatch(backend)):
        yield f"backend {_quote(backend)} is no backend's name: letters, digits, _ and - only"
    telling = any(path.split("/")[1:2] == [name] for path in model.files for name in _TELLING)
    if not (platform or backend or telling or "ensemble_scheduling" in config):
        where = "neither platform nor backend is given, and"
        if model.text is None:
            where = "has no config.pbtxt, and"
        message = f"{where} no file's name tells it ({', '.join(_TELLING)}): name the backend in config.pbtxt"
        if model.text is None:
            yield f"{model.name} {message}"
        else:
            yield message


def _paths(model: Facts, config: Message) -> Iterator[str]:
    """A file that it names is one of the version's own."""
    name = _last_value(config, "default_model_filename")
    if name is None or name == "":
        return
    if not isinstance(name, str) or "/" in name or name in (".", ".."):
        yield f"default_model_filename {_quote(name)} is a path: name a file in the version's folder"
        return
    for version in model.versions:
        if not any(
            path == f"{version}/{name}" or path.startswith(f"{version}/{name}/")
            for path in model.files
        ):
            yield f"default_model_filename {name!r} is not in version {version}: add it, or drop the version"


def _tensors(_: Facts, config: Message) -> Iterator[str]:
    for kind in ("input", "output"):
        names = []
        for index, tensor in enumerate(config.get(kind, ())):
            if not isinstance(tensor, dict):
                yield f"{kind}[{index}] is no message: write {{ name: ... data_type: ... dims: [ ... ] }}"
                continue
            names.append(_last_value(tensor, "name"))
            yield from (f"{kind}[{index}]: {message}" for message in _tensor(tensor))
        for name in sorted({str(name) for name in names if name and names.count(name) > 1}):
            yield f"two {kind}s are named {name!r}: names are unique"


def _tensor(tensor: Message) -> Iterator[str]:
    name = _last_value(tensor, "name")
    kind = _last_value(tensor, "data_type")
    dims = tensor.get("dims", ())
    if not isinstance(name, str) or not name:
        yield "name is missing"
    if not isinstance(kind, Word) or kind.text not in DATA_TYPES:
        yield f"data_type {_quote(kind)} is none of Triton's: use {', '.join(sorted(DATA_TYPES))}"
    if not dims:
        yield "dims is missing: write [ 4 ], or [ -1 ] where the size varies"
    bad = next(
        (size for size in dims if not isinstance(size, int) or (size < 1 and size != -1)), None
    )
    if bad is not None:
        yield f"dims holds {_quote(bad)}: a size is above 0, or -1 where it varies"


def _batching(_: Facts, config: Message) -> Iterator[str]:
    if "max_batch_size" in config:
        most = _whole(config, "max_batch_size")
    else:
        most = 0
    if most is None or most < 0:
        yield f"max_batch_size {_quote(_last_value(config, 'max_batch_size'))} is no whole number of 0 or more"
        return
    there = [choice for choice in _CHOICES if choice in config]
    if len(there) > 1:
        yield f"{' and '.join(there)} exclude each other: keep one"
    dynamic = _last_value(config, "dynamic_batching")
    if not isinstance(dynamic, dict):
        return
    if not most:
        yield "dynamic_batching has no effect while max_batch_size is 0: raise it, or remove dynamic_batching"
    for size in dynamic.get("preferred_batch_size", ()):
        if most and not (isinstance(size, int) and 0 < size <= most):
            yield f"preferred_batch_size {_quote(size)} is not within 1 and max_batch_size, {most}"
    if "max_queue_delay_microseconds" in dynamic:
        delay = _whole(dynamic, "max_queue_delay_microseconds")
    else:
        delay = 0
    if delay is None or delay < 0:
        yield "max_queue_delay_microseconds is no whole number of 0 or more"


def _versions(model: Facts, config: Message) -> Iterator[str]:
    policy = _last_value(config, "version_policy")
    specific = None
    if isinstance(policy, dict):
        specific = _last_value(policy, "specific")
    if not isinstance(specific, dict):
        return
    for version in specific.get("versions", ()):
        if version not in model.versions:
            there = ", ".join(map(str, model.versions))
            yield f"version_policy names version {_quote(version)}, which has no folder: there is {there}"


def _last_value(message: Message, field: str) -> "Value | None":
    """The last of a field that may not repeat, as protocol buffers read it."""
    if message.get(field):
        return message[field][-1]
    return None


def _whole(message: Message, field: str) -> int | None:
    value = _last_value(message, field)
    if isinstance(value, int):
        return value
    return None


def _quote(value: "Value | None") -> str:
    if value is None:
        return "(missing)"
    return (value.text if isinstance(value, Word) else repr(value))[:80]
