"""A client that sends the exact bytes it is given, and reads all that comes back until the connection ends."""

import asyncio
import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

PATIENCE = 6.0  # seconds for one exchange: longer than the upstream's time-out of the gateway under test
GAP = 0.01  # seconds between two segments, so that they arrive apart


@dataclass
class Answer:
    """One answer. A `status` of 0 means bytes that are none; `complete` says that the end of the body was seen."""

    status: int
    head: bytes
    body: bytes
    complete: bool
    until_close: bool = False


@dataclass
class Exchange:
    """What came of it. `ended`: the connection was closed; else nothing happened any more. `reset`: not in order."""

    data: bytes
    answers: list[Answer]
    ended: bool
    reset: bool = False


class _Line(asyncio.Protocol):
    """Keeps what comes, also when the connection is reset."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = False
        self.reset = False
        self.changed = asyncio.Event()
        self.transport = cast(asyncio.Transport, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.changed.set()

    def eof_received(self) -> None:
        self.ended = True
        self.changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.reset = not self.ended
        self.ended = True
        self.changed.set()

    async def more(self) -> None:
        """Wait for something new."""
        await self.changed.wait()
        self.changed.clear()


async def exchange(port: int, segments: Sequence[bytes], wanted: int = 1) -> Exchange:
    """Send, wait for `wanted` final answers, then half-close and read to the end: so nothing is left under way."""
    line = _Line()
    await asyncio.get_running_loop().create_connection(lambda: line, "127.0.0.1", port)
    method = segments[0].lstrip(b"\r\n").partition(b" ")[0]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            for number, segment in enumerate(segments):
                if number:
                    await asyncio.sleep(GAP)
                line.transport.write(segment)
            while not line.ended and sum(answer.complete for answer in final(line.data, method)) < wanted:
                await line.more()
            if not line.transport.is_closing():
                line.transport.write_eof()
            while not line.ended:
                await line.more()
    outcome = Exchange(line.data, final(line.data, method), line.ended, line.reset)
    line.transport.abort()
    return outcome


def final(data: bytes, method: bytes) -> list[Answer]:
    """All answers but the interim ones. `method` is that of the first request; those behind it are not HEAD."""
    found: list[Answer] = []
    while data:
        answer, data = _split(data, head_only=method == b"HEAD" and not found)
        if answer.status == 0 or answer.status == 101 or answer.status >= 200:
            found.append(answer)
        if not answer.complete:
            break
    return found


def _split(data: bytes, *, head_only: bool) -> tuple[Answer, bytes]:
    head, end, rest = data.partition(b"\r\n\r\n")
    status = re.match(rb"HTTP/1\.[01] ([1-9][0-9]{2}) ", head)
    if status is None or not end:
        begun = b"HTTP/1.1 ".startswith(data[:9]) and not end
        return Answer(-1 if begun else 0, head, b"", complete=not begun), b""
    answer = Answer(int(status[1]), head, b"", complete=True)
    if answer.status < 200 or answer.status in (204, 304) or head_only:
        return answer, b"" if answer.status == 101 else rest
    length = re.search(rb"\r\ncontent-length: *([0-9]+)\r\n", head + b"\r\n", re.IGNORECASE)
    if re.search(rb"\r\ntransfer-encoding: *chunked\r\n", head + b"\r\n", re.IGNORECASE):
        answer.body, answer.complete, rest = _chunks(rest)
    elif length is not None:
        size = int(length[1])
        answer.body, rest = rest[:size], rest[size:]
        answer.complete = len(answer.body) == size
    else:
        answer.body, rest = rest, b""
        answer.complete = False
        answer.until_close = True
    return answer, rest


def _chunks(rest: bytes) -> tuple[bytes, bool, bytes]:
    """(body, whether its last chunk came, what lies behind it)."""
    body = b""
    while size_line := re.match(rb"([0-9A-Fa-f]{1,16})\r\n", rest):
        size = int(size_line[1], 16)
        data = rest[size_line.end() :]
        if not size:
            return body, data.startswith(b"\r\n"), data[2:]
        body += data[:size]
        rest = data[size + 2 :]
    return body, False, rest
