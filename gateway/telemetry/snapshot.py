"""What one process counted at one moment, as plain values: to be kept, sent, and added up with others'. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .counts import Labels

Table = Mapping[Labels, list[float]]
"""Rows of numbers by label values."""

# Of these a sum says nothing. All else adds up.
_RULES: dict[str, Callable[[float, float], float]] = {
    "process_start_time_seconds": min,
    "reloaded": min,  # whether all could take it, and the oldest configuration that serves
    "upstream_healthy": min,  # one worker that cannot reach it is worth a look
    "loop_lag": max,
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Tables by name. `lasting`: what stays true when the process has ended (counters). `passing`: gauges."""

    lasting: Mapping[str, Table] = field(default_factory=dict)
    passing: Mapping[str, Table] = field(default_factory=dict)

    @property
    def remains(self) -> "Snapshot":
        """What an ended process leaves."""
        return Snapshot(self.lasting)

    def packed(self) -> list[Any]:
        """As JSON can hold it."""
        return [
            {name: [[labels, row] for labels, row in table.items()] for name, table in tables.items()}
            for tables in (self.lasting, self.passing)
        ]

    @classmethod
    def unpacked(cls, values: list[Any]) -> "Snapshot":
        """What was `packed`."""
        lasting, passing = (
            {name: {tuple(labels): row for labels, row in rows} for name, rows in tables.items()} for tables in values
        )
        return cls(lasting, passing)


def added_up(snapshots: Iterable[Snapshot]) -> Snapshot:
    """All processes as one: every number adds up, but for those of _RULES."""
    parts = list(snapshots)
    return Snapshot(_sums([each.lasting for each in parts]), _sums([each.passing for each in parts]))


def _sums(parts: list[Mapping[str, Table]]) -> dict[str, Table]:
    sums: dict[str, dict[Labels, list[float]]] = {}
    for tables in parts:
        for name, table in tables.items():
            into = sums.setdefault(name, {})
            combine = _RULES.get(name, _plus)
            for labels, row in table.items():
                into[labels] = list(map(combine, into[labels], row)) if labels in into else list(row)
    return dict(sums)


def _plus(one: float, other: float) -> float:
    return one + other
