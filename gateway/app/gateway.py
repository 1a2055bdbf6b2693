"""One running gateway: what is opened in which order, and closed in the opposite one."""

import asyncio
import contextlib
import gc
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

from aiohttp import web

from gateway import __version__
from gateway.admin.application import build_admin
from gateway.authorizer import Authorizer
from gateway.config import Loaded, Settings, Tcp, Unix
from gateway.core.cookies import CookieNames
from gateway.core.errors import GatewayError
from gateway.core.fields import request_names, response_names
from gateway.core.hosts import AppHosts
from gateway.core.identity import Session
from gateway.core.routing import RouteTable
from gateway.front import PAGES, Front, own_routes
from gateway.listeners import listening
from gateway.proxy.carrier import Carrier
from gateway.proxy.express import Express
from gateway.proxy.origin import Origins
from gateway.proxy.render import Renderer
from gateway.proxy.upstreams import Upstream, connect_inside
from gateway.proxy.watch import Watch
from gateway.sealing import KeyedHash, Sealer, token_hash
from gateway.stores.cached import CachedBindings
from gateway.stores.interface import OnConflict, State
from gateway.stores.sessions import SealedCookieStorage, SessionSealer
from gateway.stores.sql_bindings import open_sql_bindings
from gateway.stores.sql_state import open_sql_state
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import AccessLog
from gateway.telemetry.metrics import Gauges, Metrics
from gateway.web.app import build_web
from gateway.web.parts import WebParts
from gateway.wechat.dance import Dance
from gateway.wechat.interface import Provider
from gateway.wechat.wechat import WeChat
from gateway.wire.client import ClientConnection
from gateway.wire.limits import Limits
from gateway.wire.listen import BACKLOG, Sweeper
from gateway.wire.memo import HeadMemo
from gateway.wire.overload import LagProbe, Overload
from gateway.wire.pool import Pool
from gateway.wire.tasks import Tasks
from gateway.wire.upstream import UpstreamConnection

from .build import (
    bind_limits_of,
    brand_of,
    identity_headers,
    limits_of,
    needs_binding_by,
    signer_of,
    upstream_of,
    ways_to_bind,
)

log = logging.getLogger(__name__)

_PRUNE_EVERY = 60.0  # seconds


class Gateway:
    """One running gateway. `start` opens everything, `stop` ends it in the opposite order.

    `fast` is the wire's fast path (wire/memo.py); without it everything works the same.
    """

    def __init__(self, loaded: Loaded, writer: LineWriter, *, fast: bool = True) -> None:
        self._fast = fast
        self._loaded = loaded
        self._writer = writer
        self._exits = contextlib.AsyncExitStack()
        self._servers: list[asyncio.Server] = []
        self._front: Front | None = None
        self._accepting = False
        self.addresses: list[str] = []
        self.admin_address = ""

    async def start(self) -> None:
        """Open stores and listeners. Raises ListenerUnusable or a store's error; nothing stays open then."""
        try:
            await self._start()
        except BaseException:
            await self._exits.aclose()
            raise

    async def stop(self) -> None:
        """Stop accepting, let what is under way finish (up to drain_timeout), close the rest."""
        self._accepting = False
        for server in self._servers:
            server.close()
        if self._front is not None:
            await self._drain(self._front, self._loaded.settings.server.drain_timeout)
        await self._exits.aclose()

    async def _drain(self, front: Front, patience: float) -> None:
        for client in list(front.connections):
            client.drain()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await front.empty()
        for client in list(front.connections):
            client.abort()

    async def _start(self) -> None:
        settings, routes = self._loaded.settings, self._loaded.routes
        loop = asyncio.get_running_loop()
        tasks = Tasks()
        self._exits.push_async_callback(tasks.close)

        masters = [key.get_secret_value() for key in settings.secrets.cookie_keys]
        cookies = CookieNames.for_scheme(settings.server.secure)
        hosts = AppHosts({app.id: app.hosts for app in settings.apps}, settings.server.public_url)
        files = {name: text for app in settings.apps for name, text in app.domain_verification.items()}
        table = RouteTable([*own_routes(settings.server.prefix, list(files)), *routes])
        limits = limits_of(settings)

        bindings = CachedBindings(
            await open_sql_bindings(
                settings.bindings.url,
                per_user=settings.bindings.per_user,
                on_conflict=OnConflict(settings.bindings.on_conflict),
                names=KeyedHash(masters, "subjects"),
            ),
            ttl=settings.bindings.cache_ttl,
            size=50_000,
            clock=time.monotonic,
        )
        self._exits.push_async_callback(bindings.close)
        state = await open_sql_state(settings.state.url, sealer=Sealer(masters, "state rows"))
        self._exits.push_async_callback(state.close)

        sealer = SessionSealer(Sealer(masters, "session"), settings.session.idle, settings.session.absolute)
        dance = Dance(Sealer(masters, "attempt"), KeyedHash(masters, "state"), cookies)
        signer = signer_of(settings, masters)
        authorizer = Authorizer(
            cookies=cookies,
            sealer=sealer,
            bindings=bindings,
            signer=signer,
            identity_header=settings.identity.header,
            hosts=hosts,
            idle=settings.session.idle,
            absolute=settings.session.absolute,
        )
        upstreams: dict[str, Upstream] = {}
        access_log = AccessLog(self._writer) if settings.log.access else None
        overload = Overload()
        metrics = Metrics(self._gauges(upstreams, authorizer, overload), __version__)
        providers = self._providers(settings, metrics)
        render = Renderer(
            prefix=settings.server.prefix,
            public_url=settings.server.public_url,
            callback_origin=hosts.origin,
            providers=providers,
            dance=dance,
            secure=settings.server.secure,
        )
        carrier = Carrier(
            authorizer=authorizer,
            render=render,
            upstreams=upstreams,
            app_of_host=hosts.app,
            is_our_cookie=cookies.is_ours,
            limits=limits,
            metrics=metrics,
            access_log=access_log,
            tasks=tasks,
            loop=loop,
        )
        scheme = urlsplit(settings.server.public_url).scheme
        origins = Origins(settings.server.trusted_proxies, scheme)
        front = self._front = Front(table, carrier, origins, overload, settings.server.prefix)

        async def is_revoked(session: Session) -> bool:
            return (await bindings.standing(session.subject, token_hash(session.sid), session.created)).revoked

        ways = ways_to_bind(settings, metrics)
        for each in ways:
            if each is not None:
                self._exits.push_async_callback(each.close)
        pages = build_web(
            WebParts(
                prefix=settings.server.prefix,
                secure=settings.server.secure,
                providers=providers,
                app_of_host=hosts.app,
                origin_of=hosts.origin,
                needs_binding=needs_binding_by(table),
                cookies=cookies,
                dance=dance,
                sessions=SealedCookieStorage(sealer, cookies, is_revoked, time.time),
                absolute=settings.session.absolute,
                bindings=bindings,
                state=state,
                result_sealer=Sealer(masters, "callback result"),
                names=KeyedHash(masters, "names"),
                jwks=signer.jwks,
                metrics=metrics,
                domain_files=files,
                brand=brand_of(settings),
                limits=bind_limits_of(settings),
                password=ways.password,
                sms=ways.sms,
                resolver=ways.resolver,
            )
        )
        names = request_names(identity_headers(self._loaded))
        memo = HeadMemo(limits.target) if self._fast else None
        express: Callable[[ClientConnection, bytes], bool] | None = None
        if memo is not None:
            express = Express(table, carrier, authorizer, bindings, origins, memo, overload).enter
        upstreams[PAGES] = await self._own_pages(pages, limits, loop)
        for upstream in settings.upstreams:
            upstreams[upstream.id] = upstream_of(upstream, limits, loop, fast=self._fast)
            self._exits.callback(upstreams[upstream.id].pool.close)
        sweeps = [*(each.pool.sweep for each in upstreams.values()), LagProbe(overload, loop, time.monotonic).measure]
        sweeper = Sweeper(lambda: front.connections, sweeps, loop)
        sweeper.start()
        self._exits.callback(sweeper.stop)
        watch = Watch(front.exchanges, authorizer.stands, settings.bindings.cache_ttl)
        bindings.on_change = watch.wake
        tasks.start(watch.run())
        tasks.start(_prune(state, bindings))

        checks: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            ("listeners", self._listens),
            ("bindings", bindings.ping),
            ("state", state.ping),
        ]
        await self._open_admin(settings, metrics, checks)
        for address in settings.server.listen:
            listener = self._socket("server.listen", address)
            # uvloop listens anew, with its own idea of a backlog unless told.
            server = await loop.create_server(
                lambda: ClientConnection(front, names, limits, loop, memo, express), sock=listener, backlog=BACKLOG
            )
            self._servers.append(server)
            self._exits.callback(server.close)
            self.addresses.append(_shown(listener))
        self._accepting = True
        gc.collect()
        gc.freeze()  # what lives from here to the end need not be walked again

    async def _listens(self) -> None:
        if not self._accepting:
            raise ConnectionError("starting, or stopping")

    async def _own_pages(self, pages: web.Application, limits: Limits, loop: asyncio.AbstractEventLoop) -> Upstream:
        """Our aiohttp application as one more upstream, over socket pairs."""
        runner = web.AppRunner(
            pages,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=1.0,
            auto_decompress=False,  # a stranger's 58 KB would become 60 MB, on the loop that serves everybody
            max_line_size=limits.target + 1024,
            max_field_size=limits.head,
        )
        await runner.setup()
        self._exits.push_async_callback(runner.cleanup)
        server = runner.server
        assert server is not None
        names = response_names()
        pool = Pool(
            connect_inside(server, lambda: UpstreamConnection(names, limits)),
            timeout=5.0,
            idle_timeout=30.0,
            limit=max(limits.requests // 2, 1),  # each holds two descriptors
            loop=loop,
        )
        self._exits.callback(pool.close)
        return Upstream(PAGES, pool, None, response_timeout=40.0, idle_timeout=40.0)

    async def _open_admin(
        self, settings: Settings, metrics: Metrics, checks: list[tuple[str, Callable[[], Awaitable[None]]]]
    ) -> None:
        listener = self._socket("server.admin", settings.server.admin)
        office = build_admin(metrics, checks, settings.admin.hosts)
        runner = web.AppRunner(office, access_log=None, handle_signals=False)
        await runner.setup()
        self._exits.push_async_callback(runner.cleanup)
        self.admin_address = _shown(listener)
        await web.SockSite(runner, listener).start()

    def _socket(self, key: str, address: Tcp | Unix) -> socket.socket:
        listener = listening(key, address)
        if isinstance(address, Unix):
            self._exits.callback(_remove, str(address.path))
        self._exits.callback(listener.close)
        return listener

    def _providers(self, settings: Settings, metrics: Metrics) -> Mapping[str, Provider]:
        providers: dict[str, Provider] = {}
        for app in settings.apps:
            provider = WeChat(
                app.id,
                app.app_id,
                app.secret.get_secret_value(),
                app.scope,
                app.authorize_base,
                app.api_base,
                timeout=app.timeout,
                on_call=metrics.wechat_call,
            )
            self._exits.push_async_callback(provider.close)
            providers[app.id] = provider
        return providers

    def _gauges(self, upstreams: Mapping[str, Upstream], authorizer: Authorizer, overload: Overload) -> Gauges:
        def connections() -> dict[tuple[str, str], int]:
            counts: dict[tuple[str, str], int] = {}
            for name, upstream in upstreams.items():
                counts[name, "idle"] = upstream.pool.idle
                counts[name, "busy"] = upstream.pool.open - upstream.pool.idle
            return counts

        return Gauges(
            client_connections=lambda: len(self._front.connections) if self._front is not None else 0,
            tunnels=lambda: self._front.tunnels if self._front is not None else 0,
            sessions_cached=lambda: len(authorizer),
            upstream_connections=connections,
            log_dropped=lambda: self._writer.dropped,
            loop_lag=lambda: overload.lag,
        )


async def _prune(state: State, bindings: CachedBindings) -> None:
    while True:
        await asyncio.sleep(_PRUNE_EVERY)
        for store in (state, bindings):
            try:
                await store.prune(int(time.time()))
            except GatewayError as error:
                log.warning("pruning failed: %s", error)


def _shown(listener: socket.socket) -> str:
    name = listener.getsockname()
    if isinstance(name, tuple):
        return f"http://[{name[0]}]:{name[1]}" if ":" in name[0] else f"http://{name[0]}:{name[1]}"
    return f"unix:{name}"


def _remove(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
