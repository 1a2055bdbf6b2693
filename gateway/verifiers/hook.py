"""The word to the legacy system that somebody has bound or unbound, so that it can tell its user.

Law: nobody waits for it, and it never carries an OpenId. Told at least once, unless the legacy system stays away for
long or the process dies; what is dropped is counted, and the log does not say whom it was about.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.wire.tasks import Tasks

from .interface import VerifierOutage

DELAYS = (1.0, 5.0, 30.0, 120.0, 600.0)  # seconds before each further try
MAX_WAITING = 1000  # events
AT_ONCE = 4  # calls
DRAIN = 3.0  # seconds that a stop waits for calls

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BindEvent:
    """What happened: "bound", "rebound" (another WeChat of this user made room) or "unbound". `at` in Unix seconds.

    `id` names the event: who hears it twice knows. `app` is the WeChat app's id here.
    """

    id: str
    event: str
    user_id: str = field(repr=False)
    app: str
    method: str
    at: int
    request_id: str

    def document(self) -> dict[str, Any]:
        """As it is told."""
        return {name: getattr(self, name) for name in self.__slots__}


class Notifier:
    """Tells events in the background. `send` raises VerifierOutage unless it was heard.

    `on_dropped` hears of each that will not be told. `delays`: seconds before each further try. `close` lets go of
    what `send` uses.
    """

    def __init__(
        self,
        send: Callable[[BindEvent], Awaitable[None]],
        on_dropped: Callable[[], None] = lambda: None,
        *,
        delays: Sequence[float] = DELAYS,
        waiting: int = MAX_WAITING,
        drain: float = DRAIN,
        close: Callable[[], Awaitable[None]] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._send = send
        self._on_dropped = on_dropped
        self._delays = delays
        self._waiting = waiting
        self._drain = drain
        self._sleep = sleep
        self._close = close
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._tasks = Tasks()
        self._untold: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    def tell(self, event: BindEvent) -> None:
        """Tell it, some time. Returns at once."""
        if self._stopping.is_set() or len(self._untold) >= self._waiting:
            self._drop(event.request_id, "too many wait")
            return
        task = self._tasks.start(self._deliver(event))
        self._untold.add(task)
        task.add_done_callback(self._untold.discard)

    async def close(self) -> None:
        """Try once more what waits, for a moment; drop what is left. Idempotent."""
        self._stopping.set()
        if self._untold:
            await asyncio.wait(self._untold, timeout=self._drain)
        await self._tasks.close()
        if self._close is not None:
            await self._close()

    async def _deliver(self, event: BindEvent) -> None:
        told = False
        try:
            told = await self._tried(event)
        finally:
            if not told:
                self._drop(event.request_id, "not heard")

    async def _tried(self, event: BindEvent) -> bool:
        if await self._heard(event):
            return True
        for delay in self._delays:
            if self._stopping.is_set():
                return False
            await self._rest(delay)
            if await self._heard(event):
                return True
        return False

    async def _heard(self, event: BindEvent) -> bool:
        async with self._turns:
            try:
                await self._send(event)
            except VerifierOutage:
                return False
            return True

    async def _rest(self, seconds: float) -> None:
        """So long, or until the gateway stops."""
        waits = [self._tasks.start(self._slept(seconds)), self._tasks.start(self._stopping.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _slept(self, seconds: float) -> None:
        await self._sleep(seconds)

    def _drop(self, request_id: str, why: str) -> None:
        log.warning("the legacy system was not told of a bind or unbind (request %s): %s", request_id, why)
        self._on_dropped()
