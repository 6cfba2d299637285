"""A warm-up inference from a model's own metadata, so that the first client does not pay for the
first request.

Zeros in every input, 1 for every dimension that the model leaves open (KServe V2 metadata, "shape"
with -1).
"""

from collections.abc import Mapping
from math import prod
from typing import Any

_ZERO: dict[str, Any] = {
    "BOOL": False,
    **dict.fromkeys(("UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"), 0),
    **dict.fromkeys(("FP32", "FP64"), 0.0),
    "BYTES": "",
}
_MOST = 1_000_000  # elements; larger requests are no warm-up any more


def request(metadata: Mapping[str, Any]) -> dict[str, Any] | str:
    """The body of `POST /v2/models/M/infer` for a model's metadata, or why none can be made: a data
    type without a JSON form (FP16, BF16), or inputs that are too large."""
    inputs = []
    for tensor in metadata.get("inputs", ()):
        shape = [1 if size < 0 else int(size) for size in tensor["shape"]]
        datatype = tensor["datatype"]
        if datatype not in _ZERO:
            return f"input {tensor['name']} has data type {datatype}, which JSON cannot carry"
        if prod(shape) > _MOST:
            return f"input {tensor['name']} has {prod(shape)} elements, more than {_MOST}"
        data = [_ZERO[datatype]] * prod(shape)
        inputs.append({"name": tensor["name"], "shape": shape, "datatype": datatype, "data": data})
    return {"inputs": inputs}
