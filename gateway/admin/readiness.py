"""May this process take traffic? Asks every check at once, each within a limit, and remembers the answer shortly."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)

CHECK_TIMEOUT = 1.0  # seconds
FRESH = 0.5  # seconds an answer is reused, so that probes cannot load the stores

Check = tuple[str, Callable[[], Awaitable[object]]]


@dataclass(frozen=True, slots=True)
class Answer:
    """`outcomes` by check: "ok", "failed" or "timeout"."""

    outcomes: dict[str, str]

    @property
    def ready(self) -> bool:
        """Whether every check passed."""
        return all(outcome == "ok" for outcome in self.outcomes.values())


class Readiness:
    """`checks` are names and coroutine functions that raise when something is not ready. `clock` is monotonic."""

    def __init__(self, checks: Sequence[Check], clock: Callable[[], float], timeout: float = CHECK_TIMEOUT) -> None:
        self._checks = checks
        self._clock = clock
        self._timeout = timeout
        self._asking = asyncio.Lock()
        self._answer: Answer | None = None
        self._until = 0.0

    async def ask(self) -> Answer:
        """The answer, at most FRESH seconds old. Callers at the same moment share one round of checks."""
        async with self._asking:
            if self._answer is None or self._clock() >= self._until:
                outcomes = await asyncio.gather(*(self._outcome(name, check) for name, check in self._checks))
                names = (name for name, _ in self._checks)
                self._answer = Answer(dict(zip(names, outcomes, strict=True)))
                self._until = self._clock() + FRESH
            return self._answer

    async def _outcome(self, name: str, check: Callable[[], Awaitable[object]]) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                await check()
        except TimeoutError:
            return "timeout"
        except Exception:
            log.warning("readiness check %s failed", name, exc_info=True)
            return "failed"
        return "ok"
