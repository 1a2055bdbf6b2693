"""One exchange an attempt, however many copies of its callback arrive, here or at other workers."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from gateway.core.errors import StoreOutage
from gateway.sealing import token_hash
from gateway.stores.interface import ClaimState, State
from gateway.wechat.dance import ATTEMPT_TTL, SETTLED_TTL
from gateway.wechat.interface import Failure

from .outcomes import Failed, Outcome, OutcomeSealer

POLL = 0.1  # seconds between looks for another worker's result

log = logging.getLogger(__name__)


class Exchanges:
    """Runs an attempt's exchange once and gives every copy the same outcome.

    A copy waits for at most `wait` seconds.
    """

    def __init__(
        self,
        state: State,
        sealer: OutcomeSealer,
        wait: float,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._state = state
        self._sealer = sealer
        self._wait = wait
        self._clock = clock
        self._sleep = sleep
        self._running: dict[str, asyncio.Future[Outcome]] = {}

    async def outcome(self, state: str, code: str, exchange: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """The attempt's outcome; `exchange` is called if nobody else has this attempt or spent this code."""
        key = token_hash(state)
        now = int(self._clock())
        claim = await self._state.claim_attempt(key, token_hash(code), now, now + ATTEMPT_TTL)
        match claim.state:
            case ClaimState.WON:
                return await self._run(key, exchange)
            case ClaimState.SETTLED:
                return self._opened(key, claim.result)
            case ClaimState.PENDING:
                return await self._copy(key)
            case ClaimState.CODE_USED:
                return Failed(Failure.RESTART)

    async def _run(self, key: str, exchange: Callable[[], Awaitable[Outcome]]) -> Outcome:
        waiters = self._running[key] = asyncio.get_running_loop().create_future()
        outcome: Outcome = Failed(Failure.OUTAGE)
        try:
            outcome = await exchange()
        finally:
            waiters.set_result(outcome)
            del self._running[key]
            await self._settle(key, outcome)
        return outcome

    async def _settle(self, key: str, outcome: Outcome) -> None:
        now = int(self._clock())
        try:
            await self._state.settle_attempt(key, self._sealer.seal(key, outcome, now), now + SETTLED_TTL)
        except StoreOutage:  # copies elsewhere time out; this browser has its answer
            log.warning("the outcome of a login could not be stored")

    async def _copy(self, key: str) -> Outcome:
        """Wait for the winner: in this process, or elsewhere by looking into the store."""
        if (running := self._running.get(key)) is not None:
            try:
                return await asyncio.wait_for(asyncio.shield(running), self._wait)
            except TimeoutError:
                return Failed(Failure.OUTAGE)
        for _ in range(int(self._wait / POLL)):
            claim = await self._state.attempt(key, int(self._clock()))
            if claim is None:
                return Failed(Failure.RESTART)
            if claim.state is ClaimState.SETTLED:
                return self._opened(key, claim.result)
            await self._sleep(POLL)
        return Failed(Failure.OUTAGE)

    def _opened(self, key: str, result: str | None) -> Outcome:
        return self._sealer.open(key, result or "") or Failed(Failure.RESTART)
