"""Passive ejection: a server that fails again and again rests, then proves itself with one request. Pure.

IN ──failed `after` times in a row──▶ OUT ──its time is over──▶ DUE ──chosen──▶ TRIAL ──failed──▶ OUT, for longer
 ◀───────────────────────────── an answer, whenever it comes ──────────────────────┘│
                                                    DUE ◀── no verdict in time ─────┘
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto


class State(Enum):
    """How a server stands. Requests go to those that are IN; one goes to one that is DUE."""

    IN = auto()
    OUT = auto()
    DUE = auto()
    TRIAL = auto()


class _Event(Enum):
    ENOUGH = auto()  # failures in a row
    FAILED = auto()
    ANSWERED = auto()
    TIME = auto()
    CHOSEN = auto()


_NEXT = {
    (State.IN, _Event.ENOUGH): State.OUT,
    (State.OUT, _Event.TIME): State.DUE,
    (State.OUT, _Event.ANSWERED): State.IN,  # a request that was under way, or all were out and were tried
    (State.DUE, _Event.CHOSEN): State.TRIAL,
    (State.DUE, _Event.ANSWERED): State.IN,
    (State.TRIAL, _Event.FAILED): State.OUT,
    (State.TRIAL, _Event.ANSWERED): State.IN,
    (State.TRIAL, _Event.TIME): State.DUE,  # the request that tried it was given up by its client
}


@dataclass(frozen=True, slots=True)
class EjectionRules:
    """Out `after` that many failures in a row (0: never), for `base` seconds, twice as long each further time."""

    after: int = 5
    base: float = 10.0
    longest: float = 300.0


class Ejection:
    """One server's state. `rand` gives numbers from 0 to 1: servers that fell together do not come back together."""

    def __init__(self, rules: EjectionRules, rand: Callable[[], float]) -> None:
        self._rules = rules
        self._rand = rand
        self._failures = 0
        self._times = 0
        self._until = 0.0
        self.state = State.IN

    def failed(self, now: float) -> bool:
        """A request failed. True: the server was put out by it."""
        self._failures += 1
        enough = self.state is State.IN and 0 < self._rules.after <= self._failures
        if not self._go(_Event.ENOUGH if enough else _Event.FAILED):
            return False
        self._until = now + self._length()
        self._times += 1
        return True

    def answered(self) -> bool:
        """A response began. True: the server is back by it."""
        self._failures = self._times = 0
        return self._go(_Event.ANSWERED)

    def chosen(self, now: float) -> None:
        """The one request goes to it now. Should nothing be heard of it, there will be another."""
        if self._go(_Event.CHOSEN):
            self._until = now + self._length()

    def tick(self, now: float) -> bool:
        """Time passes. True: it is due now."""
        return now >= self._until and self._go(_Event.TIME)

    def _go(self, event: _Event) -> bool:
        state = _NEXT.get((self.state, event))
        if state is None:
            return False
        self.state = state
        return True

    def _length(self) -> float:
        """Seconds, from 75 to 100 % of the rules' so that they are never more than said."""
        rules = self._rules
        doubled = rules.base * 2.0 ** min(self._times, 16)
        return min(doubled, max(rules.longest, rules.base)) * (0.75 + 0.25 * self._rand())
