"""Our own pages as one more upstream: an aiohttp application over socket pairs, with no listener."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.core.fields import response_names
from gateway.front import PAGES
from gateway.proxy.upstreams import Server, Upstream
from gateway.telemetry.metrics import Metrics
from gateway.wire.dial import connect_inside
from gateway.wire.limits import Limits
from gateway.wire.pool import Pool
from gateway.wire.upstream import UpstreamConnection


async def own_pages(
    pages: web.Application, limits: Limits, metrics: Metrics, loop: asyncio.AbstractEventLoop
) -> tuple[Upstream, Callable[[], Awaitable[None]]]:
    """The upstream, and what ends the application behind it."""
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
    upstream = Upstream(
        PAGES,
        [Server("own pages", pool)],
        response_timeout=40.0,
        idle_timeout=40.0,
        metrics=metrics,
        clock=loop.time,
    )
    return upstream, runner.cleanup
