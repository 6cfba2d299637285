"""Model servers that misbehave on purpose, over HTTP/1.1 and over HTTP/2 as gRPC uses it.

Both are written by hand on sockets: a library would not let a server reset one stream, or stop in
the middle of an answer. A server has one behaviour for every request.
"""

import asyncio
import itertools
import struct
from collections.abc import Awaitable, Callable
from enum import StrEnum


class Behaviour(StrEnum):
    """What a server does with a request."""

    ANSWER = "answer"  # 200, or grpc-status 0
    SLOW = "slow"  # the same after SLOW_S
    FORBIDDEN = "forbidden"  # 403, or grpc-status 7
    ERROR = "error"  # 500, or grpc-status 13
    UNAVAILABLE = "unavailable"  # 503, or grpc-status 14
    HANG = "hang"  # never answers, and leaves the connection open
    CLOSE = "close"  # closes the connection instead of an answer
    RESET = "reset"  # resets the connection; in HTTP/2 the stream (INTERNAL_ERROR)
    REFUSE = "refuse"  # HTTP/2: REFUSED_STREAM, which promises that nothing was processed
    STREAM = "stream"  # begins an answer and does not end it
    CUT = "cut"  # begins an answer and closes the connection


SLOW_S = 0.3  # seconds that a slow answer takes
_KEPT = (Behaviour.HANG, Behaviour.STREAM)
_HTTP_CODES = {
    Behaviour.ANSWER: 200,
    Behaviour.SLOW: 200,
    Behaviour.FORBIDDEN: 403,
    Behaviour.ERROR: 500,
    Behaviour.UNAVAILABLE: 503,
}
_GRPC_STATUSES = {
    Behaviour.ANSWER: b"0",
    Behaviour.SLOW: b"0",
    Behaviour.FORBIDDEN: b"7",
    Behaviour.ERROR: b"13",
    Behaviour.UNAVAILABLE: b"14",
}
Next = Callable[[], Behaviour]


def always(behaviour: Behaviour) -> Next:
    """Every request alike."""
    return lambda: behaviour


def in_turn(*behaviours: Behaviour) -> Next:
    """One after the other, again and again."""
    return itertools.cycle(behaviours).__next__


class Server:
    """What both count. answers: requests that it is done with, also by an end of the connection.
    holds: requests that it has and will not answer to the end. left: of these, whose client is
    gone."""

    def __init__(self, behave: Next) -> None:
        self._behave = behave
        self.answers = 0
        self.holds = 0
        self.left = 0

    def _next(self) -> Behaviour:
        behaviour = self._behave()
        kept = behaviour in _KEPT
        self.holds += kept
        self.answers += not kept
        return behaviour


class Http1Server(Server):
    """HTTP/1.1."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            going = True
            while going:
                await self._read(reader)
                going = await self._act(self._next(), reader, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.close()

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        lines = [line for line in head.split(b"\r\n") if line.startswith(b"content-length:")]
        if lines:
            await reader.readexactly(int(lines[0].partition(b":")[2]))

    async def _act(
        self, behaviour: Behaviour, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        """Whether the connection goes on."""
        if behaviour is Behaviour.SLOW:
            await asyncio.sleep(SLOW_S)
        if behaviour in _HTTP_CODES:
            writer.write(b"HTTP/1.1 %d x\r\ncontent-length: 0\r\n\r\n" % _HTTP_CODES[behaviour])
            await writer.drain()
            return True
        if behaviour in (Behaviour.STREAM, Behaviour.CUT):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart")
            await writer.drain()
        if behaviour in _KEPT:
            await self._until_left(reader)
        if behaviour is Behaviour.RESET:
            writer.transport.abort()
        return False

    async def _until_left(self, reader: asyncio.StreamReader) -> None:
        try:
            await reader.read(1)
        finally:
            self.left += 1


_DATA = 0
_HEADERS = 1
_RST_STREAM = 3
_SETTINGS = 4
_PING = 6
_END_STREAM = 1
_END_HEADERS = 4
_ACK = 1
_INTERNAL_ERROR = 2
_REFUSED_STREAM = 7


def _frame(kind: int, flags: int, stream: int, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body))[1:] + struct.pack(">BBI", kind, flags, stream) + body


def _literal(name: bytes, value: bytes) -> bytes:
    """An HPACK header without indexing (RFC 7541, 6.2.2), names and values below 127 bytes."""
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


_BEGIN = b"\x88" + _literal(b"content-type", b"application/grpc")  # \x88: ":status: 200"


class Http2Server(Server):
    """HTTP/2 with prior knowledge, just enough for gRPC: every answer has an empty message."""

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        waiting: set[int] = set()
        try:
            await reader.readexactly(24)  # the preface
            writer.write(_frame(_SETTINGS, 0, 0))
            while await self._take(reader, writer, waiting):
                await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            self.left += len(waiting)
            writer.close()

    async def _take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, waiting: set[int]
    ) -> bool:
        """Take one frame. Whether the connection goes on."""
        head = await reader.readexactly(9)
        kind, flags, stream = struct.unpack(">BBI", head[3:])
        body = await reader.readexactly(int.from_bytes(head[:3], "big"))
        if kind in (_SETTINGS, _PING) and not flags & _ACK:
            answer = body if kind == _PING else b""
            writer.write(_frame(kind, _ACK, 0, answer))
        if kind == _RST_STREAM and stream in waiting:
            waiting.remove(stream)
            self.left += 1
        if kind not in (_DATA, _HEADERS) or not flags & _END_STREAM:
            return True
        behaviour = self._next()
        if behaviour in _KEPT:
            waiting.add(stream)
        if behaviour is Behaviour.SLOW:
            asyncio.get_running_loop().call_later(SLOW_S, _act, behaviour, stream, writer)
            return True
        return _act(behaviour, stream, writer)


def _act(behaviour: Behaviour, stream: int, writer: asyncio.StreamWriter) -> bool:
    """Whether the connection goes on."""
    errors = {Behaviour.RESET: _INTERNAL_ERROR, Behaviour.REFUSE: _REFUSED_STREAM}
    if behaviour in _GRPC_STATUSES or behaviour in (Behaviour.STREAM, Behaviour.CUT):
        writer.write(_frame(_HEADERS, _END_HEADERS, stream, _BEGIN))
        writer.write(_frame(_DATA, 0, stream, b"\0\0\0\0\0"))
    if behaviour in _GRPC_STATUSES:
        trailers = _literal(b"grpc-status", _GRPC_STATUSES[behaviour])
        writer.write(_frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, trailers))
    if behaviour in errors:
        writer.write(_frame(_RST_STREAM, 0, stream, struct.pack(">I", errors[behaviour])))
    return behaviour not in (Behaviour.CLOSE, Behaviour.CUT)


Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def listen(server: Connection, backlog: int = 512) -> tuple[asyncio.Server, int]:
    """Start to listen; also the port."""
    listening = await asyncio.start_server(server, "127.0.0.1", 0, backlog=backlog)
    return listening, int(listening.sockets[0].getsockname()[1])
