"""Several servers behind one gateway, each of which can be killed and started again on its port."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Sequence

import pytest

from .carrying import ask, request
from .conftest import House, Open
from .raw import Answer, Browser
from .upstream import StrictUpstream

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Backend(StrictUpstream):
    """A strict upstream with a life of its own."""

    def __init__(self, address: str = "127.0.0.1", context: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.address = address
        self.context = context
        self.port = 0
        self.writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> int:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, self.address, self.port, limit=1 << 20, ssl=self.context)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    async def kill(self) -> None:
        """Stop listening and reset every connection."""
        self._server.close()
        for writer in list(self.writers):
            reset(writer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        try:
            await super()._serve(reader, writer)
        finally:
            self.writers.discard(writer)

    @property
    def url(self) -> str:
        """As it is configured."""
        return f"{'https' if self.context else 'http'}://{self.address}:{self.port}"


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset."""
    tcp = writer.get_extra_info("socket")
    if tcp is not None and not writer.transport.is_closing():
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def routes_to(servers: Sequence[str], options: str = "") -> str:
    """One upstream of these servers, behind a public route. `options` may end with tables of the upstream."""
    listed = ", ".join(f'"{server}"' for server in servers)
    return (
        '[[routes]]\nid = "public"\npath = "/public"\npolicy = "huge"\nupstream = "fleet"\n'
        f'[[upstreams]]\nid = "fleet"\nservers = [{listed}]\n{options}\n'
    )


async def before(open_house: Open, backends: Sequence[Backend], options: str = "") -> House:
    """A gateway in front of these, which have been started."""
    house: House = await open_house(routes=routes_to([each.url for each in backends], options))
    return house


Start = Callable[..., Awaitable[list[Backend]]]
"""The fixture `start`: starts so many servers, or these, and ends them with the test."""


async def metric(house: House, name: str, *labels: str) -> float:
    """One sample of /metrics, by the end of its name and what its labels contain; 0 if there is none."""
    answer = await Browser(int(house.gateway.admin_address.rpartition(":")[2])).get("/metrics")
    lines = [line for line in answer.body.decode().splitlines() if line.startswith(name + "{")]
    values = [float(line.rpartition(" ")[2]) for line in lines if all(label in line for label in labels)]
    assert len(values) <= 1, values
    return values[0] if values else 0.0


async def statuses(house: House, count: int, data: bytes = b"") -> list[int]:
    """What so many requests, one after the other, are answered with."""
    return [(await ask(house, data or request())).status for _ in range(count)]


async def all_ask(house: House, count: int, data: bytes = b"") -> list[Answer]:
    """So many requests at once."""
    return await asyncio.gather(*(ask(house, data or request()) for _ in range(count)))


def said(caplog: pytest.LogCaptureFixture, text: str) -> str:
    """The one line that was logged with `text`."""
    lines = [message for message in caplog.messages if text in message]
    assert len(lines) == 1, caplog.messages
    return lines[0]
