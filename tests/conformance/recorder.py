"""The upstream of the conformance cases: it keeps the exact bytes it gets, and answers what it can read strictly."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from .http1 import Request, parse


@dataclass(frozen=True)
class Script:
    """What to answer instead of an echo: bytes, and pauses in seconds. `early`: before the request's body has come."""

    parts: tuple[bytes | float, ...]
    closes: bool
    early: bool = False


class Recorder:
    """All connections of one upstream. `script` chooses answers; None means an echo."""

    def __init__(self) -> None:
        self.script: Callable[[Request], Script | None] = lambda request: None
        self.seen: list[Request] = []
        self.connections: set[_Connection] = set()
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port of loopback."""
        self._server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        self._server.close()
        for connection in self.connections.copy():
            connection.transport.abort()

    def take(self) -> list[Request]:
        """What has come since the last call: whole requests, and the beginnings of others."""
        for connection in self.connections:
            connection.report()
        seen, self.seen = self.seen, []
        return seen


class _Connection(asyncio.Protocol):
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._buffer = b""
        self._reported = 0  # bytes of an unfinished request that were taken already
        self._told_to_continue = False
        self._answered_early = False
        self.transport = cast(asyncio.Transport, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self._recorder.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._recorder.connections.discard(self)
        self.report()

    def report(self) -> None:
        """Count the beginning of a request as seen, if it has grown."""
        if len(self._buffer) > self._reported:
            self._recorder.seen.append(parse(self._buffer))
            self._reported = len(self._buffer)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer and not self.transport.is_closing():
            request = parse(self._buffer)
            script = self._recorder.script(request) if request.headed else None
            if not request.complete:
                self._unfinished(request, script)
                return
            self._recorder.seen.append(request)
            self._buffer = self._buffer[len(request.raw) :]
            self._reported = 0
            self._told_to_continue = False
            if not self._answered_early:
                self._answer(request, script)

    def _unfinished(self, request: Request, script: Script | None) -> None:
        if request.headed and request.violations:
            self._answer(request, Script((b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",), closes=True))
        elif script is not None and script.early and not self._answered_early:
            self._answered_early = True
            self._answer(request, script)
        elif request.headed and request.all("expect") and not self._told_to_continue:
            self._told_to_continue = True
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _answer(self, request: Request, script: Script | None) -> None:
        if script is None:
            body = json.dumps({"target": request.target.decode("latin-1")[:300], "length": len(request.body)}).encode()
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            script = Script((head if request.method == b"HEAD" else head + body,), closes=bool(request.violations))
        self._play(list(script.parts), script.closes)

    def _play(self, parts: list[bytes | float], closes: bool) -> None:
        while parts:
            part = parts.pop(0)
            if isinstance(part, float):
                asyncio.get_running_loop().call_later(part, self._play, parts, closes)
                return
            if not self.transport.is_closing():
                self.transport.write(part)
        if closes:
            self.transport.close()
