"""Every object that Tidegate may write: all strategies, both modes, every step, with and without a
gateway.

The drivers' own `reachable` names them; that nothing else is ever written is held by
tests/core/test_invariants.py.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any

from tidegate.core import strategy
from tidegate.core.drivers import driver_for, planned
from tidegate.core.drivers.rendering import Gateway, Platform
from tidegate.core.intent import (
    EndpointKey,
    HeaderMatch,
    Intent,
    Mode,
    Model,
    Pods,
    Protocol,
    Revision,
    Runtime,
    Scaling,
    Toleration,
)
from tidegate.core.ports import Manifest, Snapshot
from tidegate.core.reachable import first, reachable_intents
from tidegate.core.rollout import Rollout

KEY = EndpointKey("team", "fraud")
GATEWAY = Gateway("main", "gateways", service="main.gateways.svc.cluster.local")
STRATEGIES = {
    "canary": strategy.canary(),
    "ab": strategy.ab(),
    "ab by header": strategy.ab(match=(HeaderMatch("x-group", "b"),)),
    "blue-green": strategy.blue_green(),
    "shadow": strategy.shadow(50),
    "manual": strategy.manual(),
    "undo": strategy.undo(),
}
ON_GPU = Pods(
    cpu="2",
    memory="4Gi",
    service_account="models",
    storage_secret="models-s3",
    node_selector=(("nvidia.com/gpu.product", "L4"),),
    tolerations=(Toleration("nvidia.com/gpu", "Exists", effect="NoSchedule"),),
)
RUNTIMES = {
    "plain": Runtime(),
    "grpc": Runtime(protocol=Protocol.GRPC_V2, version="24.08-py3"),
    "gpu": Runtime(version="24.08-py3", gpu=1, pods=ON_GPU),
}
_BY_HEADER_OR_COPY = ("ab by header", "shadow")  # which Knative mode refuses


@cache
def written() -> tuple[tuple[str, Manifest], ...]:
    """(where it is written, the object), each object once."""
    return tuple(_distinct())


def _distinct() -> Iterator[tuple[str, Manifest]]:
    cases = product(Mode, (GATEWAY, None), STRATEGIES, RUNTIMES, (False, True))
    named = (
        (
            f"{mode} {plan}, {runtime}, keda {keda}, gateway {gateway is not None}: "
            f"{planned_object.step}",
            planned_object,
        )
        for mode, gateway, plan, runtime, keda in cases
        if mode is Mode.STANDARD or not (keda or gateway is None or plan in _BY_HEADER_OR_COPY)
        for planned_object in _reached(mode, gateway, plan, RUNTIMES[runtime], keda=keda)
    )
    seen: list[dict[str, Any]] = []
    for name, planned_object in named:
        plain = planned.plain(planned_object.manifest)
        if plain not in seen:
            seen.append(plain)
            yield name, planned_object.manifest


def _reached(
    mode: Mode, gateway: Gateway | None, plan: str, runtime: Runtime, *, keda: bool
) -> tuple[planned.Planned, ...]:
    driver = driver_for(mode, Platform("store", gateway))
    at = Intent(KEY, 4, mode, 1, scaling=Scaling(1, 4, keda))
    intents = (
        *first(at),
        *reachable_intents(Rollout("ro", STRATEGIES[plan], 1, 2, "ann"), at, override=30),
    )
    if gateway is None:  # without shares: the rule book lets none through
        intents = tuple(
            replace(
                w,
                intent=replace(
                    w.intent, candidate_traffic=replace(w.intent.candidate_traffic, percent=0)
                ),
            )
            for w in intents
        )
    return driver.reachable(intents, {n: _revision(n, runtime) for n in (1, 2)}, Snapshot(KEY, ()))


def _revision(number: int, runtime: Runtime) -> Revision:
    model = Model(
        "add_sub", str(number), f"s3://models/team/add_sub/sha256-{number}/", f"sha256-{number}"
    )
    return Revision(number, model, runtime, f"sha256-{number}")
