"""How many processors this process may use: its affinity, and the quota of its control groups (Linux, v2)."""

import math
import os
from pathlib import Path


def usable_processors(proc: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")) -> int:
    """At least 1. A quota of one and a half processors counts as two.

    `proc` names our control group and `groups` is where they are mounted
    (https://docs.kernel.org/admin-guide/cgroup-v2.html, `cpu.max`).
    """
    return max(1, min(len(os.sched_getaffinity(0)), *(math.ceil(quota) for quota in _quotas(proc, groups)), 1 << 10))


def _quotas(proc: Path, groups: Path) -> list[float]:
    """Of our group and of those above it."""
    try:
        lines = proc.read_text().splitlines()
    except OSError:
        return []
    ours = [line.removeprefix("0::/") for line in lines if line.startswith("0::/")]
    folders = [groups / part for path in ours for part in (Path(path), *Path(path).parents)]
    return [quota for folder in folders if (quota := _quota(folder / "cpu.max")) is not None]


def _quota(file: Path) -> float | None:
    try:
        quota, period = file.read_text().split()
        return int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):  # no limit: "max 100000"
        return None
