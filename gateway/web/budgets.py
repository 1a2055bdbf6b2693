"""Budgets: how many events of a kind may happen within a window. The state store counts them."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.stores.interface import State

HOUR = 3600
DAY = 86400


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `limit` events in `window` seconds; `bucket` names what is counted, never in clear."""

    bucket: str
    limit: int
    window: int


async def exhausted(state: State, budgets: Sequence[Budget], now: int) -> int:
    """Seconds until every budget allows another event; 0: they do now. Counts nothing."""
    return max([await state.hits(budget.bucket, budget.limit, budget.window, now) for budget in budgets], default=0)


async def count(state: State, budgets: Sequence[Budget], now: int) -> int:
    """Count one event on every budget. Seconds to wait if one was over already; else 0."""
    return max([await state.hit(budget.bucket, budget.limit, budget.window, now) for budget in budgets], default=0)


async def spend(state: State, budgets: Sequence[Budget], now: int) -> int:
    """Count one event if every budget allows it: 0. Else seconds to wait; of two racers for the last, one waits."""
    return await exhausted(state, budgets, now) or await count(state, budgets, now)
