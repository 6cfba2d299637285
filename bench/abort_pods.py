"""Stand-ins at every pod's address, and clients of the gateway, on an event loop of their own."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.local.hanging import Clients, Plan
from tests.local.misbehaving import (
    Behaviour,
    Connection,
    Http1Server,
    Http2Server,
    Server,
    always,
)
from tidegate.core.triton.protocol import GRPC_PORT, HTTP_PORT


@dataclass(slots=True)
class Candidate:
    """A revision that misbehaves, and what came to it. first: when its first request came,
    monotonic seconds. last: its last."""

    plan: Plan
    first: float | None = None
    last: float = 0.0
    servers: list[Server] = field(default_factory=list)
    chance: random.Random = field(default_factory=random.Random)

    def behave(self) -> Behaviour:
        """What its pods do with a request."""
        self.last = time.monotonic()
        if self.first is None:
            self.first = self.last
        if self.chance.random() < self.plan.bad:
            return self.plan.behaviour
        return Behaviour.ANSWER

    @property
    def ended(self) -> int:
        """Its requests whose end is known by now."""
        return sum(server.answers + server.left for server in self.servers)

    @property
    def in_flight(self) -> int:
        """Those that are under way."""
        return sum(server.holds - server.left for server in self.servers)


class Pods:
    """Every pod at once: each address answers well, but those of a candidate."""

    def __init__(self) -> None:
        self._bad: dict[str, Candidate] = {}
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result()

    def misbehave(self, addresses: set[str], candidate: Candidate) -> None:
        """From now on these addresses are the candidate's."""
        self._bad |= dict.fromkeys(addresses, candidate)

    @contextmanager
    def load(self, port: int, plan: Plan, host: str) -> Iterator[None]:
        """Clients that ask through the gateway."""
        running = asyncio.run_coroutine_threadsafe(self._clients(port, plan, host), self._loop)
        try:
            yield
        finally:
            running.cancel()

    async def _clients(self, port: int, plan: Plan, host: str) -> None:
        clients = Clients(port, plan, host)
        try:
            await clients.run()
        finally:
            await clients.close()

    async def _listen(self) -> None:
        for made, port in ((Http1Server, HTTP_PORT), (Http2Server, GRPC_PORT)):
            await asyncio.start_server(self._serving(made), "", port, backlog=512)

    def _serving(self, made: type[Http1Server] | type[Http2Server]) -> Connection:
        good = made(always(Behaviour.ANSWER))

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            candidate = self._bad.get(writer.get_extra_info("sockname")[0])
            server = good
            if candidate is not None:
                server = made(candidate.behave)
                candidate.servers.append(server)
            await server(reader, writer)

        return serve
