"""What goes on for long ends with its session: tunnels, streams and downloads are asked for again and again.

An ordinary request costs nothing here: the watch walks over the open connections now and then.
Law: a session that ended cuts what it opened; a store's outage cuts nothing.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

from gateway.authorizer import Admission
from gateway.core.errors import StoreOutage

log = logging.getLogger(__name__)

_YOUNG = 1.0  # seconds: most responses are over by then
_GAP = 1.0  # seconds between two rounds, however much changes
_AT_ONCE = 16  # questions to the store at a time


class Lasting(Protocol):
    """An exchange that may go on for long."""

    def admission(self, before: float) -> Admission | None:
        """On whose word it goes on, if it is somebody's and began (time.monotonic) before that."""

    def session_ended(self) -> None:
        """End it."""


class _Question(NamedTuple):
    exchange: Lasting
    admission: Admission


class Watch:
    """Asks `stands` of every lasting exchange each `every` seconds, sooner after `wake`. `run` is a task."""

    def __init__(
        self, exchanges: Callable[[], Iterable[Lasting]], stands: Callable[[Admission], Awaitable[bool]], every: float
    ) -> None:
        self._exchanges = exchanges
        self._stands = stands
        self._rest = max(every - _GAP, 0.0)
        self._changed = asyncio.Event()

    def wake(self) -> None:
        """Sessions or bindings have changed: look sooner."""
        self._changed.set()

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                async with asyncio.timeout(self._rest):
                    await self._changed.wait()
            except TimeoutError:
                pass
            self._changed.clear()
            try:
                await self.round()
            except Exception:  # the next round is as good
                log.exception("a round of the watch failed")
            await asyncio.sleep(_GAP)

    async def round(self) -> None:
        """Ask once of all."""
        questions = iter(list(self._questions(time.monotonic() - _YOUNG)))

        async def ask() -> None:
            for question in questions:
                await self._judge(*question)
                await asyncio.sleep(0)  # what is remembered answers at once, and thousands may be asked about

        async with asyncio.TaskGroup() as group:
            for _ in range(_AT_ONCE):
                group.create_task(ask())

    def _questions(self, before: float) -> Iterator[_Question]:
        for exchange in self._exchanges():
            try:
                admission = exchange.admission(before)
            except Exception:  # closed, and the others are asked about all the same
                log.exception("nobody can say on whose word this goes on")
                _end(exchange)
                continue
            if admission is not None:
                yield _Question(exchange, admission)

    async def _judge(self, exchange: Lasting, admission: Admission) -> None:
        try:
            if await self._stands(admission):
                return
        except StoreOutage:
            return  # an outage is not a logout
        except Exception:
            log.exception("nobody can say whether an admission stands")
        _end(exchange)


def _end(exchange: Lasting) -> None:
    try:
        exchange.session_ended()
    except Exception:  # one must not keep the others from their end
        log.exception("a session's end was not carried out")
