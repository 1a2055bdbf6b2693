"""Moments as people read them, in the time zone that the process runs in."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment, for a `time` element: what is shown, and what a program reads (RFC 3339)."""

    text: str
    machine: str


def day(at: int) -> Moment:
    """The day of `at` (Unix seconds)."""
    return Moment(time.strftime("%Y-%m-%d", time.localtime(at)), _machine(at))


def minute(at: int) -> Moment:
    """The day and minute of `at` (Unix seconds)."""
    return Moment(time.strftime("%Y-%m-%d %H:%M", time.localtime(at)), _machine(at))


def _machine(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
