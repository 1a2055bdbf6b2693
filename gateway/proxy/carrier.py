"""What all exchanges of a worker share: the guard, the upstreams, the clock hands, the books."""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.authorizer import Authorizer
from gateway.core.head import RequestHead
from gateway.core.policy import Route
from gateway.core.reasons import Reason
from gateway.telemetry.metrics import NO_ROUTE, Metrics
from gateway.wire.limits import Limits
from gateway.wire.tasks import Tasks

from .origin import Origin
from .render import Renderer
from .upstreams import Upstream


class AccessLog(Protocol):
    """Where a finished request is noted."""

    def write(
        self,
        request_id: str,
        ip: str,
        method: str,
        host: str,
        path: str,
        route: str,
        reason: str,
        status: int,
        sent: int,
        seconds: float,
    ) -> None:
        """One request. `path` without its query; times in seconds."""

    def around(self, ip: str, method: str, host: str, route: str, reason: str) -> tuple[str, str]:
        """What a line says before its path and behind it, up to the status."""

    def write_around(
        self, request_id: str, around: tuple[str, str], path: str, status: int, sent: int, seconds: float
    ) -> None:
        """One request, with what `around` and `path` made ready."""

    def path(self, path: str) -> str:
        """A path (without its query) as lines have it."""


class Carrier:
    """Shared by every Carry. Ids of requests are unique across workers: random, then counting.

    `tunnels` is how many are open.
    """

    def __init__(
        self,
        *,
        authorizer: Authorizer,
        render: Renderer,
        upstreams: Mapping[str, Upstream],
        app_of_host: Callable[[str], str | None],
        is_our_cookie: Callable[[bytes], bool],
        limits: Limits,
        metrics: Metrics,
        access_log: AccessLog | None,
        tasks: Tasks,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.authorizer = authorizer
        self.render = render
        self.upstreams = upstreams
        self.app_of_host = app_of_host
        self.is_our_cookie = is_our_cookie
        self.limits = limits
        self.metrics = metrics
        self.tasks = tasks
        self.loop = loop
        self._access_log = access_log
        self._id_prefix = secrets.token_hex(6).encode("ascii")
        self._count = 0
        self.tunnels = 0

    def next_request_id(self) -> bytes:
        """A fresh id, 20 characters."""
        self._count += 1
        return b"%b%08x" % (self._id_prefix, self._count & 0xFFFFFFFF)

    def record(
        self,
        head: RequestHead | None,
        origin: Origin,
        route: Route | None,
        reason: Reason,
        status: int,
        sent: int,
        seconds: float,
        request_id: bytes,
    ) -> None:
        """Count and log one finished request. `head` is None for one that was never understood."""
        route_id = route.id if route is not None else NO_ROUTE
        self.metrics.request(route_id, reason.value, status, seconds)
        if self._access_log is None:
            return
        method, host, path = "-", "-", "-"
        if head is not None:
            method, host = head.method.decode("ascii"), head.host
            path = head.target.partition(b"?")[0].decode("latin-1")
        self._access_log.write(
            request_id.decode("ascii"), origin.client, method, host, path, route_id, reason.value, status, sent, seconds
        )

    # --- the same, made ready once for the many requests of the fast path ---------------------------------

    def row(self, route: Route, reason: Reason, status: int) -> list[float]:
        """The metrics' row of such requests, for `observe`."""
        return self.metrics.row(route.id, reason.value, status)

    def logged_path(self, path: str) -> str:
        """`path` as the access log has it."""
        return self._access_log.path(path) if self._access_log is not None else ""

    def logged_around(self, client: str, method: str, host: str, route: Route, reason: Reason) -> tuple[str, str]:
        """What the access log says of such a request around its path."""
        return (
            self._access_log.around(client, method, host, route.id, reason.value)
            if self._access_log is not None
            else ("", "")
        )

    def log_ready(
        self, request_id: bytes, around: tuple[str, str], path: str, status: int, sent: int, seconds: float
    ) -> None:
        """Log one such request."""
        if self._access_log is not None:
            self._access_log.write_around(request_id.decode("ascii"), around, path, status, sent, seconds)
