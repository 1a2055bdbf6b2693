"""The watch: who is asked about, what an answer does, and how much at a time."""

import asyncio
import time
from dataclasses import dataclass
from typing import cast

import pytest

from gateway.authorizer import Admission
from gateway.core.errors import GatewayError, StoreOutage
from gateway.core.reasons import Reason
from gateway.proxy import watch
from gateway.proxy.watch import Watch


@dataclass
class Stream:
    """An exchange that began at `began` on somebody's word, or on nobody's."""

    word: object = True
    began: float = 0.0
    ended: bool = False
    fails: bool = False
    confused: bool = False

    def admission(self, before: float) -> Admission | None:
        """The word itself stands for the admission."""
        if self.confused:
            raise RuntimeError
        return cast(Admission, self) if self.word is not None and self.began <= before else None

    def session_ended(self) -> None:
        """Noted."""
        if self.fails:
            raise RuntimeError
        self.ended = True


async def stands(admission: Admission) -> bool:
    """What the stream says; an exception is raised."""
    word = cast(Stream, admission).word
    if isinstance(word, Exception):
        raise word
    return bool(word)


async def test_a_round_ends_what_no_longer_stands() -> None:
    """No is an end, as is a question that fails oddly or cannot be asked; an outage is not, nor nobody's, nor young."""
    streams = {
        "stubborn": Stream(False, fails=True),
        "confused": Stream(True, confused=True),
        "no": Stream(False),
        "yes": Stream(True),
        "outage": Stream(StoreOutage()),
        "odd": Stream(KeyError("x")),
        "odd error of ours": Stream(GatewayError(500, Reason.INTERNAL_ERROR)),
        "nobody's": Stream(None),
        "young": Stream(False, time.monotonic()),
    }
    await Watch(lambda: streams.values(), stands, 5).round()
    assert [name for name, stream in streams.items() if stream.ended] == ["confused", "no", "odd", "odd error of ours"]


async def test_few_are_asked_about_at_a_time() -> None:
    """However many there are, and all are."""
    streams, now, most = [Stream(False) for _ in range(200)], 0, 0

    async def slowly(admission: Admission) -> bool:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return await stands(admission)

    await Watch(lambda: streams, slowly, 5).round()
    assert all(stream.ended for stream in streams)
    assert 1 < most <= watch._AT_ONCE


@pytest.mark.parametrize("woken", [False, True])
async def test_it_looks_in_its_time_and_sooner_when_woken(monkeypatch: pytest.MonkeyPatch, woken: bool) -> None:
    """And a round that fails is not the last."""
    monkeypatch.setattr(watch, "_GAP", 0.01)
    rounds = asyncio.Queue[int]()

    def exchanges() -> list[Stream]:
        rounds.put_nowait(1)
        raise RuntimeError

    looking = Watch(exchanges, stands, 1000 if woken else 0.01)
    task = asyncio.get_running_loop().create_task(looking.run())
    async with asyncio.timeout(10):
        for _ in range(3):
            if woken:
                assert rounds.empty()
                looking.wake()
            await rounds.get()
    task.cancel()


async def test_changes_do_not_make_it_look_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it is woken, there is a pause between two rounds."""
    monkeypatch.setattr(watch, "_GAP", 0.1)
    rounds = 0

    def exchanges() -> list[Stream]:
        nonlocal rounds
        rounds += 1
        return []

    looking = Watch(exchanges, stands, 1000)
    task = asyncio.get_running_loop().create_task(looking.run())
    began = asyncio.get_running_loop().time()
    while rounds < 3:
        looking.wake()
        await asyncio.sleep(0)
    assert asyncio.get_running_loop().time() - began > 0.15
    task.cancel()
