"""The bytes of a mutable model, read again beside the reconciles: that may take minutes, a
reconcile only has its lease.

What is being read holds the rise that asks for it, with a reason, and nothing else: every reconcile
decides anew, so an abort meanwhile is an abort at once. Another worker reads for itself; nothing
needs to be remembered beyond a process.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from tidegate.core.intent import EndpointKey
from tidegate.core.ports import Registry, Resolved, Unresolved
from tidegate.core.shown_address import shown_address

log = structlog.get_logger()

FRESH_S = 120.0  # what was read longer ago is read again
LONGEST_S = 3600.0  # a store that has not told all of it by then counts as one that is away
AT_ONCE = 4  # readings; others wait for their turn


@dataclass(frozen=True, slots=True)
class Asked:
    """For which step: a rise from this generation of the endpoint's intent. The next step asks
    anew."""

    endpoint: EndpointKey
    generation: int
    uri: str


@dataclass(slots=True)
class _Reading:
    """began, ended: clock seconds."""

    began: float
    done: threading.Event = field(default_factory=threading.Event)
    found: Resolved | Unresolved | None = None
    ended: float = 0.0


class Rereading:
    """See the module. Thread-safe. patience: seconds that a reconcile waits for an answer; small
    models come within it."""

    def __init__(
        self, *, patience: float = 0.3, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._readings: dict[Asked, _Reading] = {}

    def __call__(self, registry: Registry, request: Asked) -> Resolved | Unresolved | None:
        """What lies at the URI; None while it is being read, or waits for its turn."""
        reading = self._begun(registry, request)
        if reading is None:
            return None
        reading.done.wait(self._patience)
        if reading.found is None and self._clock() - reading.began > LONGEST_S:
            return Unresolved(
                f"{shown_address(request.uri)} could not be read within {LONGEST_S:.0f} s"
            )
        return reading.found

    def _begun(self, registry: Registry, request: Asked) -> _Reading | None:
        with self._lock:
            now = self._clock()
            self._readings = {
                key: item
                for key, item in self._readings.items()
                if item.found is None or now - item.ended < FRESH_S
            }
            known = self._readings.get(request)
            if known is not None:
                return known
            if sum(item.found is None for item in self._readings.values()) >= AT_ONCE:
                return None
            reading = self._readings[request] = _Reading(now)
        # A daemon: a worker that is told to stop does not read to the end.
        threading.Thread(
            target=self._read, args=(registry, request.uri, reading), name="rereading", daemon=True
        ).start()
        return reading

    def _read(self, registry: Registry, uri: str, reading: _Reading) -> None:
        resolved: Resolved | Unresolved
        try:
            resolved = registry.resolve(uri)
        except Exception as error:
            log.exception("reading a model again failed", uri=shown_address(uri))
            resolved = Unresolved(f"{shown_address(uri)} cannot be read: {error}")
        with self._lock:
            reading.found = resolved
            reading.ended = self._clock()
        reading.done.set()
