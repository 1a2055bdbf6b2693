"""An upstream that misbehaves on demand: the path says how."""

import asyncio
import contextlib
import random
import re
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Fault = Callable[["Upstream", "Asked", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[bool]]
_ID = re.compile(rb"\r\nX-Chaos-Id: ([^\r]+)", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]+)", re.IGNORECASE)


class Asked:
    """One request as it came."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        self.method, self.target = head.split(b" ", 2)[:2]
        self.fault = self.target.partition(b"?")[0].rpartition(b"/")[2].decode("latin-1")
        self.identified = b"\r\nX-User: " in head
        found = _ID.search(head)
        self.id = found[1] if found else b""
        length = _LENGTH.search(head)
        self.length = int(length[1]) if length else 0
        self.chunked = b"\r\nTransfer-Encoding: chunked" in head


class Upstream:
    """Listens on one port of loopback. `seen` counts requests by their X-Chaos-Id, `taken` bytes of bodies."""

    def __init__(self) -> None:
        self.port = 0
        self.seen: Counter[bytes] = Counter()
        self.requests = 0
        self.unidentified = 0
        self.taken = 0
        self.cut_off = 0  # connections that ended while an answer was being awaited
        self.closing_share = 0.0  # of connections, closed behind an answer without a word
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._random = random.Random(1)

    async def start(self) -> None:
        """Listen; on the same port as before, if there was one."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, limit=1 << 20, backlog=4096, reuse_address=True
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cut everything off, as a process that is killed."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                asked = Asked(await reader.readuntil(b"\r\n\r\n"))
                self.requests += 1
                self.seen[asked.id] += 1
                self.unidentified += not asked.identified and b"/app/" in asked.target
                fault = FAULTS.get(asked.fault)
                if fault is None or fault.early is False:
                    await self._read_body(asked, reader)
                if fault is None:
                    writer.write(OK if asked.method != b"HEAD" else OK[:-2])
                    await writer.drain()
                elif not await fault.act(self, asked, reader, writer):
                    return
                if self.closing_share and self._random.random() < self.closing_share:
                    await asyncio.sleep(self._random.random() * 0.002)
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _read_body(self, asked: Asked, reader: asyncio.StreamReader) -> None:
        if asked.chunked:
            while size := int(await reader.readline(), 16):
                await reader.readexactly(size + 2)
                self.taken += size
            await reader.readline()
        left = asked.length
        while left:
            data = await reader.read(min(left, 1 << 18))
            if not data:
                raise asyncio.IncompleteReadError(b"", left)
            left -= len(data)
            self.taken += len(data)


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class _Fault:
    def __init__(self, act: Fault, *, early: bool = False) -> None:
        self.act = act
        self.early = early


def says(*parts: bytes | float, by_reset: bool = False, keep: bool = False) -> Fault:
    """Say these bytes, with pauses in seconds between them, and end the connection."""

    async def act(up: Upstream, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        for part in parts:
            if isinstance(part, float):
                await asyncio.sleep(part)
            else:
                writer.write(part)
                await writer.drain()
        if by_reset:
            await asyncio.sleep(0.02)  # what was said must have arrived
            reset(writer)
        return keep

    return act


async def _never(up: Upstream, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Answer nothing, until the other side gives up."""
    await reader.read()
    up.cut_off += 1
    return False


async def _drip_head(up: Upstream, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    while not writer.transport.is_closing():
        writer.write(b"a")
        await asyncio.sleep(0.1)
    return False


async def _big(up: Upstream, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """As many bytes as the query says, chunked if it says so."""
    size = int(asked.target.rpartition(b"=")[2])
    chunked = b"chunked" in asked.target
    framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % size
    writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing)
    piece = bytes(1 << 18)
    while size:
        data = piece[: min(size, len(piece))]
        writer.write(b"%x\r\n%b\r\n" % (len(data), data) if chunked else data)
        await writer.drain()
        size -= len(data)
    if chunked:
        writer.write(b"0\r\n\r\n")
    return True


async def _too_large(up: Upstream, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """413 as soon as the head has come, the rest is never read."""
    writer.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large")
    await writer.drain()
    await asyncio.sleep(0.2)
    return False


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n"
_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_POISON = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"

FAULTS = {
    "reset-before-head": _Fault(says(by_reset=True)),
    "close-before-head": _Fault(says()),
    "reset-in-head": _Fault(says(b"HTTP/1.1 200 OK\r\nCont", by_reset=True)),
    "reset-after-head": _Fault(says(_HEAD, by_reset=True)),
    "reset-in-body": _Fault(says(_HEAD + bytes(5000), by_reset=True)),
    "close-in-body": _Fault(says(_HEAD + bytes(5000))),
    "reset-in-chunks": _Fault(says(_CHUNKED + b"5\r\nhello\r\n", by_reset=True)),
    "close-in-chunks": _Fault(says(_CHUNKED + b"5\r\nhello\r\n")),
    "close-before-last-chunk": _Fault(says(_CHUNKED + b"5\r\nhello\r\n0\r\n")),
    "garbage": _Fault(says(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not HTTP \r\n\r\n")),
    "two-lengths": _Fault(says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk")),
    "two-framings": _Fault(
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    ),
    "huge-head": _Fault(says(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000 + b"\r\n\r\n")),
    "poison": _Fault(says(OK + _POISON, keep=True)),
    "slow": _Fault(says(1.0, OK, keep=True)),
    "slow-body": _Fault(says(_HEAD + bytes(9990), *[part for _ in range(10) for part in (0.1, b"x")], keep=True)),
    "never": _Fault(_never),
    "drip-head": _Fault(_drip_head),
    "big": _Fault(_big),
    "too-large": _Fault(_too_large, early=True),
}
