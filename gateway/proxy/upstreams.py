"""The upstreams that requests are carried to: their servers, how these are doing, and which of them is next."""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial

from gateway.core.errors import GatewayError
from gateway.core.reasons import Reason
from gateway.telemetry.metrics import Metrics
from gateway.wire.pool import Pool
from gateway.wire.resolve import Name
from gateway.wire.tasks import Tasks
from gateway.wire.upstream import UpstreamConnection

from .balance import LeastConnections, RoundRobin, candidates
from .ejection import Ejection, EjectionRules, State
from .health import Checker, Health

log = logging.getLogger(__name__)

_MOST_TRIES = 3  # servers that one request asks for a connection


class Server:
    """One server of an upstream. `name` is as configured; `origins` is how it names itself in a Location.

    `suspect`: it failed since it last answered, so an answer is news.
    """

    __slots__ = ("checker", "dns", "ejection", "health", "name", "origins", "pool", "suspect")

    def __init__(
        self,
        name: str,
        pool: Pool,
        origins: tuple[bytes, ...] = (),
        *,
        rules: EjectionRules | None = None,
        health: Health | None = None,
        checker: Checker | None = None,
        dns: Name | None = None,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self.name = name
        self.pool = pool
        self.origins = origins
        self.ejection = Ejection(rules or EjectionRules(), rand)
        self.health = health or Health()
        self.checker = checker
        self.dns = dns
        self.suspect = False

    @property
    def available(self) -> bool:
        """Neither put out nor found unfit."""
        return self.health.fit and self.ejection.state is State.IN

    @property
    def busy(self) -> int:
        """Its connections that carry a request, of this process."""
        return self.pool.busy


class Upstream:
    """One upstream with its servers. `sole` is its server if it has but one, which is never put out.

    `host`: the Host that it is sent, if not the client's. `response_timeout` in seconds to a response's head,
    `idle_timeout` between two pieces of its body.
    """

    def __init__(
        self,
        id: str,
        servers: Sequence[Server],
        *,
        response_timeout: float,
        idle_timeout: float,
        metrics: Metrics,
        clock: Callable[[], float],
        host: bytes | None = None,
        balance: RoundRobin | LeastConnections | None = None,
    ) -> None:
        self.id = id
        self.servers = tuple(servers)
        self.sole = self.servers[0] if len(self.servers) == 1 else None
        self.host = host
        self.response_timeout = response_timeout
        self.idle_timeout = idle_timeout
        self._metrics = metrics
        self._clock = clock
        self._balance = balance or RoundRobin()
        self._running: list[asyncio.Task[None]] = []
        self._chosen_from = self.servers
        self._due: list[Server] = []
        self._next: Server | None = None

    # --- choosing -----------------------------------------------------------------------------------

    def choose(self) -> Server:
        """The server whose turn it is."""
        if self._next is not None:
            server, self._next = self._next, None
            return server
        if self._due:
            server = self._due.pop()
            server.ejection.chosen(self._clock())
            return server
        return self._balance(self._chosen_from)

    def put_back(self, server: Server) -> None:
        """It was chosen and not used: the next request is for it."""
        self._next = server

    async def connect(self, server: Server, *, again: bool = False) -> tuple[Server, UpstreamConnection]:
        """A connection to `server`, or if there is none, to another: nothing was sent, so nothing is repeated.

        `again`: a kept connection to `server` broke. Then a new one, rather to another server. Raises GatewayError.
        """
        tried: list[Server] = []
        tries = min(_MOST_TRIES, len(self.servers))
        if again:
            self._metrics.upstream_retried(self.id)
            server = self._another([server]) or server
            if len(self.servers) > _MOST_TRIES:
                tries -= 1  # the one whose connection broke counts
        while True:
            try:
                kept = server.pool.take() if tried and not again else None
                return server, kept or await server.pool.connect()
            except GatewayError as error:
                if error.reason is Reason.UPSTREAM_UNREACHABLE:
                    self.failed(server, str(error))
                tried.append(server)
                other = self._another(tried) if len(tried) < tries else None
                if other is None:
                    raise GatewayError(error.status, error.reason, f"{server.name}: {error}") from error
                self._metrics.upstream(self.id, error.reason.value)
                self._metrics.upstream_retried(self.id)
                log.debug("upstream %s: %s: %s; another server is tried", self.id, server.name, error)
                server = other

    def _another(self, besides: Sequence[Server]) -> Server | None:
        left = candidates(self.servers, besides)
        return self._balance(left) if left else None

    # --- how servers do -----------------------------------------------------------------------------

    def failed(self, server: Server, why: str) -> None:
        """No connection, or one that brought no response. A sole server is tried whatever happens."""
        if self.sole is not None:
            return
        server.suspect = True
        known = not server.available
        if server.ejection.failed(self._clock()):
            self._metrics.upstream_ejected(self.id, server.name)
            if not known:
                log.warning("upstream %s: %s is out: %s", self.id, server.name, why)
            self._review()

    def answered(self, server: Server) -> None:
        """A suspect began a response."""
        server.suspect = False
        if server.ejection.answered():
            log.warning("upstream %s: %s is back: it answers", self.id, server.name)
            self._review()

    def checked(self, server: Server, failure: str | None) -> None:
        """A health check ended: None if it passed, else why not."""
        if server.health.note(failure is None):
            if failure is None:
                log.warning("upstream %s: %s passes its health checks again", self.id, server.name)
            else:
                log.warning("upstream %s: %s fails its health checks: %s", self.id, server.name, failure)
            self._review()

    def sweep(self, now: float) -> None:
        """Time passes: idle connections end, and servers that rested are due."""
        due = False
        for server in self.servers:
            server.pool.sweep(now)
            due = server.ejection.tick(now) or due
        if due:
            self._review()

    def _review(self) -> None:
        self._chosen_from = candidates(self.servers)
        self._due = [each for each in self.servers if each.ejection.state is State.DUE and each.health.fit]

    # --- its life -----------------------------------------------------------------------------------

    def start(self, tasks: Tasks) -> None:
        """Follow names and check health from now on."""
        for server in self.servers:
            if server.dns is not None and not server.dns.literal:
                server.dns.on_change = partial(self._moved, server)
                self._running.append(tasks.start(server.dns.follow()))
            if server.checker is not None:
                self._running.append(tasks.start(server.checker.run(partial(self.checked, server))))

    def _moved(self, server: Server, addresses: Sequence[str]) -> None:
        log.info("upstream %s: %s is at %s", self.id, server.name, ", ".join(addresses))
        server.pool.keep_only(addresses)

    def close(self) -> None:
        """Stop that, and close connections: idle ones now, busy ones when their response is complete."""
        for task in self._running:
            task.cancel()
        for server in self.servers:
            if server.dns is not None:
                server.dns.close()
            server.pool.close()
