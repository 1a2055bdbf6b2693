"""TLS towards clients: accept, shake hands within a time, then a client connection like any other.

Connections are accepted here, not by the loop, so that a handshake counts, and so that the context can be another one
from one connection to the next: a new certificate needs no new listener.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable

from .client import ClientConnection
from .clients import Clients
from .limits import Limits
from .tasks import Tasks

log = logging.getLogger(__name__)

_AT_ONCE = 64  # connections accepted before others have their turn
_PAUSE = 0.5  # seconds before we look again when no descriptor is left


class SecureServer:
    """Serves a listening socket, which stays its owner's. `context` and `limits` are asked for at each connection."""

    def __init__(
        self,
        listener: socket.socket,
        context: Callable[[], ssl.SSLContext],
        make: Callable[[], ClientConnection],
        limits: Callable[[], Limits],
        clients: Clients,
        tasks: Tasks,
    ) -> None:
        self._listener = listener
        self._context = context
        self._make = make
        self._limits = limits
        self._clients = clients
        self._tasks = tasks
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Accept connections."""
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def close(self) -> None:
        """Accept no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._listener.fileno())

    def take(self, connection: socket.socket) -> None:
        """Serve an accepted connection. It counts from now on; too many cannot be answered before the handshake."""
        limits = self._limits()
        if len(self._clients) >= limits.connections:
            connection.close()
            return
        connection.setblocking(False)
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._tasks.start(self._shake(connection, self._context(), limits))

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                connection, _ = self._listener.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # it stays readable: do not spin
                log.warning("a connection could not be accepted: %s", error.strerror)
                self.close()
                self._timer = self._loop.call_later(_PAUSE, self.start)
                return
            self.take(connection)

    async def _shake(self, connection: socket.socket, context: ssl.SSLContext, limits: Limits) -> None:
        handshake = _Handshake(connection)
        self._clients.shake(handshake)
        try:
            await self._loop.connect_accepted_socket(
                self._make,
                connection,
                ssl=context,
                ssl_handshake_timeout=limits.head_timeout,
                ssl_shutdown_timeout=limits.body_timeout,
            )
        except OSError as error:  # scanners, old clients, those who left; SSLError is one
            log.debug("TLS handshake failed: %s", type(error).__name__)
        finally:
            self._clients.shaken(handshake)


class _Handshake:
    """One that is under way."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection

    def abort(self) -> None:
        """Its end is a failure."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
