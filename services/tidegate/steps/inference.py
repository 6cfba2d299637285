"""One V2 inference by the real tritonclient, HTTP or gRPC by the scheme of the address."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tidegate.core.shown_address import shown_address
from tidegate.core.triton.restriction import GRPC_HEADER, HTTP_HEADER
from tidegate.steps.errors import StepFailed
from tidegate.steps.golden import Golden, Tensor

Json = dict[str, Any]

SECONDS = 30.0
_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}
_NOT_THERE = ("StatusCode.UNAVAILABLE", "[502]", "[503]", "[504]")


class NotThere(Exception):  # noqa: N818  (an expected outcome)
    """Nobody answered at that address."""


def infer(url: str, golden: Golden, token: str = "") -> Mapping[str, list[Any]]:
    """The outputs that are expected, flat, by name. token: of a Triton that restricts inference.
    Raises NotThere, StepFailed when the model refuses."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise StepFailed(f"{shown_address(url)!r} is no address that V2 is spoken at")
    where = f"{parts.hostname}:{parts.port or _PORTS[parts.scheme]}{parts.path.rstrip('/')}"
    names = [name for name, _ in golden.outputs]
    try:
        from tritonclient.utils import InferenceServerException
    except ImportError as error:
        raise StepFailed(f"the smoke test needs tritonclient in its image: {error}") from None
    if parts.scheme.startswith("grpc"):
        ask = _grpc
        header = GRPC_HEADER
    else:
        ask = _http
        header = HTTP_HEADER
    try:
        answer = ask(
            where, parts.scheme.endswith("s"), golden, names, {header: token} if token else {}
        )
    except InferenceServerException as error:
        message = str(error)
        if any(word in message for word in _NOT_THERE):
            raise NotThere(message) from None
        raise StepFailed(
            f"{golden.model} at {shown_address(url)} refuses the golden request: {message}"
        ) from None
    except (OSError, EOFError) as error:  # geventhttpclient's own
        raise NotThere(str(error) or type(error).__name__) from None
    return {name: _plain(array) for name in names if (array := answer(name)) is not None}


def _http(
    where: str, ssl: bool, golden: Golden, names: list[str], headers: Json
) -> Callable[[str], Any]:
    import tritonclient.http as http

    client = http.InferenceServerClient(
        where, ssl=ssl, connection_timeout=SECONDS, network_timeout=SECONDS
    )
    try:
        inputs = [_filled(http.InferInput, tensor) for tensor in golden.inputs]
        outputs = [http.InferRequestedOutput(name) for name in names]
        return _reader(client.infer(golden.model, inputs, outputs=outputs, headers=headers))
    finally:
        client.close()


def _grpc(
    where: str, ssl: bool, golden: Golden, names: list[str], headers: Json
) -> Callable[[str], Any]:
    import tritonclient.grpc as grpc

    client = grpc.InferenceServerClient(where, ssl=ssl)
    try:
        inputs = [_filled(grpc.InferInput, tensor) for tensor in golden.inputs]
        outputs = [grpc.InferRequestedOutput(name) for name in names]
        return _reader(
            client.infer(
                golden.model, inputs, outputs=outputs, client_timeout=SECONDS, headers=headers
            )
        )
    finally:
        client.close()


def _reader(answer: Any) -> Callable[[str], Any]:
    read: Callable[[str], Any] = answer.as_numpy
    return read


def _filled(make: Callable[..., Any], item: Tensor) -> Any:
    import numpy as np
    from tritonclient.utils import triton_to_np_dtype

    if item.datatype == "BYTES":
        values = np.array([str(value).encode() for value in item.data], dtype=np.object_)
    else:
        try:
            values = np.array(item.data, dtype=triton_to_np_dtype(item.datatype))
        except (TypeError, ValueError, OverflowError) as error:
            raise StepFailed(f"--golden: input {item.name}: {error}") from None
    tensor = make(item.name, list(item.shape), item.datatype)
    tensor.set_data_from_numpy(values.reshape(item.shape))
    return tensor


def _plain(array: Any) -> list[Any]:
    return [
        value.decode(errors="replace") if isinstance(value, bytes) else value
        for value in array.ravel().tolist()
    ]
