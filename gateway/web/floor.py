"""Answers that must not tell anything by the time they take: they leave at whole multiples of a fixed time."""

import math
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.typedefs import Handler

from .notices import UNAVAILABLE, Halt

MAX_PLACES = 1000  # requests under way or waiting; each may hold a form of 64 KB
RETRY = 5  # seconds
_LEAST = 0.001  # seconds; who answered sooner was not asked over a network or for a hash


class Floor:
    """Holds answers back. `seconds` 0: none. `monotonic` and `sleep` are in seconds; `on_late` hears of a page."""

    def __init__(
        self,
        seconds: float,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        on_late: Callable[[str], None],
        places: int = MAX_PLACES,
    ) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._sleep = sleep
        self._on_late = on_late
        self._free = places

    def over(self, handler: Handler, page: str, statuses: Collection[int] | None = None) -> Handler:
        """`handler`, whose answers of these `statuses` (None: all) leave at start + floor, or a multiple of it.

        When all places are taken the next request is refused with 503 before anything is done for it.
        """

        async def held(request: web.Request) -> web.StreamResponse:
            began = self._monotonic()
            with self._place():
                response = await handler(request)
                if self._seconds > 0 and (statuses is None or response.status in statuses):
                    await self._hold(began, page)
                return response

        return held

    @contextmanager
    def _place(self) -> Iterator[None]:
        if self._free <= 0:
            raise Halt(UNAVAILABLE, retry_after=RETRY)
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def _hold(self, began: float, page: str) -> None:
        taken = self._monotonic() - began
        steps = max(1, math.ceil(taken / self._seconds))
        if steps > 1:
            self._on_late(page)
        await self._sleep(steps * self._seconds - taken)


class Pace:
    """How long the legacy system took for its last "no": those who are not asked about must not answer sooner."""

    def __init__(self, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]) -> None:
        self._monotonic = monotonic
        self._sleep = sleep
        self._last = 0.0

    def began(self) -> float:
        """The moment at which it is asked."""
        return self._monotonic()

    def ended(self, began: float) -> None:
        """It said no."""
        if (taken := self._monotonic() - began) >= _LEAST:
            self._last = taken

    async def keep(self) -> None:
        """Take as long as that."""
        if self._last:
            await self._sleep(self._last)
