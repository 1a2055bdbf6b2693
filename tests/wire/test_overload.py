"""When a worker refuses requests, and when it takes them again: measured lags in, a share out."""

import asyncio
import logging
import random
import time

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from gateway.wire.overload import LagProbe, Overload

TICK = 0.25  # seconds from one measurement to the next
REST = 1.0


def fed(*lags: float) -> Overload:
    """One that has seen these lags."""
    overload = Overload(target=0.1)
    for lag in lags:
        overload.observe(lag)
    return overload


def test_a_single_slow_turn_is_no_overload() -> None:
    """The collector, a burst of connections, a slow disk: nobody is refused for it."""
    overload = fed(*[0.001] * 10, 3.0, *[0.001] * 3, 0.2, 0.2, 0.001, 0.2, 0.2, 0.001)
    assert not overload.shedding
    assert overload.share == 0


def test_what_lasts_a_second_is() -> None:
    """With the pauses between the measurements; two are needed however long they took."""
    assert not fed(0.15, 0.15).shedding
    assert fed(0.15, 0.15, 0.15).shedding
    assert not fed(0.001, 9.0).shedding
    assert fed(9.0, 9.0).shedding


def test_it_acts_as_fast_when_turns_are_long() -> None:
    """The share grows with the time that has passed, not with the number of measurements."""
    often, seldom = fed(*[0.3] * 22), fed(*[2.75] * 4)  # twelve seconds each
    assert often.share > 0.5
    assert seldom.share > 0.5


def test_it_ends_within_five_seconds() -> None:
    """From the highest share there is, once the lag has gone."""
    overload = fed(*[5.0] * 100)
    assert overload.share == pytest.approx(0.95)
    ticks = 0
    while overload.shedding:
        overload.observe(0.001)
        ticks += 1
    assert ticks * TICK <= 5
    assert overload.share == 0


@given(st.lists(st.floats(0, 100)))
def test_the_share_is_always_a_share_and_some_are_always_served(lags: list[float]) -> None:
    """Whatever is measured: between none and nineteen of twenty."""
    overload = Overload()
    for lag in lags:
        overload.observe(lag)
        assert 0 <= overload.share <= 0.95
        assert overload.shedding == (overload.share > 0)


def test_the_share_is_what_is_refused() -> None:
    """By chance, so that no rhythm of a client matters."""
    overload = Overload(target=0.1, random=random.Random(7).random)
    for _ in range(100):
        overload.observe(5.0)
    refused = sum(overload.refuses() for _ in range(10_000))
    assert 0.94 < refused / 10_000 < 0.96


def simulated(clients: int, cost: float, refusal: float, seconds: float) -> tuple[float, float]:
    """A closed loop: every client asks again as soon as it is answered, a refused one rests first.

    One request costs `cost` seconds, a refusal `refusal`. The share of time that went into requests in the last
    half, and the mean lag there.
    """
    overload = Overload(target=0.1, random=random.Random(1).random)
    active, resting = clients, []  # resting: when each batch is back
    now, measured, useful, lags = 0.0, 0.0, 0.0, []
    while now < seconds:
        refused = round(active * overload.share)
        turn = (active - refused) * cost + refused * refusal + 1e-3
        if now > seconds / 2:
            useful += (active - refused) * cost
            lags.append(turn)
        now += turn
        resting.append((now + REST, refused))
        active += sum(count for back, count in resting if back <= now) - refused
        resting = [(back, count) for back, count in resting if back > now]
        if now - measured >= TICK:
            measured = now
            overload.observe(turn)
    return useful / (seconds / 2), sum(lags) / len(lags)


@pytest.mark.parametrize("clients", [200, 3000, 6000, 10_000])
@pytest.mark.parametrize("cost", [40e-6, 100e-6, 200e-6])
def test_a_closed_loop_is_brought_to_its_target_without_wasting_the_processor(clients: int, cost: float) -> None:
    """However many clients insist: at least four fifths of the time is spent on those that are served.

    Two seconds of work at once are more than a rest of one second can spread: seven tenths.
    """
    useful, lag = simulated(clients, cost, refusal=15e-6, seconds=60.0)
    alone = clients * cost  # the lag if nobody is refused
    assert useful > (0.8 if alone < 2 else 0.7)
    assert lag < max(0.2, alone * 0.6) if alone > 0.1 else lag == pytest.approx(alone, abs=2e-3)


async def turned() -> None:
    """A few turns of the loop."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_the_probe_measures_a_turn_and_says_when_it_begins_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    """What ready work does between two callbacks is the lag; one line in the log each way, not one a request."""

    async def run() -> Overload:
        overload = Overload(target=0.01)
        loop = asyncio.get_running_loop()
        probe = LagProbe(overload, loop, time.monotonic)
        for _ in range(4):
            loop.call_soon(lambda: loop.call_soon(time.sleep, 0.02))
            probe.measure(0.0)
            await turned()
        assert overload.shedding
        assert overload.lag >= 0.02
        while overload.shedding:
            probe.measure(0.0)
            await turned()
        return overload

    with caplog.at_level(logging.WARNING), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())
    assert [record.message.partition(":")[0] for record in caplog.records] == ["overloaded", "no longer overloaded"]
