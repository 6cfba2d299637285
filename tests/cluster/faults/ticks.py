"""Every state that the cluster was in, in its own order: etcd's log, read from etcd itself.

A watch through the API server would be cut by the faults that are tested, and objects of different
kinds would come in no common order. etcd's log survives the API server, can be resumed at any
revision, and has one order for all. The dev cluster must have been started with `json_storage`.
"""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2

KINDS = {
    "gateway.networking.k8s.io/httproutes": "HTTPRoute",
    "serving.kserve.io/inferenceservices": "InferenceService",
    "deployments": "Deployment",
    "configmaps": "ConfigMap",
    "services/specs": "Service",
    "serving.knative.dev/services": "KnativeService",
    "serving.knative.dev/revisions": "Revision",
    "networking.internal.knative.dev/ingresses": "Ingress",
}
_ROOT = "/registry/"


@dataclass(frozen=True, slots=True)
class Tick:
    """One change. at: etcd's revision. item: the object as it was from then on, None where it was
    removed. seen: monotonic seconds at which its end of the log was read."""

    at: int
    kind: str
    namespace: str
    name: str
    item: dict[str, Any] | None
    seen: float = 0.0


class Ticks:
    """Follows the keys below `root` in etcd at `url` from now on, on a thread of its own, until
    `close`."""

    def __init__(self, url: str, root: str = _ROOT) -> None:
        self._keys = {"key": _text(root), "range_end": _text(_after(root))}
        self._http = httpx2.Client(
            base_url=url, trust_env=False, timeout=httpx2.Timeout(5.0, read=None)
        )
        self._stop = threading.Event()
        self._moved = threading.Condition()
        self._found: list[Tick] = []
        self.trouble: str | None = None
        self._next = self._now() + 1
        self._response: httpx2.Response | None = None
        self._thread = threading.Thread(target=self._run, name="ticks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it at etcd's next word; does not wait for that, etcd may be silent for long."""
        self._stop.set()

    def of(self, namespace: str) -> tuple[Tick, ...]:
        """What happened in a namespace, up to this moment."""
        self.catch_up()
        return tuple(tick for tick in self._found if tick.namespace == namespace)

    def news(self) -> tuple[Tick, ...]:
        """What came since it was last asked, in any namespace; nothing of it is kept."""
        with self._moved:
            ticks = self._found
            self._found = []
            return tuple(ticks)

    def wait(self, seconds: float) -> None:
        """Until something comes, at most so long."""
        with self._moved:
            self._moved.wait_for(lambda: self._found, seconds)

    def catch_up(self, seconds: float = 30.0) -> None:
        """Until everything that etcd knows now was read."""
        target = self._now()
        with self._moved:
            assert self._moved.wait_for(lambda: self._next > target or self.trouble, seconds), (
                "etcd's log stands still"
            )
        assert self.trouble is None, self.trouble

    def _now(self) -> int:
        request = self._keys | {"count_only": True}
        return int(self._http.post("/v3/kv/range", json=request).json()["header"]["revision"])

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._follow()
            except (httpx2.HTTPError, httpx2.StreamError, RuntimeError, OSError):
                self._stop.wait(0.1)  # etcd is down, or the test is over
            except Exception as error:  # a thread that dies must be seen
                self.trouble = repr(error)
                raise

    def _follow(self) -> None:
        request = self._keys | {"start_revision": self._next, "progress_notify": True}
        with self._http.stream("POST", "/v3/watch", json={"create_request": request}) as answer:
            for line in answer.iter_lines():
                if self._stop.is_set():
                    return
                self._take(json.loads(line)["result"])

    def _take(self, state: dict[str, Any]) -> None:
        if state.get("canceled"):
            self.trouble = f"etcd's log has a gap: {state}"
        events = state.get("events", ())
        ticks = [
            tick for event in events if (tick := _tick(event["kv"], event.get("type") == "DELETE"))
        ]
        with self._moved:
            self._found.extend(ticks)
            if events:
                self._next = max(
                    self._next, *(int(event["kv"]["mod_revision"]) + 1 for event in events)
                )
            elif not state.get("created"):
                self._next = max(self._next, int(state["header"]["revision"]) + 1)
            self._moved.notify_all()


def _tick(pair: dict[str, Any], removed: bool) -> Tick | None:
    key = base64.b64decode(pair["key"]).decode().removeprefix(_ROOT)
    where, _, name = key.rpartition("/")
    plural, _, namespace = where.rpartition("/")
    if plural not in KINDS:
        return None
    item = None
    if not removed:
        item = json.loads(base64.b64decode(pair["value"]))
    return Tick(int(pair["mod_revision"]), KINDS[plural], namespace, name, item, time.monotonic())


def _text(key: str) -> str:
    return base64.b64encode(key.encode()).decode()


def _after(prefix: str) -> str:
    return prefix[:-1] + chr(ord(prefix[-1]) + 1)


State = dict[tuple[str, str], dict[str, Any]]  # by kind and name


def replay(ticks: Iterable[Tick], see: Callable[[Tick, State], Iterator[str]]) -> list[str]:
    """What `see(tick, everything before it)` finds wrong, over all ticks in order."""
    state: State = {}
    wrong: list[str] = []
    for tick in ticks:
        wrong.extend(f"at {tick.at}: {message}" for message in see(tick, state))
        if tick.item is None:
            state.pop((tick.kind, tick.name), None)
        else:
            state[tick.kind, tick.name] = tick.item
    return wrong
