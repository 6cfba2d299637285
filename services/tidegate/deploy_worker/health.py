"""/livez, /readyz, /metrics of the worker: the same probes as the services', on a thread beside the
loop."""

import threading
import time
from collections.abc import Callable, Mapping

import uvicorn
from fastapi import FastAPI
from prometheus_client import REGISTRY

from tidegate.core.ports import Unavailable
from tidegate.deploy_worker.loop import SEEN_S
from tidegate.web.probes import Check, router

QUIET_S = 3 * SEEN_S


def checks(
    seen_at: Callable[[], float],
    trouble: Callable[[], Unavailable | None],
    stopping: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
) -> Mapping[str, Check]:
    """Ready: the loop reached its database lately, the tenants' list is known, and nobody asked it
    to stop. seen_at: monotonic seconds of the loop's last sign of life, 0 for none."""
    age = None
    if seen_at():
        age = clock() - seen_at()
    fresh = age is not None and age < QUIET_S
    unavailable = trouble()
    detail = "no sign of life yet"
    if age is not None:
        detail = f"last sign of life {age:.0f} s ago"
    return {
        "worker": Check(
            not stopping(),
            "stopping: it finishes its reconciles" if stopping() else "taking endpoints",
        ),
        "loop": Check(
            fresh,
            detail,
        ),
        "cluster": Check(unavailable is None, unavailable.detail if unavailable else "watched"),
    }


class Probes:
    """The port, from `start` to `stop`."""

    def __init__(self, host: str, port: int, result: Callable[[], Mapping[str, Check]]) -> None:
        app = FastAPI(openapi_url=None)
        app.include_router(router(result, REGISTRY))
        config = uvicorn.Config(
            app, host=host, port=port, log_config=None, access_log=False, server_header=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, name="probes", daemon=True)

    def start(self) -> None:
        """Serve on a thread of its own; uvicorn leaves signals alone there."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.should_exit = True
        self._thread.join(timeout=5)
