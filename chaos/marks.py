"""What a row of the table found: figures, each with its pass mark."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mark:
    """One figure. `timing`: it depends on how quiet the machine is, so the short form does not judge it.

    `common`: every row has it, so the table shows it only where it is missed.
    """

    what: str
    value: str
    wanted: str
    passed: bool
    timing: bool = False
    common: bool = False

    def __str__(self) -> str:
        return f"{self.what}: {self.value}" + (f" ({self.wanted})" if self.wanted else "")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much of everything. The short form is for `make test`."""

    short: bool

    def of(self, full: int, short: int) -> int:
        """One or the other."""
        return short if self.short else full


@dataclass(frozen=True, slots=True)
class Row:
    """One promise and how it is tried. `in_short`: its short form needs seconds and nothing that is not installed."""

    name: str
    promise: str
    injected: str
    run: Callable[[Scale], Awaitable[list[Mark]]]
    in_short: bool = True


def exactly(what: str, value: object, wanted: object) -> Mark:
    """A figure that has one right value."""
    return Mark(what, str(value), f"= {wanted}", value == wanted)


def at_most(what: str, value: float, limit: float, unit: str = "", *, timing: bool = False) -> Mark:
    """A figure with an upper limit."""
    return Mark(what, f"{_short(value)}{unit}", f"≤ {_short(limit)}{unit}", value <= limit, timing)


def at_least(what: str, value: float, limit: float, unit: str = "", *, timing: bool = False) -> Mark:
    """A figure with a lower limit."""
    return Mark(what, f"{_short(value)}{unit}", f"≥ {_short(limit)}{unit}", value >= limit, timing)


def figure(what: str, value: float, unit: str = "") -> Mark:
    """A figure that is reported and not judged."""
    return Mark(what, f"{_short(value)}{unit}", "", passed=True)


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def percentile(values: list[float], share: float) -> float:
    """The value that `share` of the others do not exceed; 0 of none."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)] if values else 0.0
