"""Upstream connections kept for the next request: last in, first out, so that few stay warm."""

import asyncio
import contextlib
from collections.abc import Iterable

from gateway.core.errors import GatewayError
from gateway.core.reasons import Reason

from .dial import Connect, trouble
from .upstream import UpstreamConnection


class Pool:
    """The connections to one upstream server. `take` is instant; `connect` waits at most `timeout` seconds."""

    def __init__(
        self,
        connect: Connect,
        *,
        timeout: float,
        idle_timeout: float,
        limit: int,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._connect = connect
        self._timeout = timeout
        self._idle_timeout = idle_timeout
        self._limit = limit
        self._loop = loop
        self._idle: list[UpstreamConnection] = []
        self._addresses: frozenset[str] | None = None  # None: all connections lead where they should
        self.open = 0

    @property
    def idle(self) -> int:
        """How many wait for a request."""
        return len(self._idle)

    @property
    def busy(self) -> int:
        """How many carry a request, or are being opened for one."""
        return self.open - len(self._idle)

    def __repr__(self) -> str:
        return f"<Pool {self.busy} active, {self.idle} idle>"

    def take(self) -> UpstreamConnection | None:
        """The connection that was used last, or None."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and not connection.transport.is_closing():
                return connection
        return None

    async def connect(self) -> UpstreamConnection:
        """A new connection. Raises GatewayError: 503 at the limit, 502 refused or too slow."""
        if self.open >= self._limit:
            raise GatewayError(503, Reason.OVERLOADED, "upstream connection limit reached")
        self.open += 1
        try:
            async with asyncio.timeout(self._timeout):
                connection = await self._connect()
        except OSError as error:
            self.open -= 1
            raise GatewayError(502, Reason.UPSTREAM_UNREACHABLE, trouble(error)) from error
        except BaseException:
            self.open -= 1
            raise
        if connection.closed:  # lost before anyone could hear of it
            self.open -= 1
            raise GatewayError(502, Reason.UPSTREAM_UNREACHABLE, "closed as soon as it was made")
        connection.on_lost = self
        return connection

    def release(self, connection: UpstreamConnection) -> None:
        """Give a connection back after a complete response."""
        if connection.clean and (self._addresses is None or connection.address in self._addresses):
            if connection.paused:
                connection.resume()
            connection.idle_since = self._loop.time()
            self._idle.append(connection)
        elif not connection.closed:
            connection.transport.abort()

    def lost(self, connection: UpstreamConnection) -> None:
        """One of ours is gone."""
        self.open -= 1
        with contextlib.suppress(ValueError):
            self._idle.remove(connection)

    def sweep(self, now: float) -> None:
        """Close what has been idle for too long; the oldest are at the front."""
        while self._idle and now - self._idle[0].idle_since > self._idle_timeout:
            self._idle.pop(0).transport.abort()

    def keep_only(self, addresses: Iterable[str]) -> None:
        """From now on keep connections to these addresses only: close the idle others now, busy ones when released."""
        self._addresses = kept = frozenset(addresses)
        idle, self._idle = self._idle, []
        for connection in idle:
            if connection.address in kept:
                self._idle.append(connection)
            else:
                connection.transport.abort()

    def close(self) -> None:
        """Close what is idle, and what is busy once it is released."""
        self.keep_only(())
