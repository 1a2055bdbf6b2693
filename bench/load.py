"""wrk, and what one run of it says."""

import re
import subprocess
from dataclasses import dataclass

from bench.processes import Running, pinned, tool

_SCALE = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


@dataclass(frozen=True, slots=True)
class Load:
    """`cpu` in µs a request; `p50` and `p99` in µs; `memory` in bytes."""

    cpu: float
    rate: float
    p50: float
    p99: float
    memory: int


def run_load(proxy: Running, core: int, url: str, headers: dict[str, str], connections: int, seconds: float) -> Load:
    """Load `url` for `seconds` from `core`. Raises RuntimeError if any answer was not a success."""
    command = [tool("wrk"), "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency"]
    for name, value in headers.items():
        command += ["-H", f"{name}: {value}"]
    before = proxy.cpu_seconds()
    output = subprocess.run(
        pinned(core, [*command, url]), capture_output=True, text=True, check=True, timeout=seconds + 30
    ).stdout
    spent = proxy.cpu_seconds() - before
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"not every request succeeded:\n{output}")
    requests = int(_found(r"(\d+) requests in", output)[0])
    return Load(
        cpu=spent / requests * 1e6,
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", output)[0]),
        p50=_microseconds(output, 50),
        p99=_microseconds(output, 99),
        memory=proxy.memory(),
    )


def _microseconds(output: str, percentile: int) -> float:
    number, unit = _found(rf"{percentile}%\s+([\d.]+)(us|ms|s|m)\b", output)
    return float(number) * _SCALE[unit]


def _found(pattern: str, output: str) -> tuple[str, ...]:
    match = re.search(pattern, output)
    if match is None:
        raise RuntimeError(f"wrk said something unknown:\n{output}")
    return match.groups()
