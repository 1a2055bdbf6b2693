"""How every question to the legacy system is measured: its outcome's word and its time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

OnCall = Callable[[str, str, float], None]
"""Hears of a question: kind ("password", "phone", "sms", "hook"), outcome, seconds. The outcome is "ok", "no" or
"outage"; of "sms" also "limited", "bad_number" or "config".
"""


def unheard(kind: str, outcome: str, seconds: float) -> None:
    """Nobody wants to know."""


class Call:
    """One question. Its `outcome` is "outage" until another is known."""

    outcome = "outage"


@contextmanager
def measured(on_call: OnCall, kind: str) -> Iterator[Call]:
    """A question of this `kind`, of which `on_call` hears however it ends."""
    call, began = Call(), time.monotonic()
    try:
        yield call
    finally:
        on_call(kind, call.outcome, time.monotonic() - began)
