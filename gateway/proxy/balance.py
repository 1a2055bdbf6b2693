"""Which of several servers is next. Pure: those that may be chosen and how busy they are go in, one comes out."""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol, TypeVar


class Choosable(Protocol):
    """A server as the choice sees it."""

    @property
    def available(self) -> bool:
        """Neither put out nor found unfit."""

    @property
    def busy(self) -> int:
        """Its connections that carry a request."""


S = TypeVar("S", bound=Choosable)
Balance = Callable[[Sequence[S]], S]


def candidates(servers: Sequence[S], besides: Collection[S] = ()) -> tuple[S, ...]:
    """The available servers but `besides`; all others where none is available, for one of them may have recovered."""
    left = tuple(each for each in servers if each not in besides)
    return tuple(each for each in left if each.available) or left


class RoundRobin:
    """One after the other. Starts anywhere: several workers must not all begin with the first."""

    def __init__(self, start: int = 0) -> None:
        self._turn = start

    def __call__(self, servers: Sequence[S]) -> S:
        """The next of `servers`, which are not empty."""
        self._turn += 1
        return servers[self._turn % len(servers)]


class LeastConnections:
    """The one that is least busy; among equals one after the other."""

    def __init__(self, start: int = 0) -> None:
        self._turn = start

    def __call__(self, servers: Sequence[S]) -> S:
        """The least busy of `servers`, which are not empty."""
        self._turn += 1
        first = self._turn % len(servers)
        best = servers[first]
        least = best.busy
        for each in (*servers[first + 1 :], *servers[:first]):
            if (busy := each.busy) < least:
                best, least = each, busy
        return best


BALANCES: dict[str, Callable[[int], RoundRobin | LeastConnections]] = {
    "round_robin": RoundRobin,
    "least_connections": LeastConnections,
}
