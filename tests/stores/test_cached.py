"""The cache in front of the bindings: what it remembers, what it shares, what it forgets."""

import asyncio
import contextlib

import pytest

from gateway.core.errors import StoreOutage
from gateway.core.identity import Binding, Standing, Subject
from gateway.stores.cached import CachedBindings
from gateway.stores.interface import Actor, BindRequest

ALICE, BOB = Subject("main", "openid-alice"), Subject("main", "openid-bob")
ACTOR = Actor("user")
NOBODY = Standing(False, None)
REVOKED = Standing(True, None)


def bound(user_id="42", subject=ALICE, version=1):
    return Standing(False, Binding(subject, user_id, {}, "pwd", version, 100))


class Inner:
    """A store whose answers the test sets and, if it wants, holds back."""

    def __init__(self):
        self.answers = {}
        self.asked = []
        self.entered = asyncio.Queue()
        self.open = asyncio.Event()
        self.open.set()
        self.error = None

    async def standing(self, subject, sid_hash, created):
        self.asked.append(sid_hash)
        self.entered.put_nowait(sid_hash)
        answer = self.answers.get(sid_hash, NOBODY)  # read now, delivered later
        await self.open.wait()
        if self.error:
            raise self.error
        return answer

    async def write(self, *_):
        if self.error:
            raise self.error

    bind = unbind = revoke_session = revoke_subject = write

    async def close(self):
        self.open.set()


@pytest.fixture
def inner():
    return Inner()


@pytest.fixture
def now():
    return [1000.0]


@pytest.fixture
async def cache(inner, now):
    cached = CachedBindings(inner, ttl=5, size=3, clock=lambda: now[0])
    yield cached
    await cached.close()


async def look(cache, sid="s1", subject=ALICE):
    return await cache.standing(subject, sid, 100)


async def test_presence_is_remembered_for_its_time(cache, inner, now):
    """For `ttl` seconds after it was asked, no longer."""
    inner.answers["s1"] = bound()
    assert cache.peek("s1") is None
    assert await look(cache) == bound()
    now[0] += 4.9
    assert cache.peek("s1") == bound()
    assert await look(cache) == bound()
    now[0] += 0.1
    assert cache.peek("s1") is None
    assert await look(cache) == bound()
    assert inner.asked == ["s1", "s1"]


async def test_absence_is_never_remembered(cache, inner):
    """Who binds on another replica is known here at once."""
    assert await look(cache) == NOBODY
    assert cache.peek("s1") is None
    inner.answers["s1"] = bound()
    assert await look(cache) == bound()


async def test_a_revoked_session_stays_so(cache, inner, now):
    """It never un-revokes, so the store is not asked again."""
    inner.answers["s1"] = REVOKED
    assert await look(cache) == REVOKED
    now[0] += 1_000_000
    assert cache.peek("s1") == REVOKED
    assert await look(cache) == REVOKED
    assert inner.asked == ["s1"]


async def test_the_memory_is_bounded(cache, inner):
    """The session refreshed longest ago is forgotten first."""
    for sid in ("s1", "s2", "s3", "s4"):
        inner.answers[sid] = bound()
        await look(cache, sid)
    assert [cache.peek(sid) is not None for sid in ("s1", "s2", "s3", "s4")] == [False, True, True, True]


async def test_a_refresh_makes_no_room(cache, inner, now):
    """Asking again for what is already held evicts nobody, and moves it to the end of the queue."""
    for sid in ("s1", "s2", "s3"):
        inner.answers[sid] = bound()
        await look(cache, sid)
    now[0] += 5
    for sid in ("s2", "s3", "s1"):
        await look(cache, sid)
    inner.answers["s4"] = bound()
    await look(cache, "s4")
    assert [cache.peek(sid) is not None for sid in ("s1", "s2", "s3", "s4")] == [True, False, True, True]


async def test_concurrent_callers_share_one_look_up(cache, inner):
    """A page with thirty images asks the store once; other sessions are asked for apart."""
    inner.answers["s1"] = bound()
    assert [bound()] * 30 == await asyncio.gather(*(look(cache) for _ in range(30)))
    assert inner.asked == ["s1"]
    await asyncio.gather(look(cache, "s2"), look(cache, "s3"))
    assert inner.asked == ["s1", "s2", "s3"]


async def test_a_caller_that_leaves_takes_nobody_along(cache, inner):
    """The first caller is cancelled, the second gets the answer, and it is remembered."""
    inner.answers["s1"] = bound()
    inner.open.clear()
    first, second = asyncio.create_task(look(cache)), asyncio.create_task(look(cache))  # noqa: TID251
    await asyncio.wait_for(inner.entered.get(), 5)
    first.cancel()
    inner.open.set()
    assert await second == bound()
    assert first.cancelled()
    assert cache.peek("s1") == bound()
    assert inner.asked == ["s1"]


async def test_a_failure_is_shared_and_not_remembered(cache, inner):
    """An outage reaches every caller; the next one asks again."""
    inner.error = StoreOutage("down")
    outcomes = await asyncio.gather(look(cache), look(cache), return_exceptions=True)
    assert all(isinstance(outcome, StoreOutage) for outcome in outcomes)
    inner.error = None
    inner.answers["s1"] = bound()
    assert await look(cache) == bound()
    assert inner.asked == ["s1", "s1"]


async def test_an_old_answer_does_not_bridge_an_outage(cache, inner, now):
    """Past its time an answer is gone, whether or not there is a new one."""
    inner.answers["s1"] = bound()
    await look(cache)
    now[0] += 5
    inner.error = StoreOutage("down")
    with pytest.raises(StoreOutage):
        await look(cache)
    assert cache.peek("s1") is None


async def test_a_failure_that_nobody_waits_for_is_silent(cache, inner, caplog):
    """Everybody left before the store failed: nothing is logged, and the next caller asks again."""
    inner.open.clear()
    caller = asyncio.create_task(look(cache))  # noqa: TID251
    await asyncio.wait_for(inner.entered.get(), 5)
    (flight,) = cache._flights.values()
    caller.cancel()
    inner.error = StoreOutage("down")
    inner.open.set()
    await asyncio.wait([caller, flight])
    inner.error, inner.answers["s1"] = None, bound()
    assert await look(cache) == bound()
    assert caplog.records == []


def request(subject=ALICE, user_id="42"):
    return BindRequest(subject, user_id, {}, "pwd")


WRITES = {
    "bind": lambda cache: cache.bind(request(), ACTOR, 100),
    "bind of the same user by another WeChat": lambda cache: cache.bind(request(BOB), ACTOR, 100),
    "unbind": lambda cache: cache.unbind(ALICE, ACTOR, 100),
    "revoke_session": lambda cache: cache.revoke_session("s1", 1000),
    "revoke_subject": lambda cache: cache.revoke_subject(ALICE, 100, 1000),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
async def test_a_write_takes_effect_at_once(cache, inner, write):
    """What the write may have changed is forgotten, what it cannot have changed is not."""
    inner.answers = {"s1": bound(), "s2": bound("99", Subject("main", "openid-carol"))}
    await look(cache, "s1")
    await look(cache, "s2", Subject("main", "openid-carol"))
    epoch = cache.epoch
    await write(cache)
    assert cache.peek("s1") is None
    assert cache.peek("s2") is not None
    assert cache.epoch > epoch


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
async def test_a_write_that_failed_may_have_happened(cache, inner, write):
    """After an outage nothing of it is believed."""
    inner.answers["s1"] = bound()
    await look(cache)
    inner.error = StoreOutage("no answer in time")
    with pytest.raises(StoreOutage):
        await write(cache)
    assert cache.peek("s1") is None


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
async def test_a_look_up_that_a_write_overtook_is_not_remembered(cache, inner, write):
    """Its answer may be older than the write; whoever asks after the write gets a new one."""
    inner.answers["s1"] = bound()
    inner.open.clear()
    early = asyncio.create_task(look(cache))  # noqa: TID251
    await asyncio.wait_for(inner.entered.get(), 5)
    await write(cache)
    inner.answers["s1"] = bound("43", version=2)
    late = asyncio.create_task(look(cache))  # noqa: TID251
    await asyncio.wait_for(inner.entered.get(), 5)
    inner.open.set()
    assert await late == bound("43", version=2)
    assert await early == bound()
    assert cache.peek("s1") == bound("43", version=2)


@pytest.mark.parametrize("fails", [False, True])
async def test_every_write_of_its_own_is_told(cache, inner, fails):
    """Who watches over what is running hears of it, also when nobody knows whether it was written."""
    told = []
    cache.watchers.add(lambda: told.append(len(told)))
    inner.error = StoreOutage() if fails else None
    writes = [
        lambda: cache.bind(request(), ACTOR, 100),
        lambda: cache.unbind(ALICE, ACTOR, 100),
        lambda: cache.revoke_session("s1", 1000),
        lambda: cache.revoke_subject(ALICE, 100, 1000),
    ]
    for number, write in enumerate(writes):
        with contextlib.suppress(StoreOutage):
            await write()
        assert told == list(range(number + 1))


async def test_the_indexes_do_not_grow(cache, inner):
    """What is forgotten leaves nothing behind, by any way out."""
    for i in range(50):
        subject = Subject("main", f"openid-{i}")
        inner.answers[f"s{i}"] = bound(str(i), subject)
        await look(cache, f"s{i}", subject)
    for i in range(50):
        await cache.unbind(Subject("main", f"openid-{i}"), ACTOR, 100)
    assert [cache._entries, cache._of_subject, cache._of_user, cache._flights] == [{}, {}, {}, {}]
