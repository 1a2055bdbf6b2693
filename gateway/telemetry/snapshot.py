"""What one process counted at one moment, as plain values: to be kept, sent, and added up with others'. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .counts import Labels

Table = Mapping[Labels, list[float]]
"""Rows of numbers by label values."""

# A sum of these says nothing: the earliest start, the oldest configuration, and whether all could take it do.
_LEAST = frozenset({"process_start_time_seconds", "reloaded"})


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
    """All processes as one. Every number adds up, but for the time of the start: the earliest."""
    parts = list(snapshots)
    return Snapshot(_sums([each.lasting for each in parts]), _sums([each.passing for each in parts]))


def _sums(parts: list[Mapping[str, Table]]) -> dict[str, Table]:
    sums: dict[str, dict[Labels, list[float]]] = {}
    for tables in parts:
        for name, table in tables.items():
            into = sums.setdefault(name, {})
            combine = min if name in _LEAST else _plus
            for labels, row in table.items():
                into[labels] = list(map(combine, into[labels], row)) if labels in into else list(row)
    return dict(sums)


def _plus(one: float, other: float) -> float:
    return one + other
