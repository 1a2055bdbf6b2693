"""What the tests of tunnels share: both ends of a handshake, said by hand, and bytes that must arrive unchanged."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from gateway.core.upgrade import accept_of

from .carrying import as_user, request
from .conftest import House
from .raw import PATIENCE, Answer, Browser, Line
from .upstream import Seen

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 1.3, and what must be answered to it
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
ASKING = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {KEY}")
AGREEING = ("Connection: Upgrade", "Upgrade: websocket", f"Sec-WebSocket-Accept: {ACCEPT}")
EVERY_BYTE = bytes(range(256)) * 64

Serve = Callable[[Seen, asyncio.StreamReader, asyncio.StreamWriter], object]


def head_of_101(*fields: str) -> bytes:
    """An upstream's agreement."""
    return "\r\n".join(["HTTP/1.1 101 Switching Protocols", *(fields or AGREEING), "", ""]).encode("latin-1")


def serving(house: House, serve: Serve, answer: bytes = b"") -> None:
    """From now on the upstream reads a request, says `answer`, and leaves the connection to `serve`."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = await house.upstream._read(reader, writer, house.upstream.connections)
        if seen is None:
            return
        house.upstream.seen.append(seen)
        key = seen.get("sec-websocket-key")
        accept = accept_of(key.encode()).decode() if key else ACCEPT
        writer.write(answer or head_of_101(*AGREEING[:2], f"Sec-WebSocket-Accept: {accept}"))
        outcome = serve(seen, reader, writer)
        if asyncio.iscoroutine(outcome):
            await outcome

    house.upstream.talk = talk


async def echo(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say everything again, to the end."""
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


async def switched(line: Line) -> Answer:
    """The head of a 101."""
    async with asyncio.timeout(PATIENCE):
        head = await line.reader.readuntil(b"\r\n\r\n")
    lines = head[:-4].decode("latin-1").split("\r\n")
    assert lines[0] == "HTTP/1.1 101 Switching Protocols", head
    fields = [(name, value.strip()) for name, _, value in (each.partition(":") for each in lines[1:])]
    return Answer(101, fields, b"")


@contextlib.asynccontextmanager
async def tunnel(
    house: House, browser: Browser | None = None, target: str = "/public/ws", *fields: str
) -> AsyncIterator[Line]:
    """An open tunnel, hung up at the end."""
    fields = (*ASKING, *fields)
    line = await house.line()
    try:
        await line.send(as_user(browser, "GET", target, *fields) if browser else request("GET", target, *fields))
        await switched(line)
        yield line
    finally:
        await line.close()


async def said(line: Line, size: int) -> bytes:
    """The next bytes of a tunnel."""
    async with asyncio.timeout(PATIENCE):
        return await line.reader.readexactly(size)
