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
    """At most `limit` events in `window` seconds; `bucket` names it, never in clear; `kind` does in metrics."""

    bucket: str
    limit: int
    window: int
    kind: str = ""


def of_network(bucket: Callable[..., str], kind: str, network: str, limit: int) -> list[Budget]:
    """The hourly budget of an address, or none if it is not known: nobody is everybody."""
    return [Budget(bucket(kind, network), limit, HOUR, "address")] if network else []


def _unheard(kind: str) -> None:
    """Nobody wants to know."""


async def exhausted(
    state: State, budgets: Sequence[Budget], now: int, on_full: Callable[[str], None] = _unheard
) -> int:
    """Seconds until every budget allows another event; 0: they do now. Counts nothing.

    `on_full` hears the kind of the budget that takes longest.
    """
    waits = [await state.hits(budget.bucket, budget.limit, budget.window, now) for budget in budgets]
    if wait := max(waits, default=0):
        on_full(budgets[waits.index(wait)].kind)
    return wait


async def spend(state: State, budgets: Sequence[Budget], now: int, on_full: Callable[[str], None] = _unheard) -> int:
    """Count one event if every budget allows it: 0. Else seconds to wait; of two racers for the last, one waits.

    What may turn out not to count is spent first and given back: so many at once are no more than the budgets allow.
    """
    if wait := await exhausted(state, budgets, now, on_full):
        return wait
    for number, budget in enumerate(budgets):
        if wait := await state.hit(budget.bucket, budget.limit, budget.window, now):
            on_full(budget.kind)
            await give_back(state, budgets[:number])
            return wait
    return 0


async def give_back(state: State, budgets: Sequence[Budget]) -> None:
    """Undo one `spend`. During an outage it stays spent: that is for the person's next try, not for this answer."""
    with suppress(StoreOutage):
        for budget in budgets:
            await state.give_back(budget.bucket)
