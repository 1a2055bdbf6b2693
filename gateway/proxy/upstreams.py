"""The upstreams that requests are carried to, and how to connect to each."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gateway.wire.pool import Pool
from gateway.wire.upstream import UpstreamConnection

Make = Callable[[], UpstreamConnection]


@dataclass(frozen=True, slots=True)
class Upstream:
    """One upstream. `origin` is how it names itself in a Location; None for Unix sockets and our own pages."""

    id: str
    pool: Pool
    origin: bytes | None
    response_timeout: float
    idle_timeout: float  # between two pieces of a response's body


def connect_tcp(host: str, port: int, make: Make) -> Callable[[], Awaitable[UpstreamConnection]]:
    """Connect over TCP; the name is resolved anew each time."""

    async def connect() -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(make, host, port)
        return connection

    return connect


def connect_unix(path: str, make: Make) -> Callable[[], Awaitable[UpstreamConnection]]:
    """Connect over a Unix socket."""

    async def connect() -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(make, path)
        return connection

    return connect


def connect_inside(server: Callable[[], asyncio.Protocol], make: Make) -> Callable[[], Awaitable[UpstreamConnection]]:
    """Connect to an HTTP server of this very process over a socket pair: no path, nothing to impersonate."""

    async def connect() -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        try:
            await loop.connect_accepted_socket(server, theirs)
            _, connection = await loop.create_connection(make, sock=ours)
        except BaseException:
            ours.close()
            theirs.close()
            raise
        return connection

    return connect
