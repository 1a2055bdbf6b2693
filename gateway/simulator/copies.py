"""WeChat's own servers, which fetch a page that a user opened once more: no cookies, another user agent."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

from gateway.simulator.state import STATE, SimState

USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 8.0.0; MIX 2S) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 "
    "Chrome/66.0.3359.126 MQQBrowser/6.2 TBS/45016 Mobile Safari/537.36 MMWEBID/2629 "
    "MicroMessenger/7.0.3.1400(0x2700033B) NetType/WIFI"
)
TIMEOUT = aiohttp.ClientTimeout(total=10)
MOST = 100  # requests under way


class Copies:
    """Sends callbacks a second time in the background, and remembers the statuses that came back."""

    def __init__(self, state: SimState, client: aiohttp.ClientSession) -> None:
        self._state = state
        self._client = client
        self._running: set[asyncio.Task[None]] = set()

    def send(self, url: str, delay: float = 0) -> None:
        """Fetch `url` after `delay` seconds; beyond MOST at a time, do not."""
        if len(self._running) < MOST:
            task = asyncio.get_running_loop().create_task(self._fetch(url, delay))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _fetch(self, url: str, delay: float) -> None:
        if delay:
            await self._state.sim.sleep(delay)
        status = None
        try:
            async with self._client.get(url, allow_redirects=False) as response:
                status = response.status
        except (aiohttp.ClientError, TimeoutError, ValueError):
            self._state.record_error("copy", "no answer")
        self._state.copies.append(status)

    async def settled(self) -> None:
        """Wait until every copy sent so far was answered or given up."""
        if self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """Stop what still runs."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)


COPIES = web.AppKey("COPIES", Copies)


async def copies_context(app: web.Application) -> AsyncIterator[None]:
    """Open and close the client (for `app.cleanup_ctx`)."""
    async with aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), headers={"User-Agent": USER_AGENT}, timeout=TIMEOUT
    ) as client:
        app[COPIES] = copies = Copies(app[STATE], client)
        yield
        await copies.close()
