"""A small coverage-guided fuzzer: inputs that reach new code are kept and changed further; a finding is made small.

A check takes bytes and raises if a promise is broken. It is a pure function of them: what it draws, it draws from
`drawn(data)`, so that a finding is its input and nothing else.
"""

import os
import random
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

from .mutation import Mutator

Check = Callable[[bytes], object]
SECONDS = float(os.environ.get("FUZZ_SECONDS", "40"))  # in all
SEED = int(os.environ.get("FUZZ_SEED", 3918765263))  # `make chaos` draws a new one each time
_MINIMISING = 5.0  # seconds
_LONGEST = 70_000  # bytes of an input


@dataclass(frozen=True)
class Run:
    """What one run did."""

    executions: int
    arcs: int
    kept: int


class Finding(AssertionError):
    """An input that breaks a promise."""


def drawn(data: bytes) -> random.Random:
    """Randomness that belongs to the input."""
    return random.Random(zlib.crc32(data))


class Coverage:
    """Which steps from line to line of the code under `folders` have been taken."""

    def __init__(self, folders: Sequence[str]) -> None:
        self._folders = tuple(folders)
        self._watched: dict[CodeType, bool] = {}
        self._arcs: set[tuple[int, int, int]] = set()
        self._fresh = False
        self._code = 0
        self._line = 0

    def __len__(self) -> int:
        return len(self._arcs)

    def reaches_new(self, check: Check, data: bytes) -> bool:
        """Run the check; whether it took a step that none took before."""
        self._fresh = False
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            check(data)
        finally:
            sys.settrace(before)
        return self._fresh

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        code = frame.f_code
        watched = self._watched.get(code)
        if watched is None:
            watched = self._watched[code] = any(folder in code.co_filename for folder in self._folders)
        if not watched:
            return None
        self._code, self._line = id(code), code.co_firstlineno
        return self._stepped

    def _stepped(self, frame: FrameType, event: str, argument: Any) -> Any:
        arc = (id(frame.f_code), self._line, frame.f_lineno)
        self._line = frame.f_lineno
        if arc not in self._arcs:
            self._arcs.add(arc)
            self._fresh = True
        return self._stepped


def fuzz(check: Check, corpus: Iterable[bytes], folders: Sequence[str], seed: int, seconds: float) -> Run:
    """Run `check` on changed inputs for `seconds`. Raises Finding with the smallest input that was found to fail."""
    rng = random.Random(seed)
    coverage = Coverage(folders)
    kept: list[bytes] = []
    tried: Iterable[bytes] = list(corpus)
    mutator = Mutator(list(tried), rng)
    executions = 0
    deadline = time.monotonic() + seconds
    waiting = list(tried)
    while time.monotonic() < deadline or waiting:
        data = waiting.pop() if waiting else mutator.mutate(_chosen(kept, rng))
        if len(data) > _LONGEST:
            continue
        executions += 1
        try:
            if coverage.reaches_new(check, data):
                kept.append(data)
        except Exception as error:
            small = minimised(check, data)
            raise Finding(f"seed {seed}: {error!r} for {small!r}") from error
    return Run(executions, len(coverage), len(kept))


def _chosen(kept: list[bytes], rng: random.Random) -> bytes:
    """The latest finds more often: what is behind them has been looked at least."""
    place = max(rng.random(), rng.random())
    return kept[int(place * len(kept))]


def minimised(check: Check, data: bytes) -> bytes:
    """A shorter input that fails too, by leaving out ever smaller pieces."""
    deadline = time.monotonic() + _MINIMISING
    size = len(data) // 2
    while size and time.monotonic() < deadline:
        start = 0
        while start < len(data) and time.monotonic() < deadline:
            shorter = data[:start] + data[start + size :]
            if _fails(check, shorter):
                data = shorter
            else:
                start += size
        size //= 2
    return data


def _fails(check: Check, data: bytes) -> bool:
    try:
        check(data)
    except Exception:
        return True
    return False
