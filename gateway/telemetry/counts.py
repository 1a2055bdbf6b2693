"""Plain counters and histograms by label values: what the hot path adds to, and a scrape reads."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping

Labels = tuple[str, ...]

MAX_SERIES = 20_000  # labels come from fixed sets; should one ever not, memory stays bounded
OTHER = "other"

# Seconds. From a proxied page on one machine (under 1 ms) to the default response timeout (60 s).
BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_WIDTH = len(BOUNDS) + 2  # one slot a bucket, one above the last bound, then the sum


class Counts:
    """One count for each tuple of label values; `known` are there from the start, so that the first event is a rise."""

    def __init__(self, width: int, known: Iterable[Labels] = ()) -> None:
        self._width = width
        self._counts: dict[Labels, int] = dict.fromkeys(known, 0)

    def add(self, *labels: str) -> None:
        """Count one event."""
        counts = self._counts
        if labels not in counts:
            labels = _admitted(labels, len(counts), self._width)
        counts[labels] = counts.get(labels, 0) + 1

    def table(self) -> dict[Labels, list[float]]:
        """A copy, a row of one number for each count."""
        return {labels: [count] for labels, count in self._counts.items()}

    def fill(self, table: Mapping[Labels, list[float]]) -> None:
        """Count what such a copy says, and nothing else."""
        self._counts = {labels: int(row[0]) for labels, row in table.items()}

    def __iter__(self) -> Iterator[tuple[Labels, int]]:
        return iter(sorted(self._counts.items()))


class Timings:
    """One histogram of seconds for each tuple of label values."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._rows: dict[Labels, list[float]] = {}

    def row(self, *labels: str) -> list[float]:
        """The row of `labels`, made if it is new, for `observe`."""
        labels = labels if labels in self._rows else _admitted(labels, len(self._rows), self._width)
        return self._rows.setdefault(labels, [0] * _WIDTH)

    def table(self) -> dict[Labels, list[float]]:
        """A copy of the rows."""
        return {labels: list(row) for labels, row in self._rows.items()}

    def fill(self, table: Mapping[Labels, list[float]]) -> None:
        """Hold the rows of such a copy, and nothing else."""
        self._rows = {labels: list(row) for labels, row in table.items()}

    def __iter__(self) -> Iterator[tuple[Labels, list[float]]]:
        return iter(sorted(self._rows.items()))


def observe(row: list[float], seconds: float) -> None:
    """Add one observation to a row of `Timings`."""
    row[bisect_left(BOUNDS, seconds)] += 1
    row[-1] += seconds


def total(row: list[float]) -> float:
    """How many observations a row holds."""
    return sum(row[:-1])


def merged(rows: Iterator[tuple[Labels, list[float]]], keep: int) -> list[tuple[Labels, list[float]]]:
    """The rows added up by their first `keep` labels."""
    sums: dict[Labels, list[float]] = {}
    for labels, row in rows:
        into = sums.setdefault(labels[:keep], [0] * _WIDTH)
        into[:] = map(sum, zip(into, row, strict=True))
    return sorted(sums.items())


def buckets(row: list[float]) -> list[tuple[str, float]]:
    """The row as Prometheus shows a histogram: cumulative, by upper bound, `+Inf` last."""
    shown, so_far = [], 0.0
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), row, strict=False):
        so_far += count
        shown.append((bound, so_far))
    return shown


def _admitted(labels: Labels, series: int, width: int) -> Labels:
    if len(labels) != width:
        raise ValueError(f"{width} labels expected, not {len(labels)}")
    return labels if series < MAX_SERIES else (OTHER,) * width
