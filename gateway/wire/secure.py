"""TLS towards clients: the handshake within its time, then a client connection like any other.

The context is asked for at each handshake, so that a new certificate is used from one connection to the next.
"""

import asyncio
import logging
import ssl
from collections.abc import Callable
from typing import cast

from .client import ClientConnection
from .clients import Clients
from .limits import Limits
from .tasks import Tasks

log = logging.getLogger(__name__)

_HIGH_WATER = 64 * 1024  # bytes of an answer that wait to be encrypted, as on a plain connection
_NO_END_OF_ITS_OWN = 24 * 3600.0  # seconds: wire/ending.py says how long a connection's end may take


class Handshake(asyncio.Protocol):
    """An accepted connection until it is encrypted. It counts against the limit of connections meanwhile."""

    def __init__(
        self,
        context: ssl.SSLContext,
        make: Callable[[], ClientConnection],
        clients: Clients,
        limits: Limits,
        tasks: Tasks,
    ) -> None:
        self._context = context
        self._make = make
        self._clients = clients
        self._limits = limits
        self._tasks = tasks
        self._wire: asyncio.Transport | None = None
        self._client: ClientConnection | None = None
        self._early = b""
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Accepted: begin, unless there are too many. Before the handshake nothing can be answered."""
        self._wire = cast(asyncio.Transport, transport)
        if len(self._clients) >= self._limits.connections:
            self._wire.abort()
            return
        self._wire.pause_reading()
        self._clients.shake(self)
        self._tasks.start(self._shake(self._wire))

    def data_received(self, data: bytes) -> None:
        """What came with the end of the handshake, before anybody could be told of it."""
        self._early += data

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone in the same moment."""
        self._lost = True

    def abort(self) -> None:
        """Cut it off."""
        if self._wire is not None:
            self._wire.abort()

    async def _shake(self, wire: asyncio.Transport) -> None:
        try:
            secure = await asyncio.get_running_loop().start_tls(
                wire,
                self,
                self._context,
                server_side=True,
                ssl_handshake_timeout=self._limits.head_timeout,
                ssl_shutdown_timeout=_NO_END_OF_ITS_OWN,
            )
        except (OSError, RuntimeError) as error:  # scanners, old clients, those who left: none of our business
            log.debug("TLS handshake failed: %s", type(error).__name__)
            wire.abort()
            return
        finally:
            self._clients.shaken(self)
        if secure is None or self._lost:
            wire.abort()
            return
        secure.set_write_buffer_limits(high=_HIGH_WATER)
        client = self._make()
        client.below = wire
        secure.set_protocol(client)
        client.connection_made(secure)
        if self._early:
            client.data_received(self._early)
