"""How wrong tries at one thing are slowed down, then stopped: the rule, and one step of it as plain arithmetic."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Lockout:
    """How wrong tries are slowed down, then stopped. Times are whole seconds.

    Behind the `delay_after`-th failure the next try waits `delay`, and behind each further one twice as long, at most
    `max_delay`. `failures` of them lock for `lock`, after which all is forgotten, as it is `window` after the first.
    """

    failures: int
    delay_after: int
    delay: int
    max_delay: int
    lock: int
    window: int

    def delay_behind(self, failures: int) -> int:
        """How long the next try waits behind so many failures."""
        further = failures - self.delay_after
        return min(self.max_delay, self.delay << min(further, 32)) if further >= 0 else 0


@dataclass(frozen=True, slots=True)
class Strike:
    """What came of asking for a try: `wait` seconds and ask again (it is not counted), or it counts as a failure.

    `locked`: it must not be judged. `locks`: judged, it is the failure with which the lock begins.
    """

    wait: int = 0
    locked: bool = False
    locks: bool = False


class Struck(NamedTuple):
    """What a store keeps: failures that count, when the next try may come, when all is forgotten (Unix seconds)."""

    failures: int
    ready: int
    expires: int


def strike(lockout: Lockout, before: Struck | None, now: int) -> tuple[Strike, Struck]:
    """Count a try as failed, unless it comes too early. `before`: what is kept and has not expired.

    A lock never moves its own end: who knocks on does not keep it shut.
    """
    if before is not None and before.ready > now:
        return Strike(wait=before.ready - now), before
    failures, expires = (1, now + lockout.window) if before is None else (before.failures + 1, before.expires)
    if failures == lockout.failures:
        expires = now + lockout.lock
    after = Struck(failures, min(now + lockout.delay_behind(failures), expires), expires)
    return Strike(locked=failures > lockout.failures, locks=failures == lockout.failures), after
