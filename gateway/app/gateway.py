"""One running gateway: its listeners, and the generation that serves. What is opened in which order, and closed."""

import asyncio
import contextlib
import gc
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from gateway import __version__
from gateway.admin.application import build_admin
from gateway.config import Loaded, Settings
from gateway.core.errors import GatewayError
from gateway.front import PAGES, Front
from gateway.listeners import OwnSockets, Sockets
from gateway.telemetry.board import Board
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.metrics import Gauges, Metrics
from gateway.telemetry.shared import PERIOD, SharedMetrics
from gateway.wire.client import ClientConnection
from gateway.wire.limits import Limits
from gateway.wire.listen import Sweeper
from gateway.wire.overload import LagProbe
from gateway.wire.secure import SecureServer
from gateway.wire.tasks import Tasks

from .certificate import Certificate, CertificateUnusable
from .generation import Generation, Lasting
from .listeners import Listener, Listeners
from .office import Office

log = logging.getLogger(__name__)

_PRUNE_EVERY = 60.0  # seconds
_LOOK_EVERY = 60.0  # seconds, at the files of the certificate
_STILL_BUSY = 0.1  # seconds between two looks at an old generation's last requests
_OLD_GENERATIONS = 8  # that still have requests; what is under way in an older one is cut off


class ChangeIncomplete(OSError):
    """The new configuration serves, but a listener could not be opened or closed; a further reload tries it again."""


class Gateway:
    """One running gateway. `start` opens everything, `reload` changes its configuration, `stop` ends it.

    `fast` is the wire's fast path (wire/memo.py); without it everything works the same. One of several workers is
    given its `place` on their board, and the `sockets` that they share.
    """

    def __init__(
        self,
        loaded: Loaded,
        writer: LineWriter,
        *,
        fast: bool = True,
        sockets: Sockets | None = None,
        place: tuple[Board, int] | None = None,
    ) -> None:
        self._loaded = loaded
        self._writer = writer
        self.metrics = Metrics(self._gauges(), __version__)
        self._shared = SharedMetrics(self.metrics, *place) if place is not None else None
        self._lasting = Lasting(writer, self.metrics, fast)
        self._sockets = sockets or OwnSockets()
        self._listeners = Listeners(self._sockets, self)
        self._office: Office | None = None
        self._certificate: Certificate | None = None
        self._now: Generation | None = None
        self._old: list[_Old] = []  # the oldest first
        self._tasks = Tasks()
        self._retiring = Tasks()
        self._turn = asyncio.Lock()
        self._sweeper: Sweeper | None = None
        self._accepting = False
        self._stopping = False

    @property
    def addresses(self) -> list[str]:
        """Where clients connect."""
        return [str(listener) for listener in self._listeners]

    @property
    def admin_address(self) -> str:
        """Where operators look."""
        return str(self._office)

    async def start(self) -> None:
        """Open stores and listeners. Raises what `reload` raises; nothing stays open then."""
        gc.collect()
        gc.freeze()  # what is imported need not be walked again; a generation is little, and must be collectable
        self._tasks.start(self._keep_publishing())
        try:
            await self._change_to(self._loaded)
        except BaseException:
            await self._close()
            raise
        loop = asyncio.get_running_loop()
        probe = LagProbe(self._lasting.overload, loop, time.monotonic)
        self._sweeper = Sweeper(lambda: self._lasting.clients.connections, [self._sweep, probe.measure], loop)
        self._sweeper.start()
        self._tasks.start(self._prune())
        self._tasks.start(self._watch_certificate())
        self._accepting = True
        self._publish()

    async def reload(self, loaded: Loaded) -> None:
        """Serve by another configuration from now on; requests under way end by the one that they began with.

        Raises ListenerUnusable, CertificateUnusable, OSError or a store's error: nothing has changed then. Raises
        ChangeIncomplete if it has, but for a listener.
        """
        async with self._turn:
            if not self._accepting:
                raise ConnectionError("the gateway is stopping")
            await self._change_to(loaded)

    async def stop(self) -> None:
        """Stop accepting, let what is under way finish (up to drain_timeout), close the rest."""
        self._accepting, self._stopping = False, True
        self._publish()
        clients = self._lasting.clients
        async with self._turn:
            clients.drain()
            await self._listeners.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._loaded.settings.server.drain_timeout):
                    await clients.empty()
            clients.abort()
            await self._close()

    def hurry(self) -> None:
        """Cut off what a `stop` waits for."""
        self._lasting.clients.abort()

    # --- from one generation to the next ------------------------------------------------------------

    async def _change_to(self, loaded: Loaded) -> None:
        """Build all of the new first; then, without waiting for anything in between, change over."""
        settings = loaded.settings
        async with contextlib.AsyncExitStack() as undo:
            new = await Generation.open(loaded, self._lasting)
            undo.push_async_callback(new.close)
            tls = settings.server.tls
            certificate = Certificate(tls.certificate, tls.key) if tls is not None else None
            office = await self._office_of(settings, undo)
            change = self._listeners.prepare(settings.server.listen)
            undo.pop_all()
        old, self._now, self._loaded = self._now, new, loaded
        self._certificate = certificate or self._certificate  # listeners that go still need it
        last_office, self._office = self._office, office
        if old is not None:
            self._succeed(old, new)
            logging.getLogger().setLevel(settings.log.level.upper())
        # The change is done; what follows only opens and closes doors, and one that sticks holds up no other.
        doors = [*self._listeners.commit(change)]
        if last_office is not None and last_office is not office:
            doors.append(partial(last_office.close, office))
        doors += [partial(self._close_listener, listener) for listener in change.gone]
        failures = [error for door in doors if (error := await _failure(door())) is not None]
        if failures:
            raise ChangeIncomplete("; ".join(map(str, failures)))

    def _succeed(self, old: Generation, new: Generation) -> None:
        """The next request of every connection is the new generation's; those under way stay the old one's."""
        clients = self._lasting.clients.connections
        older = {request for each in self._old for request in each.under_way}
        under_way = [(client, client.carried) for client in clients if client.busy]
        for client in clients:
            new.adopt(client)
        old.retire(self._adopt)
        retired = _Old(old, [request for request in under_way if request not in older])
        self._old.append(retired)
        self._retiring.start(self._retire(retired))

    async def _office_of(self, settings: Settings, undo: contextlib.AsyncExitStack) -> Office:
        """The office that is open, if it can stay as it is, or a new one beside it."""
        address, names = settings.server.admin, settings.admin.hosts
        old = self._office
        if old is not None and (old.address, old.names) == (address, names):
            return old
        office = Office.at(self._sockets, address, names, old)
        undo.push_async_callback(office.close, old)
        await office.start(build_admin(self._shared or self.metrics, self._checks(), names))
        return office

    async def _close_listener(self, listener: Listener) -> None:
        """Its connections end with the next answer."""
        await listener.close()
        for client in self._lasting.clients.connections:
            if listener.accepted(client):  # also those that it took at last
                client.drain()

    async def _retire(self, old: "_Old") -> None:
        """Close a generation behind its last request."""
        while old.busy():
            later = self._old[self._old.index(old) + 1 :]
            if sum(each.busy() for each in later) >= _OLD_GENERATIONS:
                old.abort()
            await asyncio.sleep(_STILL_BUSY)
        self._old.remove(old)
        await old.generation.close()
        del old
        if len(self._retiring) == 1:  # the last one cleans up for all
            gc.collect()

    async def _close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.stop()
        while len(self._retiring):  # noqa: ASYNC110 - their last requests have just been cut off
            await asyncio.sleep(_STILL_BUSY / 10)
        await self._tasks.close()
        if self._office is not None:
            await self._office.close()
        if self._now is not None:
            await self._now.close()

    # --- what runs beside it ------------------------------------------------------------------------

    def client(self) -> ClientConnection:
        """What listeners make of an accepted connection."""
        assert self._now is not None
        return self._now.client()

    def secure(self, listener: socket.socket) -> SecureServer:
        """What serves a listener with TLS."""
        return SecureServer(listener, self._context, self.client, self._limits, self._lasting.clients, self._tasks)

    def _context(self) -> ssl.SSLContext:
        assert self._certificate is not None
        return self._certificate.context

    def _limits(self) -> Limits:
        assert self._now is not None
        return self._now.limits

    def _adopt(self, client: ClientConnection) -> None:
        assert self._now is not None
        self._now.adopt(client)

    def _sweep(self, now: float) -> None:
        if self._now is not None:
            self._now.sweep(now)

    async def _prune(self) -> None:
        while True:
            await asyncio.sleep(_PRUNE_EVERY)
            if self._now is None:
                continue
            for store in (self._now.state, self._now.bindings):
                try:
                    await store.prune(int(time.time()))
                except GatewayError as error:
                    log.warning("pruning failed: %s", error)

    async def _watch_certificate(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                if self._certificate is not None and self._certificate.renew():
                    log.info("new certificate in use: %s", self._certificate.files[0])
            except CertificateUnusable as error:
                log.error("%s; the old certificate stays in use", error)

    def _publish(self) -> None:
        if self._shared is not None:
            self._shared.publish(self._accepting)

    async def _keep_publishing(self) -> None:
        while self._shared is not None:
            self._publish()
            await asyncio.sleep(PERIOD)

    def _checks(self) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
        async def listens() -> None:
            # A worker that is still starting may answer for others that serve: they share the admin listener.
            elsewhere = self._shared is not None and not self._stopping and self._shared.others_accept()
            if not self._accepting and not elsewhere:
                raise ConnectionError("starting, or stopping")

        async def bindings() -> None:
            if self._now is not None:
                await self._now.bindings.ping()

        async def state() -> None:
            if self._now is not None:
                await self._now.state.ping()

        return [("listeners", listens), ("bindings", bindings), ("state", state)]

    def _gauges(self) -> Gauges:
        def connections() -> dict[tuple[str, str], int]:
            counts: dict[tuple[str, str], int] = {}
            for name, upstream in self._now.upstreams.items() if self._now is not None else ():
                counts[name, "idle"] = sum(server.pool.idle for server in upstream.servers)
                counts[name, "busy"] = sum(server.pool.busy for server in upstream.servers)
            return counts

        def healthy() -> dict[tuple[str, str], int]:
            listed = self._now.upstreams.values() if self._now is not None else ()
            servers = [(each.id, server) for each in listed if each.id != PAGES for server in each.servers]
            return {(id_, server.name): int(server.available) for id_, server in servers}

        return Gauges(
            client_connections=lambda: len(self._lasting.clients),
            tunnels=lambda: sum(each.front.tunnels for each in self._generations()),
            sessions_cached=lambda: len(self._now.authorizer) if self._now is not None else 0,
            upstream_connections=connections,
            upstream_healthy=healthy,
            log_dropped=lambda: self._writer.dropped,
            loop_lag=lambda: self._lasting.overload.lag,
        )

    def _generations(self) -> list[Generation]:
        """The one that serves, and those that end."""
        return [*([self._now] if self._now is not None else []), *(old.generation for old in self._old)]

    @property
    def _front(self) -> Front:
        assert self._now is not None
        return self._now.front


async def _failure(step: Awaitable[None]) -> Exception | None:
    try:
        await step
    except Exception as error:
        log.exception("a listener was not opened or closed")
        return error
    return None


@dataclass
class _Old:
    """A generation that serves no more, and what is still under way in it: connections, and which of their requests."""

    generation: Generation
    under_way: list[tuple[ClientConnection, int]]

    def busy(self) -> bool:
        """Whether one of them still runs."""
        self.under_way = [
            (client, number) for client, number in self.under_way if client.busy and client.carried == number
        ]
        return bool(self.under_way)

    def abort(self) -> None:
        """Cut them off."""
        for client, _ in self.under_way:
            client.abort()
