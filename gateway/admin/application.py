"""The office: liveness, readiness and metrics, on a listener of its own that is never public."""

import logging
import time
from collections.abc import Callable, Collection, Sequence
from http import HTTPStatus
from typing import Protocol

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from gateway.telemetry.metrics import CONTENT_TYPE

from .hosts import is_our_host
from .readiness import Check, Readiness

log = logging.getLogger(__name__)


class Shown(Protocol):
    """What /metrics shows: one process's, or all workers'."""

    def exposition(self) -> bytes:
        """In Prometheus' text format."""


def build_admin(
    metrics: Shown,
    checks: Sequence[Check],
    names: Collection[str] = (),
    clock: Callable[[], float] = time.monotonic,
) -> web.Application:
    """The admin application, to be served by an AppRunner.

    `checks` decide /readyz (see Readiness), `names` are Hosts that it answers to besides loopback names and the
    address that the connection reached.
    """
    readiness = Readiness(checks, clock)

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        answer = await readiness.ask()
        return web.json_response(
            {"ready": answer.ready, "checks": answer.outcomes}, status=HTTPStatus.OK if answer.ready else 503
        )

    async def show_metrics(_: web.Request) -> web.Response:
        return web.Response(body=metrics.exposition(), headers={hdrs.CONTENT_TYPE: CONTENT_TYPE})

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        hosts = request.headers.getall(hdrs.HOST, [])
        if len(hosts) != 1 or not is_our_host(hosts[0], _listener(request), names):
            return _page(421)
        try:
            return await handler(request)
        except web.HTTPException:  # no such page, or not with this method
            return _page(404)
        except Exception:
            log.exception("an admin page failed")
            return _page(500)

    app = web.Application(middlewares=[guard], client_max_size=64 * 1024)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", show_metrics)
    app.on_response_prepare.append(_plain)
    return app


def _listener(request: web.Request) -> str | None:
    """The address that the connection reached; None for a Unix socket. Unknown means no address: nothing matches."""
    name = request.transport.get_extra_info("sockname") if request.transport else ("",)
    return str(name[0]) if isinstance(name, tuple) else None


def _page(status: int) -> web.Response:
    return web.Response(status=status, text=f"{status} {HTTPStatus(status).phrase}\n")


async def _plain(_: web.Request, response: web.StreamResponse) -> None:
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers.popall(hdrs.SERVER, None)
