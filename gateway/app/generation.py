"""One generation: everything that is built from one configuration. A reload builds the next one beside it.

Law: what must outlive a configuration (metrics, connections, stores) comes from outside, in `Lasting`.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

from gateway.authorizer import Authorizer
from gateway.config import Loaded, Settings
from gateway.core.cookies import CookieNames
from gateway.core.fields import request_names
from gateway.core.hosts import AppHosts
from gateway.core.identity import Session
from gateway.core.routing import RouteTable
from gateway.front import PAGES, Front, own_routes
from gateway.proxy.carrier import Carrier
from gateway.proxy.express import Express
from gateway.proxy.origin import Origins
from gateway.proxy.render import Renderer
from gateway.proxy.shedding import Shedder
from gateway.proxy.upstreams import Upstream
from gateway.proxy.watch import Watch
from gateway.sealing import KeyedHash, Sealer, token_hash
from gateway.stores.cached import CachedBindings
from gateway.stores.interface import OnConflict, State
from gateway.stores.sessions import SealedCookieStorage, SessionSealer
from gateway.stores.sql_bindings import open_sql_bindings
from gateway.stores.sql_state import open_sql_state
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import AccessLog
from gateway.telemetry.metrics import Metrics
from gateway.verifiers.hook import BindEvent, Notifier
from gateway.web.app import build_web
from gateway.web.parts import WebParts, nobody
from gateway.wechat.dance import Dance
from gateway.wire.client import ClientConnection, Shortcut
from gateway.wire.clients import Clients
from gateway.wire.limits import Limits
from gateway.wire.memo import HeadMemo
from gateway.wire.overload import Overload
from gateway.wire.tasks import Tasks

from .build import identity_headers, limits_of, needs_binding_by, signer_of
from .looks import look_of
from .outside import outside_of, websites_of
from .own_pages import own_pages
from .people import bind_limits_of, brand_of, hook_of, notice_of, phones_of, ways_to_bind
from .providers import providers_of
from .shelf import Shelf
from .upstreams import UpstreamBuilder


@dataclass(frozen=True)
class Lasting:
    """What all generations of a process share. `fast` is the wire's fast path (wire/memo.py)."""

    writer: LineWriter
    metrics: Metrics
    fast: bool
    clients: Clients = field(default_factory=Clients)
    overload: Overload = field(default_factory=Overload)
    shelf: Shelf = field(default_factory=Shelf)


class Generation:
    """Made by `open`, ended by `close`. It serves when its `client` is what listeners make of a connection."""

    front: Front
    limits: Limits
    authorizer: Authorizer
    bindings: CachedBindings
    state: State
    upstreams: Mapping[str, Upstream]

    def __init__(self, loaded: Loaded, lasting: Lasting) -> None:
        self.loaded = loaded
        self.settings = loaded.settings
        self._lasting = lasting
        self._loop = asyncio.get_running_loop()
        self._exits = contextlib.AsyncExitStack()

    @classmethod
    async def open(cls, loaded: Loaded, lasting: Lasting) -> Self:
        """Build all of it. Raises a store's error; nothing stays open then."""
        generation = cls(loaded, lasting)
        try:
            await generation._build()
        except BaseException:
            await generation.close()
            raise
        return generation

    def client(self) -> ClientConnection:
        """What is made of a new connection."""
        return ClientConnection(self.front, self._names, self.limits, self._loop, self._memo, self._express)

    def adopt(self, client: ClientConnection) -> None:
        """The connection's next request comes here. One that is under way ends where it began."""
        client.move(self.front, self._names, self.limits, self._memo, self._express)

    def retire(self, adopt: Callable[[ClientConnection], None]) -> None:
        """Nothing new begins here: `adopt` takes late clients, and connections to upstreams are not kept any more."""
        self.front.successor = adopt
        for upstream in self.upstreams.values():
            upstream.close()

    def sweep(self, now: float) -> None:
        """Close upstream connections that nobody used for long."""
        for upstream in self.upstreams.values():
            upstream.sweep(now)

    async def close(self) -> None:
        """Close everything, in the opposite order; idempotent."""
        await self._exits.aclose()

    async def _build(self) -> None:
        settings, metrics, lasting, loop = self.settings, self._lasting.metrics, self._lasting, self._loop
        tasks = Tasks()
        self._exits.push_async_callback(tasks.close)

        masters = [key.get_secret_value() for key in settings.secrets.cookie_keys]
        cookies = CookieNames.for_scheme(settings.server.secure)
        websites = websites_of(settings)
        hosts = AppHosts({app.id: app.hosts for app in settings.apps}, settings.server.public_url, websites)
        files = {name: text for app in settings.apps for name, text in app.domain_verification.items()}
        table = RouteTable([*own_routes(settings.server.prefix, list(files)), *self.loaded.routes])
        limits = self.limits = limits_of(settings)

        bindings = self.bindings = await self._open_bindings(masters)
        state = self.state = await self._open_state(masters)

        sealer = SessionSealer(Sealer(masters, "session"), settings.session.idle, settings.session.absolute)
        dance = Dance(Sealer(masters, "attempt"), KeyedHash(masters, "state"), cookies)
        signer = signer_of(settings, masters)
        authorizer = self.authorizer = Authorizer(
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
        self.upstreams = upstreams
        providers = providers_of(settings, metrics)
        for provider in providers.values():
            self._exits.push_async_callback(provider.close)
        render = Renderer(
            prefix=settings.server.prefix,
            public_url=settings.server.public_url,
            callback_origin=hosts.origin,
            providers=providers,
            dance=dance,
            secure=settings.server.secure,
            outside=outside_of(settings),
        )
        carrier = Carrier(
            authorizer=authorizer,
            render=render,
            upstreams=upstreams,
            app_of_host=hosts.app,
            is_our_cookie=cookies.is_ours,
            limits=limits,
            metrics=metrics,
            access_log=AccessLog(lasting.writer) if settings.log.access else None,
            tasks=tasks,
            loop=loop,
        )
        origins = Origins(settings.server.trusted_proxies, urlsplit(settings.server.public_url).scheme)
        shedder = Shedder(carrier, lasting.overload, settings.server.prefix)
        self.front = Front(table, carrier, origins, lasting.clients, shedder)

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
                notice=notice_of(settings),
                success_page=settings.bind.success == "page",
                tell=await self._open_hook(settings, metrics),
                look=look_of(settings),
                limits=bind_limits_of(settings),
                password=ways.password,
                sms=ways.sms,
                resolver=ways.resolver,
                phone=phones_of(settings),
                outside=outside_of(settings),
                website_of_host=hosts.website,
            )
        )
        self._names = request_names(identity_headers(self.loaded))
        memo = self._memo = HeadMemo(limits.target) if lasting.fast else None
        self._express: Shortcut | None = None
        if memo is not None:
            self._express = Express(table, carrier, authorizer, bindings, origins, memo, shedder).enter
        upstreams[PAGES], close_pages = await own_pages(pages, limits, metrics, loop)
        self._exits.push_async_callback(close_pages)
        builder = UpstreamBuilder(limits, metrics, loop, fast=lasting.fast)
        for upstream in settings.upstreams:
            upstreams[upstream.id] = builder.upstream(upstream)
        for running in upstreams.values():
            running.start(tasks)
            self._exits.callback(running.close)
        watch = Watch(self.front.exchanges, authorizer.stands, settings.bindings.cache_ttl)
        bindings.watchers.add(watch.wake)
        self._exits.callback(bindings.watchers.discard, watch.wake)
        tasks.start(watch.run())

    async def _open_hook(self, settings: Settings, metrics: Metrics) -> Callable[[BindEvent], None]:
        """Takes events for the legacy system, if it is to be told. What waits there outlives a reload."""
        hook = hook_of(settings, metrics)
        if hook is None:
            return nobody
        key = ("hook", settings.bind.hook)

        async def opened() -> Notifier:
            return Notifier(hook.tell, metrics.hook_dropped, close=hook.close)

        notifier = await self._lasting.shelf.take(key, opened)
        self._exits.push_async_callback(self._lasting.shelf.give_back, key)
        return notifier.tell

    async def _open_bindings(self, masters: list[bytes]) -> CachedBindings:
        rules = self.settings.bindings
        key = ("bindings", rules.url, rules.per_user, rules.on_conflict, rules.cache_ttl, *masters)

        async def opened() -> CachedBindings:
            store = await open_sql_bindings(
                rules.url,
                per_user=rules.per_user,
                on_conflict=OnConflict(rules.on_conflict),
                names=KeyedHash(masters, "subjects"),
            )
            return CachedBindings(store, ttl=rules.cache_ttl, size=50_000, clock=time.monotonic)

        bindings = await self._lasting.shelf.take(key, opened)
        self._exits.push_async_callback(self._lasting.shelf.give_back, key)
        return bindings

    async def _open_state(self, masters: list[bytes]) -> State:
        url = self.settings.state.url
        key = ("state", url, *masters)
        state = await self._lasting.shelf.take(key, lambda: open_sql_state(url, sealer=Sealer(masters, "state rows")))
        self._exits.push_async_callback(self._lasting.shelf.give_back, key)
        return state
