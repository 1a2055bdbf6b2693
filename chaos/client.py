"""Clients: one that asks once and tells exactly what came, and many that ask again and again and count."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from chaos.marks import percentile


@dataclass(frozen=True, slots=True)
class Came:
    """What came for one request. `status` 0: nothing. `complete`: the body's end was seen. `seconds` to the end."""

    status: int
    body: bytes
    complete: bool
    seconds: float
    closes: bool = False


def request(target: str, *fields: str, method: str = "GET", body: bytes = b"", host: str = "gw.test") -> bytes:
    """A request, whole."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body


async def ask(port: int, data: bytes, *, patience: float = 30.0, half_close: bool = False) -> Came:
    """One request on a connection of its own."""
    started = time.monotonic()
    status, body, complete, closes = 0, b"", False, False
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, TimeoutError):
        async with asyncio.timeout(patience):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
            try:
                writer.write(data)
                if half_close:
                    writer.write_eof()
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                status, closes = int(head.split(b" ", 2)[1]), b"\r\nconnection: close" in head
                body, complete = await _read_body(head, reader)
            finally:
                writer.close()
    return Came(status, body, complete, time.monotonic() - started, closes)


async def _read_body(head: bytes, reader: asyncio.StreamReader) -> tuple[bytes, bool]:
    body = b""
    try:
        if b"\r\ntransfer-encoding: chunked" in head:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readuntil(b"\r\n")
        else:
            body = await reader.readexactly(int(head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]))
    except (asyncio.IncompleteReadError, ConnectionError):
        return body, False
    return body, True


class Load:
    """`connections` clients that ask as soon as they are answered. `make` gives the next request, by its number.

    They obey Connection: close and come back. `failed` counts requests that were sent and not answered whole.
    `pause` seconds between an answer and the next request.
    """

    def __init__(self, port: int, make: Callable[[int], bytes], connections: int, pause: float = 0.0) -> None:
        self.statuses: Counter[int] = Counter()
        self.failed: Counter[str] = Counter()
        self.not_ok: Counter[tuple[bytes, int]] = Counter()  # by method and status
        self.seconds: list[float] = []
        self.sent = 0
        self.refused = 0
        self._port = port
        self._make = make
        self._pause = pause
        self._going = True
        self._left: int | None = None
        self._tasks = [asyncio.get_running_loop().create_task(self._client()) for _ in range(connections)]

    @property
    def answered(self) -> int:
        """How many whole answers came."""
        return sum(self.statuses.values())

    @property
    def wrong(self) -> int:
        """How many requests were not answered 200, whole."""
        return self.failed.total() + self.answered - self.statuses[200]

    def p99(self, skip: int = 0) -> float:
        """Of the answers since the first `skip`, in ms."""
        return percentile(self.seconds[skip:], 0.99) * 1000

    async def stop(self) -> None:
        """Let every client finish its request."""
        self._going = False
        await asyncio.gather(*self._tasks)

    async def _client(self) -> None:
        loop = asyncio.get_running_loop()
        while self._going:
            try:
                _, line = await loop.create_connection(_Line, "127.0.0.1", self._port)
            except OSError:
                self.refused += 1
                await asyncio.sleep(0.05)
                continue
            await self._talk(line)
            line.transport.abort()

    async def _talk(self, line: "_Line") -> None:
        while self._going and not line.lost:
            data = self._make(self.sent)
            self.sent += 1
            started = time.monotonic()
            status, closes = await line.ask(data)
            if not status:
                self.failed["reset" if line.reset else "closed"] += 1
                return
            self.statuses[status] += 1
            if status != 200:
                self.not_ok[data[: data.index(b" ")], status] += 1
            self.seconds.append(time.monotonic() - started)
            if closes:
                return
            if self._pause:
                await asyncio.sleep(self._pause)


class _Line(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport = cast(asyncio.Transport, None)
        self.lost = False
        self.reset = False
        self._buffer = b""
        self._answer: asyncio.Future[tuple[int, bool]] | None = None

    async def ask(self, data: bytes) -> tuple[int, bool]:
        """(status, whether the connection ends); (0, True) if no whole answer came."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return await self._answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0 or self._answer is None or self._answer.done():
            return
        head = self._buffer[:end].lower()
        length = int(head.partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0] or 0)
        if len(self._buffer) >= end + 4 + length:
            self._buffer = self._buffer[end + 4 + length :]
            self._answer.set_result((int(head.split(b" ", 2)[1]), b"\r\nconnection: close" in head))

    def eof_received(self) -> bool:
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.reset = exc is not None
        self._end()

    def _end(self) -> None:
        self.lost = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((0, True))
