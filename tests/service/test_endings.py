"""What goes on for long ends by itself, by its idle limit, or with its session; an outage of the store ends nothing."""

import asyncio
import contextlib
import json
import math
import socket
import struct
import time
from collections.abc import AsyncIterator

import pytest

from gateway.core.errors import StoreOutage
from gateway.core.identity import Session, Standing, Subject
from gateway.front import Front
from gateway.proxy import watch
from gateway.sealing import token_hash
from gateway.stores.cached import CachedBindings
from gateway.stores.interface import Actor, BindRequest

from .carrying import as_user, at_rest, busy, line_to, logged, request, until
from .conftest import House, Open
from .raw import PATIENCE, Browser, Line
from .tunnels import ASKING, echo, said, serving, switched, tunnel
from .upstream import Seen

SOON = 'cache_ttl = "100ms"'


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch looks often, and at what has only just begun."""
    monkeypatch.setattr(watch, "_GAP", 0.05)
    monkeypatch.setattr(watch, "_YOUNG", 0.0)


def front_of(house: House) -> Front:
    """The porter."""
    assert house.gateway._front is not None
    return house.gateway._front


def bindings_of(house: House) -> CachedBindings:
    """The gateway's own."""
    return front_of(house)._carrier.authorizer._bindings


def session_of(house: House, browser: Browser) -> Session:
    """What the browser's cookie holds."""
    known = front_of(house)._carrier.authorizer._open(browser.cookie_header().encode())
    assert known.session is not None
    return known.session


async def hold(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Say nothing more, until the gateway leaves."""
    await reader.read()


STREAMS = {
    "chunked": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nword\r\n",
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nword",
    "until-close": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nword",
}


@contextlib.asynccontextmanager
async def lasting(house: House, kind: str, browser: Browser, target: str = "/ws") -> AsyncIterator[Line]:
    """Something that goes on: a tunnel, or a response in one of its framings."""
    async with line_to(house) as line:
        if kind == "tunnel":
            serving(house, echo)
            await line.send(as_user(browser, "GET", target, *ASKING))
            await switched(line)
            await line.send(b"word")
            assert await said(line, 4) == b"word"
        else:
            serving(house, hold, STREAMS[kind])
            await line.send(as_user(browser, "GET", target))
            async with asyncio.timeout(PATIENCE):
                await line.reader.readuntil(b"word")
        yield line


PATIENT = {"brief": 'access = "public"\nidle_timeout = "1h"\ntunnel_timeout = "1h"\n'}


def deadline(house: House) -> float:
    """Until when (on the loop's clock) the one client has time."""
    [client] = front_of(house).connections
    return client.deadline


async def later(house: House) -> float:
    """The deadline, once the loop's clock has moved on since it was set: what sets it anew makes it a later one."""
    before, loop = deadline(house), asyncio.get_running_loop()
    assert before <= loop.time() + 3600
    await until(lambda: loop.time() + 3600 > before, "the clock stands")
    return before


async def hours_pass(house: House) -> None:
    """The sweeper is shown a clock that is hours ahead, until the client's time is over."""
    sweeper, loop = house.gateway._sweeper, asyncio.get_running_loop()
    assert sweeper is not None

    def over() -> bool:
        sweeper.sweep(loop.time() + 10 * 3600)
        return not front_of(house).connections

    await until(over, "it goes on for ever")


async def was_cut(line: Line) -> None:
    """By a reset: what came cannot be taken for the whole."""
    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(PATIENCE):
            await line.reader.read()


async def test_a_stream_that_began_on_the_fast_path_ends_too(open_house: Open) -> None:
    """A request that repeats another is carried by a shortcut; what it opened is watched all the same."""
    house = await open_house(bindings=SOON)
    browser = await house.signed_in()
    stream = False

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(STREAMS["chunked"] if stream else b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True

    house.upstream.respond = respond
    async with line_to(house) as line:
        for _ in range(4):
            await line.send(as_user(browser, "GET", "/events"))
            assert (await line.answer()).body == b"ok"
        stream = True
        await line.send(as_user(browser, "GET", "/events"))
        async with asyncio.timeout(PATIENCE):
            await line.reader.readuntil(b"word")
        assert (await browser.post("/_gateway/logout", b"")).status in (200, 303)
        await was_cut(line)
    assert house.upstream.connections == 1
    await at_rest(house)


KINDS = pytest.mark.parametrize("kind", ["tunnel", "chunked"])


@pytest.mark.parametrize("kind", ["tunnel", *STREAMS])
async def test_a_logout_ends_what_the_session_opened(open_house: Open, kind: str) -> None:
    """Both sides are cut, visibly; the log says why."""
    house = await open_house(bindings=SOON)
    browser = await house.signed_in()
    async with lasting(house, kind, browser) as line:
        house.upstream.talk = None
        assert (await browser.post("/_gateway/logout", b"")).status in (200, 303)
        await was_cut(line)
    await until(lambda: house.upstream.active == 0, "the upstream was not told")
    entry = json.loads(await logged(house, '"session_ended"'))
    assert entry["status"] == (101 if kind == "tunnel" else 200)
    await at_rest(house)


@KINDS
@pytest.mark.parametrize("how", ["unbind", "rebind", "revoke_session", "revoke_subject"])
async def test_it_ends_when_the_store_says_so(open_house: Open, kind: str, how: str) -> None:
    """Unbound, bound to somebody else, revoked: whoever does it, also behind the back of the cache."""
    house = await open_house(bindings=SOON)
    browser = await house.signed_in()
    async with lasting(house, kind, browser) as line:
        store, now = bindings_of(house)._inner, int(time.time())
        me, sid = session_of(house, browser).subject, token_hash(session_of(house, browser).sid)
        if how == "unbind":
            assert await store.unbind(me, Actor("test"), now)
        elif how == "rebind":
            await store.unbind(me, Actor("test"), now)
            await store.bind(BindRequest(me, "2002", {}, "pwd"), Actor("test"), now)
        elif how == "revoke_session":
            await store.revoke_session(sid, now + 1000)
        else:
            await store.revoke_subject(me, now + 1, now + 1000)
        await was_cut(line)
    assert "session_ended" in await logged(house, '"session_ended"')
    await at_rest(house)


@KINDS
@pytest.mark.parametrize("limit", ["absolute", "idle", "max_age"])
async def test_it_ends_when_the_cookie_would_no_longer_be_taken(open_house: Open, kind: str, limit: str) -> None:
    """The session's limits and the policy's max_age hold for what is running, too."""
    sessions = {"absolute": 'idle = "60s"\nabsolute = "{}s"', "idle": 'idle = "{}s"'}.get(limit, "").format(60)
    house = await open_house(bindings=SOON, session=sessions)
    browser = await house.signed_in()
    front = house.gateway._front
    assert front is not None
    authorizer = front._carrier.authorizer
    async with lasting(house, kind, browser) as line:
        if limit == "max_age":
            for exchange in front.exchanges():
                assert exchange._route is not None
                object.__setattr__(exchange._route.policy, "max_age", 30)
        later = time.time() + 61
        authorizer._clock = lambda: later
        await was_cut(line)
    await at_rest(house)


@KINDS
async def test_an_outage_of_the_store_ends_nothing(open_house: Open, kind: str) -> None:
    """It goes on as long as nobody says otherwise; when the store is back, its word counts."""
    house = await open_house(bindings=SOON)
    browser = await house.signed_in()
    bindings = bindings_of(house)
    store, asked = bindings._inner.standing, 0

    async def down(*_: object) -> object:
        nonlocal asked
        asked += 1
        raise StoreOutage

    async with lasting(house, kind, browser) as line:
        bindings._inner.standing = down  # type: ignore[method-assign, assignment]
        await until(lambda: asked >= 2, "nobody asked")
        if kind == "tunnel":
            await line.send(b"still")
            assert await said(line, 5) == b"still"
        assert house.upstream.active == 1
        bindings._inner.standing = store  # type: ignore[method-assign]
        await bindings._inner.unbind(session_of(house, browser).subject, Actor("test"), int(time.time()))
        await was_cut(line)
    await at_rest(house)


@pytest.mark.parametrize("target", ["/public/ws", "/optional/ws"])
async def test_what_is_nobodys_is_not_watched(open_house: Open, target: str) -> None:
    """Public and anonymous streams go on, whatever becomes of a session that the browser also has."""
    house = await open_house(bindings=SOON)
    browser = await house.signed_in() if target.startswith("/public") else house.browser()
    async with lasting(house, "tunnel", browser, target) as line:
        assert [exchange.admission(math.inf) for exchange in front_of(house).exchanges()] == [None]
        await browser.post("/_gateway/logout", b"")
        await line.send(b"still")
        assert await said(line, 5) == b"still"
    await at_rest(house)


async def test_an_optional_route_ends_with_the_binding(open_house: Open) -> None:
    """Who was identified there, and is nobody now, does not go on as somebody."""
    house = await open_house(bindings=SOON)
    browser = await house.signed_in()
    async with lasting(house, "tunnel", browser, "/optional/ws") as line:
        await bindings_of(house).unbind(session_of(house, browser).subject, Actor("test"), int(time.time()))
        await was_cut(line)
    await at_rest(house)


async def test_a_wechat_user_who_binds_keeps_the_tunnel(open_house: Open) -> None:
    """The same person, better known; when that ends again, so does what was opened as the user."""
    house = await open_house(bindings=SOON)
    browser = house.browser()
    await house.dance(browser, "/wechat/x")
    async with lasting(house, "tunnel", browser, "/wechat/ws") as line:
        me, bindings = session_of(house, browser).subject, bindings_of(house)
        await bindings.bind(BindRequest(me, "42", {}, "pwd"), Actor("test"), int(time.time()))
        rounds = await some_rounds(house)
        await line.send(b"still")
        assert await said(line, 5) == b"still"
        assert rounds
    await at_rest(house)


async def test_a_claim_that_is_required_and_gone_ends_it(open_house: Open) -> None:
    """`require` holds for what is running, too."""
    house = await open_house(bindings=SOON)
    browser = await house.signed_in("alice", "/admin/x")
    async with lasting(house, "tunnel", browser, "/admin/ws") as line:
        me, store = session_of(house, browser).subject, bindings_of(house)._inner
        await store.bind(BindRequest(me, "1003", {"roles": ["member"]}, "pwd"), Actor("test"), int(time.time()))
        await was_cut(line)
    await at_rest(house)


async def some_rounds(house: House) -> int:
    """Wait until the watch has asked the store a few times."""
    bindings, asked = bindings_of(house), 0
    standing = bindings._inner.standing

    async def counted(subject: Subject, sid_hash: str, created: int) -> Standing:
        nonlocal asked
        asked += 1
        return await standing(subject, sid_hash, created)

    bindings._inner.standing = counted  # type: ignore[method-assign]
    await until(lambda: asked >= 3, "nobody asks")
    return asked


# --- by themselves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("half", [False, True])
async def test_a_tunnel_without_a_byte_is_closed(open_house: Open, half: bool) -> None:
    """After tunnel_timeout, on both sides; bytes of either side begin it anew."""
    house = await open_house(policies=PATIENT)
    got: list[bytes] = []
    ticks = asyncio.Semaphore(0)

    async def serve(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(4):
            await ticks.acquire()
            writer.write(b"tick")
            assert await reader.readexactly(4) == b"tock"
        got.append(await reader.read())

    serving(house, serve)
    async with tunnel(house, None, "/brief/ws") as line:
        for _ in range(4):
            before = await later(house)
            ticks.release()
            assert await said(line, 4) == b"tick"
            assert deadline(house) > before
            before = await later(house)
            await line.send(b"tock")
            await until(lambda before=before: deadline(house) > before, "the client's bytes do not count")  # type: ignore[misc]
        if half:
            line.writer.write_eof()
            await until(lambda: got == [b""], "the upstream hears nothing")
        await hours_pass(house)
        assert await line.ended() == b""
    await until(lambda: got == [b""], "the upstream hears nothing")
    await at_rest(house)
    if not half:
        assert json.loads(await logged(house, '"/brief/ws"'))["reason"] == "tunnel_timeout"


@pytest.mark.parametrize("upstream_first", [False, True])
async def test_a_half_open_tunnel_has_less_time(open_house: Open, upstream_first: bool) -> None:
    """A client that left quietly looks like one that only listens: it has body_timeout, not tunnel_timeout."""
    house = await open_house(limits='body_timeout = "400ms"')
    got: list[bytes] = []

    async def serve(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if upstream_first:
            writer.write_eof()
        with contextlib.suppress(ConnectionError):
            got.append(await reader.read())
        await asyncio.Event().wait()

    serving(house, serve)
    async with tunnel(house) as line:
        if not upstream_first:
            line.writer.write_eof()
        assert await line.ended() == b""
        if upstream_first:
            await until(lambda: got == [b""], "the upstream is not let go")
        await logged(house, '"tunnel_timeout"')
        await until(lambda: not busy(house), "the upstream's connection is kept")


@pytest.mark.parametrize("upstream_first", [False, True])
async def test_a_half_close_is_passed_on(house: House, upstream_first: bool) -> None:
    """Who has said all can still listen: either side."""
    got: list[bytes] = []

    async def serve(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if upstream_first:
            writer.write(b"last words")
            writer.write_eof()
            got.append(await reader.read())
        else:
            got.append(await reader.read())
            writer.write(b"last words")

    serving(house, serve)
    async with tunnel(house) as line:
        if upstream_first:
            assert await line.ended() == b"last words"
            await line.send(b"mine")
            line.writer.write_eof()
        else:
            await line.send(b"mine")
            line.writer.write_eof()
            assert await line.ended() == b"last words"
        await until(lambda: got == [b"mine"], "it did not arrive")
    await at_rest(house)


async def test_a_reset_of_the_upstream_is_a_reset(house: House) -> None:
    """What came before it cannot be taken for the whole."""

    async def serve(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        linger(writer)
        writer.transport.abort()

    serving(house, serve)
    async with tunnel(house) as line:
        await line.send(b"word")
        await was_cut(line)
    await at_rest(house)


async def test_a_reset_of_the_client_is_a_reset(house: House) -> None:
    """The upstream sees that its client did not leave in order."""
    ends: list[str] = []

    async def serve(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"word")
        try:
            await reader.read()
            ends.append("in order")
        except ConnectionResetError:
            ends.append("reset")

    serving(house, serve)
    async with tunnel(house) as line:
        assert await said(line, 4) == b"word"
        linger(line.writer)
        line.writer.transport.abort()
        await until(lambda: ends == ["reset"], "the upstream hears nothing")
    await at_rest(house)


def linger(writer: asyncio.StreamWriter) -> None:
    """What is cut now is reset."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def test_a_stop_leaves_tunnels_alone_for_a_while_and_then_closes_them(house: House) -> None:
    """They live on until drain_timeout, and no longer; what they say meanwhile arrives."""
    serving(house, echo)
    async with tunnel(house) as line:
        began = time.monotonic()
        stop = asyncio.get_running_loop().create_task(house.gateway.stop())
        while time.monotonic() - began < 1:
            await line.send(b"word")
            assert await said(line, 4) == b"word"
        await was_cut(line)
        await stop
        assert 1.5 < time.monotonic() - began < 10
    assert house.upstream.active == 0


# --- streams of events ------------------------------------------------------------------------------------


async def test_an_event_arrives_at_once(house: House) -> None:
    """Piece for piece, each before the next is made: nothing is collected."""
    go = asyncio.Event()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

    async def serve(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(3):
            await go.wait()
            go.clear()
            writer.write(b"9\r\ndata: 1\n\n\r\n")
        writer.write(b"0\r\n\r\n")

    serving(house, serve, head)
    async with line_to(house) as line:
        await line.send(request("GET", "/public/events"))
        async with asyncio.timeout(PATIENCE):
            assert b"200 OK" in await line.reader.readuntil(b"\r\n\r\n")
            for _ in range(3):
                go.set()
                assert await line.reader.readuntil(b"\n\n\r\n") == b"9\r\ndata: 1\n\n\r\n"
            assert await line.reader.readexactly(5) == b"0\r\n\r\n"
    await at_rest(house)


async def test_a_stream_may_pause_as_long_as_its_policy_says(open_house: Open) -> None:
    """idle_timeout counts between two pieces; a stream that pauses longer is cut, as what is truncated is."""
    house = await open_house(policies=PATIENT)
    ticks = asyncio.Semaphore(0)

    async def serve(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(4):
            await ticks.acquire()
            writer.write(b"1\r\n.\r\n")
        await reader.read()

    serving(house, serve, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    async with line_to(house) as line:
        await line.send(request("GET", "/brief/x"))
        async with asyncio.timeout(PATIENCE):
            assert b" 200 " in await line.reader.readuntil(b"\r\n\r\n")
            for _ in range(4):
                before = await later(house)
                ticks.release()
                assert await line.reader.readexactly(6) == b"1\r\n.\r\n"
                assert deadline(house) > before
        await hours_pass(house)
        await was_cut(line)
    assert json.loads(await logged(house, '"/brief/x"'))["reason"] == "upstream_timeout"
    await at_rest(house)
