"""One-time codes on their way to phones, and whether the sender works: known from all messages, never told of one."""

import logging
from collections.abc import Callable

from gateway.core.identity import Session
from gateway.sealing import KeyedHash
from gateway.stores.interface import State
from gateway.verifiers.interface import SenderRefused, SmsSender, VerifierOutage
from gateway.wire.tasks import Tasks

from .parts import Limits
from .proofs import CodeNames

MAX_SENDING = 100  # codes on their way at once
DRAIN = 2.0  # seconds that a stop, or the end of an old configuration, waits for them
WINDOW = 300  # seconds
FAILURES = 2  # of a window without a success, after which people are told

log = logging.getLogger(__name__)


class SenderHealth:
    """Whether messages got out lately.

    Only people with a known phone cause messages, so an answer that followed from one message would tell whether its
    phone is known. So nothing is said before the next fixed window, and then for all of it, to everybody: at most one
    bit in `WINDOW` seconds about all phones that anybody asked for, and none while messages get out.
    """

    def __init__(self, state: State, names: KeyedHash) -> None:
        self._state = state
        self._names = names

    async def worked(self, now: int) -> None:
        """A message got out, or the vendor had something against its phone only."""
        await self._state.hit(self._bucket("worked", now // WINDOW), 1, 2 * WINDOW, now)

    async def failed(self, now: int) -> None:
        """A message did not get out, whosever it was."""
        await self._state.hit(self._bucket("failed", now // WINDOW), FAILURES, 2 * WINDOW, now)

    async def down(self, now: int) -> int:
        """Seconds until this may be better; 0: nothing is known to be wrong."""
        before = now // WINDOW - 1
        failed = await self._state.hits(self._bucket("failed", before), FAILURES, 2 * WINDOW, now)
        worked = await self._state.hits(self._bucket("worked", before), 1, 2 * WINDOW, now)
        return WINDOW - now % WINDOW if failed and not worked else 0

    def _bucket(self, what: str, window: int) -> str:
        return self._names.name("sender", what, str(window))


class Sending:
    """Makes codes and sends them in the background, so that the time of an answer does not tell about its phone."""

    def __init__(
        self,
        state: State,
        sender: SmsSender,
        codes: CodeNames,
        health: SenderHealth,
        limits: Limits,
        tasks: Tasks,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._state = state
        self._sender = sender
        self._codes = codes
        self._health = health
        self._limits = limits
        self._tasks = tasks
        self._clock = clock
        self._random = random

    @property
    def full(self) -> bool:
        """Whether too many are on their way."""
        return len(self._tasks) >= MAX_SENDING

    def start(self, session: Session, phone: str, now: int) -> None:
        """Send a code to `phone`, good for this session only; its former one is dead."""
        self._tasks.start(self._send(session, phone, now))

    async def _send(self, session: Session, phone: str, now: int) -> None:
        code = f"{int.from_bytes(self._random(8), 'big') % 1_000_000:06d}"
        slot, name = self._codes.slot(session.sid, phone), self._codes.code(session.sid, phone, code)
        await self._state.put_code(slot, name, now + self._limits.code, self._limits.code_tries)
        try:
            await self._sender.send(phone, code, self._limits.code)
        except SenderRefused as refused:
            log.info("a code was not sent: %s", refused.outcome)
        except VerifierOutage as error:
            log.warning("a code was not sent: %s", type(error).__name__)
            await self._health.failed(int(self._clock()))
            return
        await self._health.worked(int(self._clock()))
