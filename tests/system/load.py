"""Clients that ask without end: Triton's own, HTTP and gRPC, with answers by revision and failures
by cause."""

import threading
from collections import Counter
from collections.abc import Callable

import grpc
import numpy as np
import tritonclient.http as triton_http
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.waiting import until

REVISION = "x-tidegate-revision"
_ONES = np.ones((1, 4), dtype=np.float32)


class Load:
    """One thread and one client per protocol, each with `pause` seconds between two requests."""

    def __init__(
        self, address: str, protocols: tuple[str, ...] = ("http", "grpc"), pause: float = 0.008
    ) -> None:
        self.answered: Counter[tuple[str, str]] = Counter()
        self.scenario: list[str] = []  # each failure, and after how many answers it came
        self.failed: Counter[tuple[str, str]] = Counter()
        self._address = address
        self._pause = pause
        self._stop = threading.Event()
        kinds: dict[str, Callable[[], None]] = {"http": self._http, "grpc": self._grpc}
        self._threads = [
            threading.Thread(target=kinds[name], name=f"load-{name}") for name in protocols
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def by_revision(self) -> Counter[str]:
        """Good answers of both protocols."""
        total: Counter[str] = Counter()
        for (_, revision), count in self.answered.copy().items():
            total[revision] += count
        return total

    def wait_for(self, revision: str, more: int = 20, seconds: float = 30.0) -> None:
        """Until a revision has given `more` good answers than now."""
        before = self.by_revision()[revision]
        until(
            lambda: self.by_revision()[revision] >= before + more,
            f"{more} more answers of {revision}",
            seconds,
        )

    def _fails(self, protocol: str, cause: str) -> None:
        self.failed[protocol, cause[:200]] += 1
        if len(self.scenario) < 50:
            self.scenario.append(f"{protocol} {cause[:200]} after {dict(self.answered)}")

    def _http(self) -> None:
        inputs = [triton_http.InferInput(name, [1, 4], "FP32") for name in ("INPUT0", "INPUT1")]
        for tensor in inputs:
            tensor.set_data_from_numpy(_ONES)
        with _Http(self._address) as client:
            while not self._stop.wait(self._pause):
                client.revision = ""
                try:
                    client.infer("add_sub", inputs)
                except Exception as error:  # whatever a client can see is what this counts
                    self._fails("http", f"{client.revision} {error}")
                else:
                    self.answered["http", client.revision] += 1

    def _grpc(self) -> None:
        request = service_pb2.ModelInferRequest(model_name="add_sub")
        for name in ("INPUT0", "INPUT1"):
            request.inputs.add(name=name, datatype="FP32", shape=[1, 4])
            request.raw_input_contents.append(_ONES.tobytes())
        options = [("grpc.max_reconnect_backoff_ms", 500), ("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(self._address, options) as channel:
            stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
            while not self._stop.wait(self._pause):
                try:
                    _, call = stub.ModelInfer.with_call(request, timeout=30)
                except grpc.RpcError as error:
                    self._fails("grpc", f"{error.code()} {error.details()}")
                else:
                    self.answered["grpc", dict(call.initial_metadata()).get(REVISION, "")] += 1


class _Http(triton_http.InferenceServerClient):
    """Triton's client, which also remembers who answered."""

    revision = ""

    def _post(self, *args: object, **kwargs: object) -> object:
        response = super()._post(*args, **kwargs)
        self.revision = response.get(REVISION) or ""
        return response
