"""Readiness is bounded in time and cheap to ask."""

import asyncio

from gateway.admin.readiness import FRESH, Readiness


class Clock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Counting:
    """A check that counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    async def __call__(self) -> None:
        self.runs += 1


async def test_an_answer_is_reused_while_fresh() -> None:
    """Many probes are one question to the stores; then it is asked again."""
    clock, check = Clock(), Counting()
    readiness = Readiness([("state", check)], clock)
    await readiness.ask()
    await readiness.ask()
    assert check.runs == 1
    clock.now += FRESH
    await readiness.ask()
    assert check.runs == 2


async def test_probes_at_the_same_moment_share_one_round() -> None:
    """A crowd of probes while the first is under way starts nothing more."""
    check = Counting()
    readiness = Readiness([("state", check)], Clock())
    answers = await asyncio.gather(*(readiness.ask() for _ in range(20)))
    assert check.runs == 1
    assert all(answer.ready for answer in answers)


async def test_a_check_that_hangs_is_a_timeout() -> None:
    """A frozen store makes the process not ready, within the limit, and the other checks are still told."""

    async def hang() -> None:
        await asyncio.Event().wait()

    readiness = Readiness([("bindings", hang), ("state", Counting())], Clock(), timeout=0.02)
    answer = await asyncio.wait_for(readiness.ask(), 5)
    assert not answer.ready
    assert answer.outcomes == {"bindings": "timeout", "state": "ok"}


async def test_checks_run_at_once() -> None:
    """The limit is one for all, not one after the other."""
    here = asyncio.Barrier(2)
    readiness = Readiness([("a", here.wait), ("b", here.wait)], Clock(), timeout=5)
    assert (await readiness.ask()).ready


async def test_an_outage_is_noticed_and_recovers() -> None:
    """Not ready while a check fails, ready again when it passes."""
    clock, broken = Clock(), True

    async def check() -> None:
        if broken:
            raise ConnectionError

    readiness = Readiness([("bindings", check)], clock)
    assert not (await readiness.ask()).ready
    broken = False
    clock.now += FRESH
    assert (await readiness.ask()).ready
