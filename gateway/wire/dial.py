"""How a connection to an upstream server is opened: over TCP, TLS, a Unix socket, or within this process."""

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from .resolve import Name
from .upstream import UpstreamConnection

Connect = Callable[[], Awaitable[UpstreamConnection]]
Make = Callable[[], UpstreamConnection]


@dataclass(frozen=True, slots=True)
class Tls:
    """TLS to a server: its certificate must be valid for `server_name`, a host name or an IP address."""

    context: ssl.SSLContext
    server_name: str


def connect_tcp(name: Name, port: int, make: Make, *, timeout: float, tls: Tls | None = None) -> Connect:
    """Connect over TCP to the first address that answers. Each gets an equal share of what is left of `timeout`."""
    context, server_name = (tls.context, tls.server_name) if tls is not None else (None, None)

    async def connect() -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        addresses = await name.get()
        failure: OSError = OSError("no address")
        for tried, address in enumerate(addresses):
            try:
                async with asyncio.timeout((deadline - loop.time()) / (len(addresses) - tried)):
                    _, connection = await loop.create_connection(
                        make, address, port, ssl=context, server_hostname=server_name
                    )
            except OSError as error:  # TimeoutError and SSLError are ones too
                failure = error
            else:
                connection.address = address
                return connection
        raise failure

    return connect


def connect_unix(path: str, make: Make) -> Connect:
    """Connect over a Unix socket."""

    async def connect() -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(make, path)
        return connection

    return connect


def connect_inside(server: Callable[[], asyncio.Protocol], make: Make) -> Connect:
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


_OPENSSL = re.compile(r"^\[[^]]*\] ?|\s*\(_ssl\.c:[0-9]+\)$")


def trouble(error: OSError) -> str:
    """Why a connection could not be opened, in a few words."""
    if isinstance(error, TimeoutError):
        return "connect timed out"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, socket.gaierror):
        return "unknown host"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS: the certificate is refused: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {_OPENSSL.sub('', str(error))}"
    return (error.strerror or str(error) or type(error).__name__).lower()
