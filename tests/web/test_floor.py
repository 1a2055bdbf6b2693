"""Answers leave at a fixed time, so that it tells nothing. The clock is injected: every pause is exact."""

import asyncio
import dataclasses
import random
import statistics

import pytest
from aiohttp import web

from gateway.stores.lockout import Lockout
from gateway.web.floor import Floor, Pace
from gateway.web.notices import BAD_REQUEST, Halt
from gateway.web.parts import Limits
from gateway.wire.tasks import Tasks

FLOOR = 0.3


class Time:
    """Passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


@pytest.mark.parametrize(
    ("taken", "left", "late"), [(0.0, 0.3, 0), (0.299, 0.3, 0), (0.3, 0.3, 0), (0.301, 0.6, 1), (1.0, 1.2, 1)]
)
async def test_answers_leave_at_whole_multiples_of_the_floor(taken, left, late):
    """At start + floor; what took longer at the next multiple, and the operator hears of it."""
    time, pages = Time(), []
    floor = Floor(FLOOR, time.monotonic, time.sleep, pages.append)

    async def handler(_):
        time.now += taken
        return web.Response(status=401)

    await floor.over(handler, "bind", {401})(None)
    assert time.now == pytest.approx(left)
    assert pages == ["bind"] * late


@pytest.mark.parametrize(("statuses", "seconds", "left"), [({401}, FLOOR, 0.0), (None, FLOOR, FLOOR), (None, 0.0, 0.0)])
async def test_only_what_may_tell_is_held(statuses, seconds, left):
    """Successes go at once, unless all answers are held; a floor of 0 holds nothing."""
    time = Time()
    floor = Floor(seconds, time.monotonic, time.sleep, lambda _: None)

    async def handler(_):
        return web.Response(status=303)

    await floor.over(handler, "sms", statuses)(None)
    assert time.now == left


async def test_places_are_limited_and_come_back():
    """Who finds none is refused with 503 before anything is done; failures and departures free theirs."""
    gate, started = asyncio.Event(), asyncio.Semaphore(0)

    async def handler(_):
        started.release()
        await gate.wait()
        raise Halt(BAD_REQUEST)

    async def sleep(_):
        raise AssertionError("nothing is held")

    held = Floor(FLOOR, lambda: 0.0, sleep, lambda _: None, places=2).over(handler, "bind")
    running = Tasks()
    tasks = [running.start(held(None)) for _ in range(2)]
    for _ in tasks:
        await started.acquire()
    with pytest.raises(Halt) as refused:
        await held(None)
    assert (refused.value.notice.status, refused.value.retry_after) == (503, 5)
    tasks[0].cancel()
    gate.set()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError, Halt]
    with pytest.raises(Halt) as again:
        await held(None)
    assert again.value.retry_after is None


async def test_the_pace_is_that_of_the_last_no():
    """What was answered without asking anybody sets none."""
    time = Time()
    pace = Pace(time.monotonic, time.sleep)
    await pace.keep()
    assert time.now == 0
    for taken in (0.7, 0.0):
        began = pace.began()
        time.now += taken
        pace.ended(began)
    before = time.now
    await pace.keep()
    assert time.now - before == pytest.approx(0.7)


def kolmogorov_smirnov(one: list[float], other: list[float]) -> float:
    """The largest distance of two empirical distribution functions."""
    points = sorted({*one, *other})
    return max(abs(sum(x <= p for x in one) / len(one) - sum(y <= p for y in other) / len(other)) for p in points)


@pytest.mark.parametrize("slow", [0.1, 0.45])
async def test_the_time_of_an_answer_does_not_tell_unknown_from_wrong_from_locked(open_house, monkeypatch, slow):
    """Medians within 5 ms, and one distribution to a two-sample test at p > 0.01, of 120 answers of each kind.

    The verifier takes far longer for known names, and is not asked about locked ones.
    """
    time, draw = Time(), random.Random(4)
    rule = Lockout(failures=1, delay_after=1000, delay=1, max_delay=1, lock=10**6, window=10**6)
    limits = dataclasses.replace(
        Limits(), lockout=rule, failures_per_ip=10**6, failures_in_all=10**6, failures_per_subject=10**6, floor=FLOOR
    )
    house = await open_house(limits=limits, monotonic=time.monotonic, sleep=time.sleep)

    async def verify(username, password):
        time.now += draw.uniform(slow, slow + 0.08) if username.startswith("known") else draw.uniform(slow, slow + 0.02)

    monkeypatch.setattr(house.legacy, "verify", verify)
    browser = house.browser()
    took: dict[str, list[float]] = {"known": [], "unknown": [], "locked": []}
    await browser.bind(await browser.ticket(), "locked-account", "wrong")
    for number in range(120):
        house.clock.now += 900  # another chain's tries
        ticket = (await browser.get("/_gateway/bind")).query["ticket"]
        for kind, samples in took.items():
            name = "locked-account" if kind == "locked" else f"{kind}-{number}"
            before = time.now
            answer = await browser.bind(ticket, name, "wrong")
            assert answer.status == 401
            samples.append(time.now - before)
            ticket = answer.ticket
    medians = [statistics.median(samples) for samples in took.values()]
    assert max(medians) - min(medians) < 0.005
    critical = 1.63 * (2 / 120) ** 0.5  # p = 0.01
    assert kolmogorov_smirnov(took["known"], took["unknown"]) < critical
    assert kolmogorov_smirnov(took["known"], took["locked"]) < critical


async def test_known_and_unknown_phones_are_answered_at_the_same_moment(open_house, monkeypatch):
    """A resolver that is quick for the one and slow for the other."""
    time = Time()
    house = await open_house(
        limits=dataclasses.replace(Limits(), floor=FLOOR), monotonic=time.monotonic, sleep=time.sleep
    )
    resolve = house.legacy.resolve

    async def slowly(phone):
        time.now += 0.2 if phone in house.legacy.phones else 0.01
        return await resolve(phone)

    monkeypatch.setattr(house.legacy, "resolve", slowly)
    browser = house.browser()
    ticket = await browser.ticket()
    took = []
    for phone in ("13800138000", "13900139000"):
        before = time.now
        assert (await browser.post("/_gateway/bind/sms", ticket=ticket, phone=phone)).status == 303
        took.append(time.now - before)
    assert took == [pytest.approx(FLOOR)] * 2


async def test_a_right_password_is_not_held(open_house):
    """Nor is a conflict, which shows after proof only."""
    time = Time()
    house = await open_house(
        limits=dataclasses.replace(Limits(), floor=FLOOR), monotonic=time.monotonic, sleep=time.sleep
    )
    browser, other = house.browser(), house.browser()
    assert (await browser.bind(await browser.ticket())).status == 303
    assert (await other.bind(await other.ticket("code-bob"))).status == 409
    assert time.now == 0


async def test_what_nobody_was_asked_about_holds_no_place(open_house):
    """Numbers that are none, and codes asked for too soon: nobody fills all places for free with those."""
    time = Time()
    house = await open_house(
        limits=dataclasses.replace(Limits(), floor=FLOOR), monotonic=time.monotonic, sleep=time.sleep
    )
    browser = house.browser()
    ticket = await browser.ticket()
    took = []
    for phone, status in (("12", 422), ("13800138000", 303), ("13800138000", 429), ("13800138001", 303)):
        before = time.now
        answer = await browser.post("/_gateway/bind/sms", ticket=ticket, phone=phone)
        assert answer.status == status
        took.append(time.now - before)
    assert took == pytest.approx([0, FLOOR, 0, FLOOR])


async def test_slow_bodies_hold_no_place(open_house, monkeypatch):
    """A form that never ends keeps nobody else from binding."""
    monkeypatch.setattr("gateway.web.floor.Floor.__init__.__defaults__", (1,))
    house = await open_house()
    browser = house.browser()
    ticket = await browser.ticket()
    head = "POST /_gateway/bind{} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    port = int(browser.base.rpartition(":")[2])
    slow = []
    for page in ("", "/sms"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head.format(page)}Content-Length: 9\r\nExpect: 100-continue\r\n\r\n".encode())
        assert b" 100 " in await reader.readuntil(b"\r\n\r\n")  # its handler is reading
        slow.append(writer)
    assert (await browser.bind(ticket)).status == 303
    for writer in slow:
        writer.close()
