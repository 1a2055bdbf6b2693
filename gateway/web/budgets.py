"""Budgets: how many events of a kind may happen within a window. The state store counts them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from gateway.core.errors import StoreOutage
from gateway.stores.interface import State

HOUR = 3600
DAY = 86400


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `limit` events in `window` seconds; `bucket` names what is counted, never in clear."""

    bucket: str
    limit: int
    window: int


def of_network(bucket: Callable[..., str], kind: str, network: str, limit: int) -> list[Budget]:
    """The hourly budget of an address, or none if it is not known: nobody is everybody."""
    return [Budget(bucket(kind, network), limit, HOUR)] if network else []


async def exhausted(state: State, budgets: Sequence[Budget], now: int) -> int:
    """Seconds until every budget allows another event; 0: they do now. Counts nothing."""
    return max([await state.hits(budget.bucket, budget.limit, budget.window, now) for budget in budgets], default=0)


async def spend(state: State, budgets: Sequence[Budget], now: int) -> int:
    """Count one event if every budget allows it: 0. Else seconds to wait; of two racers for the last, one waits.

    What may turn out not to count is spent first and given back: so many at once are no more than the budgets allow.
    """
    if wait := await exhausted(state, budgets, now):
        return wait
    for number, budget in enumerate(budgets):
        if wait := await state.hit(budget.bucket, budget.limit, budget.window, now):
            await give_back(state, budgets[:number])
            return wait
    return 0


async def give_back(state: State, budgets: Sequence[Budget]) -> None:
    """Undo one `spend`. During an outage it stays spent: that is for the person's next try, not for this answer."""
    with suppress(StoreOutage):
        for budget in budgets:
            await state.give_back(budget.bucket)
