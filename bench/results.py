"""What was measured: every round's raw figures, kept as JSON, and their medians."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from statistics import median
from typing import Any

from bench.load import Load
from bench.workers import Process


@dataclass(frozen=True, slots=True)
class Row:
    """A proxy's words in tables."""

    title: str
    authenticates: bool


@dataclass(slots=True)
class Results:
    """One run. `loads` by kind, then proxy, a figure for each round; `rest` in bytes; `idle` in bytes a connection.

    `processes` by proxy, each alone with so many `connections` open. What a file does not name was not measured.
    """

    machine: str
    rounds: int
    seconds: float
    connections: int
    versions: dict[str, str] = field(default_factory=dict)
    proxies: dict[str, Row] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    loads: dict[str, dict[str, list[Load]]] = field(default_factory=dict)
    rest: dict[str, int] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)
    idle_connections: int = 0
    processes: dict[str, list[Process]] = field(default_factory=dict)
    start_seconds: list[float] = field(default_factory=list)
    logins_per_second: float | None = None
    login_cpu_ms: float | None = None

    def load(self, kind: str, proxy: str) -> Load | None:
        """The median of each figure over the rounds; None if it was not measured."""
        rounds = self.loads.get(kind, {}).get(proxy)
        if not rounds:
            return None
        return Load(**{name.name: median(getattr(load, name.name) for load in rounds) for name in fields(Load)})

    def write(self, path: Path) -> None:
        """Keep it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_rounded(asdict(self)), indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> "Results":
        """What `write` kept."""
        kept = json.loads(path.read_text())
        kept["proxies"] = {name: Row(**row) for name, row in kept["proxies"].items()}
        kept["loads"] = {
            kind: {name: [Load(**load) for load in rounds] for name, rounds in proxies.items()}
            for kind, proxies in kept["loads"].items()
        }
        kept["processes"] = {
            name: [Process(**process) for process in some] for name, some in kept.get("processes", {}).items()
        }
        return cls(**kept)


def _rounded(value: Any) -> Any:
    """The same with floats of at most three decimals."""
    if isinstance(value, float):
        return round(value, 3)
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
