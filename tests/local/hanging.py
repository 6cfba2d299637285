"""A canary at a real Envoy whose candidate misbehaves: real requests, the plane's own meter, the
core's own verdicts. Only the worker and the API are missing, so that a run takes seconds.

Clients begin `rate` requests a second, evenly, and leave after `patience` seconds. The evidence is
gathered as the worker gathers it: a scrape right after the weights changed is the base line, and
then one each `interval` seconds.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from dataclasses import dataclass

import grpc

from tests.local.misbehaving import Behaviour, Http1Server, Http2Server, always, listen
from tidegate.core.evidence import Evidence, Metric, MetricKind, Verdict, absorb, judge
from tidegate.core.intent import EndpointKey
from tidegate.core.ports import NoData
from tidegate_local.home import free_port
from tidegate_local.processes.envoy import Applied, Envoy
from tidegate_local.processes.envoy_meter import EnvoyMeter
from tidegate_local.processes.table import Address, Backend, Listener, Table, WeightedRule

KEY = EndpointKey("team", "hang")
NAME = "team.hang"
INFER = "/inference.GRPCInferenceService/ModelInfer"
METRICS = (Metric(MetricKind.ERRORS),)
ALPHA = 0.01


@dataclass(frozen=True, slots=True)
class Plan:
    """percent: of the candidate. bad: share of its requests that get `behaviour`."""

    percent: int
    rate: float
    bad: float = 0.25
    behaviour: Behaviour = Behaviour.HANG
    protocol: str = "http"
    patience: float = 1.0
    interval: float = 1.0
    most_seconds: float = 120.0
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """verdict: of errors. ended: candidate requests whose end was known at the verdict. in_flight:
    those that were under way then. seconds: since the candidate's weight. clients: what they
    met."""

    verdict: Verdict
    ended: int
    in_flight: int
    seconds: float
    message: str
    clients: dict[str, int]


async def play(envoy: Envoy, plan: Plan) -> Outcome:
    """One canary until it fails or passes, or nobody can tell in time."""
    chance = random.Random(plan.seed)

    def candidate() -> Behaviour:
        if chance.random() < plan.bad:
            return plan.behaviour
        return Behaviour.ANSWER

    made = Http1Server
    if plan.protocol == "grpc":
        made = Http2Server
    servers = (made(always(Behaviour.ANSWER)), made(candidate))
    listening = [await listen(server) for server in servers]
    ports = [port for _, port in listening]
    port = free_port()
    clients = Clients(port, plan)
    try:
        await asyncio.to_thread(_apply, envoy, plan.protocol, port, ports, 0)
        load = asyncio.create_task(clients.run())
        await asyncio.sleep(plan.interval)  # stable has a past
        await asyncio.to_thread(_apply, envoy, plan.protocol, port, ports, plan.percent)
        outcome = await _judge(envoy, plan, servers[1], clients)
        load.cancel()
        await asyncio.gather(load, return_exceptions=True)
        return outcome
    finally:
        await clients.close()
        for server, _ in listening:
            server.close()


async def _judge(
    envoy: Envoy, plan: Plan, candidate: Http1Server | Http2Server, clients: "Clients"
) -> Outcome:
    meter = EnvoyMeter(envoy.admin)
    evidence = Evidence.start(METRICS)
    began = following = time.monotonic()
    while True:
        scrape = await asyncio.to_thread(meter.scrape, KEY)
        assert not isinstance(scrape, NoData), scrape
        evidence = absorb(evidence, scrape, stable=1, candidate=2, noise_window=2.0)
        (answer,) = judge(evidence, METRICS, ALPHA)
        seconds = time.monotonic() - began
        if answer.verdict is not Verdict.UNDECIDED or seconds > plan.most_seconds:
            return Outcome(
                answer.verdict,
                candidate.answers + candidate.left,
                candidate.holds - candidate.left,
                seconds,
                answer.message,
                dict(clients.met),
            )
        following += plan.interval
        await asyncio.sleep(max(0.0, following - time.monotonic()))


class Clients:
    """Open loop: a slow answer keeps nobody from asking. host: whom they ask for."""

    def __init__(self, port: int, plan: Plan, host: str = "m") -> None:
        self._port = port
        self._plan = plan
        self._host = host
        options = (("grpc.default_authority", host),)
        self._channel = grpc.aio.insecure_channel(f"127.0.0.1:{port}", options)
        self._tasks: set[asyncio.Task[None]] = set()
        self.met: Counter[str] = Counter()

    async def run(self) -> None:
        """Until cancelled."""
        following = time.monotonic()
        while True:
            task = asyncio.create_task(self._ask())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            following += 1 / self._plan.rate
            await asyncio.sleep(max(0.0, following - time.monotonic()))

    async def close(self) -> None:
        """End all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._channel.close()

    async def _ask(self) -> None:
        if self._plan.protocol == "grpc":
            call = self._grpc()
        else:
            call = self._http()
        try:
            self.met[await asyncio.wait_for(call, self._plan.patience)] += 1
        except TimeoutError:
            self.met["left"] += 1
        except OSError as error:
            self.met[type(error).__name__] += 1

    async def _grpc(self) -> str:
        try:
            await self._channel.unary_unary(INFER)(b"")
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        return "OK"

    async def _http(self) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            head = f"POST /v2/models/m/infer HTTP/1.1\r\nhost: {self._host}\r\n"
            head += "connection: close\r\n"
            writer.write(f"{head}content-length: 0\r\n\r\n".encode())
            answer = await reader.read()
            if answer:
                return answer.split(b" ", 2)[1].decode()
            return "closed"
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _apply(envoy: Envoy, protocol: str, port: int, ports: list[int], percent: int) -> None:
    backends = tuple(
        Backend(
            f"{NAME}--r{number}--{protocol}",
            (Address("127.0.0.1", where),),
            protocol == "grpc",
            f"r{number}",
        )
        for number, where in enumerate(ports, start=1)
    )
    weights = ((backends[0].cluster, 100 - percent), (backends[1].cluster, percent))
    rule = WeightedRule((), protocol == "grpc", weights)
    applied = envoy.apply(Table(backends, (Listener(NAME, port, (rule,)),)))
    assert isinstance(applied, Applied), applied
