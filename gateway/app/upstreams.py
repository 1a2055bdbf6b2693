"""From settings to upstreams: their servers, how these are reached, checked and chosen. Starts nothing."""

import asyncio
import random
import ssl
from dataclasses import dataclass

from gateway.config import Address, Tcp, Unix
from gateway.config.addresses import Https, server_url
from gateway.config.upstreams import TlsTable
from gateway.config.upstreams import Upstream as UpstreamSettings
from gateway.core.fields import response_names
from gateway.proxy.balance import BALANCES
from gateway.proxy.ejection import EjectionRules
from gateway.proxy.health import Checker, Health, check_request
from gateway.proxy.upstreams import Server, Upstream
from gateway.telemetry.metrics import Metrics
from gateway.wire import resolve
from gateway.wire.dial import Connect, Make, Tls, connect_tcp, connect_unix
from gateway.wire.limits import Limits
from gateway.wire.memo import ResponseMemo
from gateway.wire.pool import Pool
from gateway.wire.upstream import UpstreamConnection


@dataclass(frozen=True)
class UpstreamBuilder:
    """What all upstreams share. `fast`: with a memo of response heads."""

    limits: Limits
    metrics: Metrics
    loop: asyncio.AbstractEventLoop
    fast: bool = True

    def upstream(self, settings: UpstreamSettings) -> Upstream:
        """An upstream, not connected yet. Reads the TLS files: raises OSError."""
        context = tls_context(settings.tls) if isinstance(settings.servers[0], Https) else None
        memo = ResponseMemo() if self.fast else None
        return Upstream(
            settings.id,
            [self._server(settings, address, context, memo) for address in settings.servers],
            response_timeout=settings.response_timeout,
            idle_timeout=max(settings.response_timeout, 60.0),
            metrics=self.metrics,
            clock=self.loop.time,
            host=settings.host.encode("ascii") if settings.host else None,
            balance=BALANCES[settings.balance](random.randrange(1000)),  # noqa: S311 - workers begin apart
        )

    def _server(
        self, settings: UpstreamSettings, address: Address, context: ssl.SSLContext | None, memo: ResponseMemo | None
    ) -> Server:
        names, limits = response_names(), self.limits
        dns = None
        if isinstance(address, Tcp):
            dns = resolve.Name(address.host, every=settings.resolve_every, lookup=resolve.lookup)
        tls = tls_to(address, settings.tls, context) if context is not None else None

        def dial(make: Make, timeout: float) -> Connect:
            if isinstance(address, Unix) or dns is None:
                return connect_unix(str(address).removeprefix("unix:"), make)
            return connect_tcp(dns, address.port, make, timeout=timeout, tls=tls)

        pool = Pool(
            dial(lambda: UpstreamConnection(names, limits, memo), settings.connect_timeout),
            timeout=settings.connect_timeout,
            idle_timeout=settings.idle_timeout,
            limit=min(settings.max_connections, limits.requests),
            loop=self.loop,
        )
        health = checker = None
        if (table := settings.health) is not None:
            host = table.host or settings.host or server_url(address).partition("://")[2] or "localhost"
            health = Health(table.rise, table.fall)
            checker = Checker(
                dial(lambda: UpstreamConnection(names, limits), table.timeout),
                check_request(table.path, host),
                {status for statuses in table.status for status in statuses},
                interval=table.interval,
                timeout=table.timeout,
            )
        return Server(
            server_url(address),
            pool,
            _origins(settings, address),
            rules=EjectionRules(settings.eject_after, settings.eject_for),
            health=health,
            checker=checker,
            dns=dns,
        )


def _origins(settings: UpstreamSettings, address: Address) -> tuple[bytes, ...]:
    """How a server may name itself in a Location: by its address, or by the Host that we send."""
    own = [server_url(address)] if isinstance(address, Tcp) else []
    if settings.host:
        own += [f"http://{settings.host}", f"https://{settings.host}"]
    return tuple(origin.encode("ascii") for origin in own)


def tls_context(settings: TlsTable | None) -> ssl.SSLContext:
    """TLS 1.2 or newer that verifies chain and name, and speaks HTTP/1.1 only. Raises OSError for unusable files."""
    context = ssl.create_default_context(cafile=settings.ca if settings is not None else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if settings is not None and settings.certificate is not None:
        context.load_cert_chain(settings.certificate, settings.key, password="")
    return context


def tls_to(address: Address, settings: TlsTable | None, context: ssl.SSLContext) -> Tls:
    """TLS to one server, under the name that its certificate must have."""
    name = settings.server_name if settings is not None else None
    return Tls(context, name.strip("[]") if name else getattr(address, "host", ""))
