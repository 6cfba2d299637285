"""The facts of the model contract: what a pod of stable and one of the candidate say of their
models.

Asked when the candidate is first ready, before anything sends it requests. Until both have
answered, its pods are told to the drivers as not ready, so that no way of moving traffic, not a
person's percent either, gets ahead of the comparison; the candidate's own deadline ends that wait.
"""

import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tidegate.core.contract import Contract, compare, unchecked
from tidegate.core.drivers.pod_state import condition
from tidegate.core.drivers.rendering import number_of
from tidegate.core.intent import EndpointKey
from tidegate.core.observation import Live, Observation
from tidegate.core.ports import Manifest, Snapshot
from tidegate.core.rollout import Rollout
from tidegate.core.shown_address import shown_address
from tidegate.core.triton import restriction
from tidegate.core.triton.metrics import loaded_models
from tidegate.core.triton.protocol import HTTP_PORT, METRICS_PORT, REPOSITORY_INDEX, model_path
from tidegate.core.triton.signature import Signature, signature
from tidegate.deploy_worker.forbidden import FORBIDDEN, Closed, ForbiddenError

_UNTOLD = (404, 405, 501)  # the server knows no such call
BUDGET_S = 5.0  # for one comparison of both; longer than that, it is made again
# between two comparisons of an endpoint that could not be read: each holds a thread of the worker
AGAIN_S = 10.0
LIMIT = 10_000  # endpoints remembered for that; beyond it all are asked once more
MOST_BYTES = 4 << 20  # of one answer


# A candidate beside stable; the reason where they have not both answered yet.
Contracts = Callable[[Snapshot, Observation, Rollout], Contract | str]


# `host:port` where a port of a pod answers, None where it has no address yet.
Reach = Callable[[Manifest, int], str | None]


def by_address(pod: Manifest, port: int) -> str | None:
    """A pod of Kubernetes."""
    address = (pod.get("status") or {}).get("podIP")
    if not address:
        return None
    if ":" in address:
        return f"[{address}]:{port}"
    return f"{address}:{port}"


class PodContracts:
    """Contracts by Triton's own answers. Thread-safe. port, metrics: of its HTTP and its metrics in
    the pods, the latter for the models' names where the list is restricted. timeout: seconds for
    one request. reach: where a pod's ports answer. forbidden: somebody before the pods rightly
    answers the worker with 403."""

    def __init__(
        self,
        *,
        port: int = HTTP_PORT,
        metrics: int = METRICS_PORT,
        timeout: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        reach: Reach = by_address,
        forbidden: bool = False,
    ) -> None:
        self._port = port
        self._metrics = metrics
        self._clock = clock
        self._reach = reach
        self._forbidden = forbidden
        self._http = httpx2.Client(timeout=timeout, trust_env=False)
        self._failed: dict[
            tuple[EndpointKey, str], tuple[float, str]
        ] = {}  # when to ask again, and why not before

    def __call__(
        self, snapshot: Snapshot, observation: Observation, rollout: Rollout
    ) -> Contract | str:
        """See Contracts. Who accepts a breaking contract does not wait for one that cannot be
        compared."""
        stable = observation.of(rollout.base)
        candidate = observation.of(rollout.candidate)
        silent = _silent(rollout.base, stable) or (
            _asleep(candidate) if candidate is not None else None
        )
        if silent is not None:
            return unchecked(silent)
        contract = self._found(snapshot, observation, rollout)
        if isinstance(contract, str) and rollout.accept_breaking:
            return unchecked(contract)
        return contract

    def _found(
        self, snapshot: Snapshot, observation: Observation, rollout: Rollout
    ) -> Contract | str:
        places: dict[int, _Where] = {}
        for revision in (rollout.base, rollout.candidate):
            where = self._address(snapshot, revision, observation.of(revision))
            if where is None:
                return f"the contract of r{revision} waits for a ready pod"
            places[revision] = where
        again, message = self._failed.get((snapshot.key, rollout.id), (0.0, ""))
        if message and self._clock() < again:
            return message
        contract = self._compared(places)
        if isinstance(contract, str):
            if len(self._failed) >= LIMIT:
                self._failed = {}
            self._failed[snapshot.key, rollout.id] = (self._clock() + AGAIN_S, contract)
        else:
            self._failed.pop((snapshot.key, rollout.id), None)
        return contract

    def _compared(self, places: Mapping[int, "_Where"]) -> Contract | str:
        """One comparison, with requests to both; stable first."""
        until = self._clock() + BUDGET_S
        signatures: list[tuple[Signature, ...]] = []
        for revision, where in places.items():
            try:
                signatures.append(self._signatures(where, until))
            except RestrictedError as error:
                return unchecked(
                    f"r{revision} does not tell its {error} (the call is restricted, or there is "
                    "none)"
                )
            except (
                httpx2.HTTPError,
                httpx2.InvalidURL,
                ValueError,
                KeyError,
                TypeError,
                AttributeError,
                ForbiddenError,
            ) as error:
                return (
                    f"the contract of r{revision} cannot be read: {error or type(error).__name__}"
                )
        return compare(*signatures)

    def close(self) -> None:
        """End its connections."""
        self._http.close()

    def _address(self, snapshot: Snapshot, revision: int, live: Live | None) -> "_Where | None":
        """A ready pod's own, else the revision's."""
        closed = Closed(_closed_groups(snapshot, revision), self._forbidden)
        for pod in snapshot.all("Pod"):
            if number_of(pod) == revision and condition(pod, "Ready").get("status") == "True":
                answers = self._reach(pod, self._port)
                counts = self._reach(pod, self._metrics)
                if answers:
                    metrics = None
                    if counts:
                        metrics = f"http://{counts}/metrics"
                    return _Where(f"http://{answers}", closed, metrics)
        address = None
        if live is not None and live.ready:
            address = live.address
        if address and urlsplit(address).scheme in ("http", "https"):
            return _Where(address.rstrip("/"), closed)
        return None

    def _signatures(self, where: "_Where", until: float) -> tuple[Signature, ...]:
        names = self._names(where, until)
        return tuple(self._one(where, where.base + model_path(name), until) for name in names)

    def _names(self, where: "_Where", until: float) -> Iterable[str]:
        url = where.base + REPOSITORY_INDEX
        index = self._ask(where, "POST", url, until, {"ready": True})
        if index is not None:
            return sorted({str(entry["name"]) for entry in json.loads(index)})
        page = None
        if where.metrics:
            page = self._ask(where, "GET", where.metrics, until)
        if page is None:
            raise RestrictedError("models")
        return loaded_models(page.decode())

    def _one(self, where: "_Where", url: str, until: float) -> Signature:
        metadata = self._ask(where, "GET", url, until)
        if metadata is None:
            raise RestrictedError("inputs and outputs")
        config = self._ask(where, "GET", f"{url}/config", until)
        return signature(json.loads(metadata), json.loads(config) if config is not None else None)

    def _ask(
        self, where: "_Where", method: str, url: str, until: float, body: Any = None
    ) -> bytes | None:
        """An answer; None where it is not told."""
        if self._clock() > until:
            raise ValueError(f"it took longer than {BUDGET_S:.0f} s")
        with self._http.stream(method, url, json=body) as answer:
            if answer.status_code == FORBIDDEN:
                where.closed.check(url)
                return None
            if answer.status_code in _UNTOLD:
                return None
            text = b""
            for chunk in answer.raise_for_status().iter_bytes():
                text += chunk
                if len(text) > MOST_BYTES or self._clock() > until:
                    raise ValueError(
                        f"{shown_address(url)} answers more than {MOST_BYTES} bytes, or too slowly"
                    )
        return text


@dataclass(frozen=True, slots=True)
class _Where:
    """The addresses of one server. closed: what it may refuse. metrics: None where only the
    revision's own address is known."""

    base: str
    closed: Closed
    metrics: str | None = None


class RestrictedError(Exception):
    """The server does not tell this."""


def _closed_groups(snapshot: Snapshot, revision: int) -> frozenset[str]:
    """What a revision's own arguments restrict: its pods', or its InferenceService's."""
    objects = (*snapshot.all("Pod"), *snapshot.all("InferenceService"))
    mine = (item for item in objects if number_of(item) == revision)
    return frozenset().union(*(restriction.closed_groups(item) for item in mine))


def _silent(revision: int, stable: Live | None) -> str | None:
    """Why stable will not tell; None where it can. It is not waited for: the candidate may be its
    repair."""
    if stable is None:
        return f"there is no r{revision}"
    if not stable.up:
        return f"r{revision} does not run: {stable.trouble.failure or 'it has no ready pod'}"
    return _asleep(stable)


def _asleep(live: Live) -> str | None:
    if live.idle and not live.ready:
        return f"r{live.revision} is scaled to zero"
    return None
