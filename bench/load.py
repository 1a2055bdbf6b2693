"""wrk, and what one run of it says."""

import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.processes import Measured, pinned, tool

SCRIPT = Path(__file__).with_name("load.lua")
_SCALE = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


@dataclass(frozen=True, slots=True)
class Load:
    """`cpu` in µs a request; `rate` in requests a second; `p50` and `p99` in µs; `memory` in bytes."""

    cpu: float
    rate: float
    p50: float
    p99: float
    memory: int


def run_load(
    proxy: Measured, cores: Iterable[int], port: int, request: Path, status: int, connections: int, seconds: float
) -> Load:
    """Send what stands in the file `request` to `port` for `seconds`, from these cores.

    Raises RuntimeError if any connection failed or any answer was not of the kind of `status`.
    """
    command = [tool("wrk"), "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-s", str(SCRIPT)]
    command += [f"http://127.0.0.1:{port}/", str(request)]
    before = proxy.cpu_seconds()
    output = subprocess.run(
        pinned(cores, command), capture_output=True, text=True, check=True, timeout=seconds + 30
    ).stdout
    spent = proxy.cpu_seconds() - before
    requests = int(_found(r"(\d+) requests in", output)[0])
    others = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    unlike = int(others[1]) if others else 0
    if requests == 0 or "Socket errors" in output or unlike != (0 if status < 400 else requests):
        raise RuntimeError(f"not every request was answered as it should be:\n{output}")
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
