"""Telling the legacy system of binds: at least once, in the background, within bounds, without a word about whom."""

import asyncio
import logging

import pytest

from gateway.verifiers.hook import BindEvent, Notifier
from gateway.verifiers.interface import VerifierOutage

EVENT = BindEvent("id-1", "bound", "user-CANARY", "main", "pwd", 100, "req-1")


class Legacy:
    """Hears events; is away for the first `away` calls of all."""

    def __init__(self, away: int = 0) -> None:
        self.away = away
        self.calls = 0
        self.heard: list[BindEvent] = []
        self.gate: asyncio.Event | None = None
        self.called = asyncio.Event()
        self.at_once = self.most = 0

    async def tell(self, event: BindEvent) -> None:
        self.calls += 1
        self.called.set()
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            if self.gate is not None:
                await self.gate.wait()
            if self.away > 0:
                self.away -= 1
                raise VerifierOutage("away")
            self.heard.append(event)
        finally:
            self.at_once -= 1


class Naps:
    """Notes how long it would have slept; sleeps for ever if told so."""

    def __init__(self, *, for_ever: bool = False) -> None:
        self.slept: list[float] = []
        self.for_ever = for_ever
        self.asleep = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.asleep.set()
        if self.for_ever:
            await asyncio.Event().wait()


class Dropped:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


async def settled(notifier: Notifier) -> None:
    """Everything was told or dropped."""
    while notifier._untold:
        await asyncio.wait(notifier._untold)


def test_what_is_told() -> None:
    """Every field and no OpenId; the user is not in its repr."""
    assert EVENT.document() == {
        "id": "id-1",
        "event": "bound",
        "user_id": "user-CANARY",
        "app": "main",
        "method": "pwd",
        "at": 100,
        "request_id": "req-1",
    }
    assert "CANARY" not in repr(EVENT)


async def test_nobody_waits_for_it() -> None:
    """`tell` returns before anybody was called."""
    legacy = Legacy()
    notifier = Notifier(legacy.tell)
    notifier.tell(EVENT)
    assert legacy.calls == 0
    await settled(notifier)
    assert legacy.heard == [EVENT]
    await notifier.close()


async def test_it_is_told_again_until_it_is_heard() -> None:
    """The pauses grow as documented; the event keeps its id."""
    legacy, naps, dropped = Legacy(away=3), Naps(), Dropped()
    notifier = Notifier(legacy.tell, dropped, sleep=naps)
    notifier.tell(EVENT)
    await settled(notifier)
    assert (legacy.calls, legacy.heard, naps.slept, dropped.count) == (4, [EVENT], [1, 5, 30], 0)
    await notifier.close()


async def test_it_is_given_up_in_the_end(caplog: pytest.LogCaptureFixture) -> None:
    """Six tries; then it is counted, and logged by its request, not by its user."""
    legacy, naps, dropped = Legacy(away=99), Naps(), Dropped()
    notifier = Notifier(legacy.tell, dropped, sleep=naps)
    with caplog.at_level(logging.WARNING):
        notifier.tell(EVENT)
        await settled(notifier)
    assert (legacy.calls, naps.slept, dropped.count) == (6, [1, 5, 30, 120, 600], 1)
    assert "req-1" in caplog.text
    assert "CANARY" not in caplog.text
    await notifier.close()


async def test_what_waits_is_bounded() -> None:
    """Beyond the limit the newest are dropped and counted; the others are told, a few at a time."""
    legacy, dropped = Legacy(), Dropped()
    legacy.gate = asyncio.Event()
    notifier = Notifier(legacy.tell, dropped, waiting=10)
    for _ in range(13):
        notifier.tell(EVENT)
    assert dropped.count == 3
    await legacy.called.wait()
    legacy.gate.set()
    await settled(notifier)
    assert (len(legacy.heard), legacy.most) == (10, 4)
    await notifier.close()


async def test_one_that_pauses_keeps_nobody_waiting() -> None:
    """While it waits for its next try, others are told."""
    legacy, naps = Legacy(away=5), Naps(for_ever=True)
    notifier = Notifier(legacy.tell, sleep=naps, drain=0.01)
    for _ in range(5):
        notifier.tell(EVENT)
    while len(naps.slept) < 5:
        naps.asleep.clear()
        await naps.asleep.wait()
    notifier.tell(EVENT)
    while not legacy.heard:
        legacy.called.clear()
        await legacy.called.wait()
        await asyncio.sleep(0)
    legacy.away = 99
    await notifier.close()


async def test_a_stop_tries_once_more_what_waits() -> None:
    """A pause ends with the gateway: the last try comes at once."""
    legacy, naps, dropped = Legacy(away=1), Naps(for_ever=True), Dropped()
    notifier = Notifier(legacy.tell, dropped, sleep=naps)
    notifier.tell(EVENT)
    await naps.asleep.wait()
    await notifier.close()
    assert (legacy.calls, legacy.heard, dropped.count) == (2, [EVENT], 0)
    await notifier.close()


async def test_a_stop_is_not_held_up(caplog: pytest.LogCaptureFixture) -> None:
    """A legacy system that does not answer has a moment, one that is away no second try; both are dropped and said."""
    hanging, dropped = Legacy(), Dropped()
    hanging.gate = asyncio.Event()
    notifier = Notifier(hanging.tell, dropped, drain=0.05)
    notifier.tell(EVENT)
    await hanging.called.wait()
    await notifier.close()
    assert (hanging.heard, dropped.count) == ([], 1)

    away, naps = Legacy(away=99), Naps(for_ever=True)
    notifier = Notifier(away.tell, dropped, sleep=naps)
    notifier.tell(EVENT)
    await naps.asleep.wait()
    await notifier.close()
    notifier.tell(EVENT)
    assert (away.calls, dropped.count) == (2, 3)
    assert "CANARY" not in caplog.text
