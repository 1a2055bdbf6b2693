"""Logging out everywhere, and replacing a WeChat, from another device: what goes on elsewhere ends."""

import asyncio
import json

import pytest

from gateway.proxy import watch

from .carrying import as_user, at_rest, line_to, logged, request, until
from .conftest import House, Open, ticket_in
from .raw import PATIENCE, Browser, Line
from .serving import serving as processes
from .tunnels import ASKING, echo, said, serving, switched

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The watch looks often, and at what has only just begun."""
    monkeypatch.setattr(watch, "_GAP", 0.05)
    monkeypatch.setattr(watch, "_YOUNG", 0.0)


async def opened(line: Line, browser: Browser) -> None:
    """A WebSocket that speaks."""
    await line.send(as_user(browser, "GET", "/ws", *ASKING))
    await switched(line)
    await line.send(b"word")
    assert await said(line, 4) == b"word"


async def was_cut(line: Line) -> None:
    """By a reset."""
    with pytest.raises(ConnectionResetError):
        async with asyncio.timeout(PATIENCE):
            await line.reader.read()


@pytest.mark.usefixtures("eager")
async def test_logging_out_everywhere_reaches_a_websocket(open_house: Open) -> None:
    """The phone's WebSocket is cut when the desktop logs out everywhere; another person's goes on."""
    house = await open_house(bindings='cache_ttl = "100ms"')
    phone, desktop = await house.signed_in(), await house.signed_in()
    other = await house.signed_in("alice")
    async with line_to(house) as line, line_to(house) as others:
        serving(house, echo)
        await opened(line, phone)
        await opened(others, other)
        house.upstream.talk = None
        assert (await desktop.post("/_gateway/logout/everywhere", b"")).status == 303
        await was_cut(line)
        await others.send(b"still")
        assert await said(others, 5) == b"still"
    assert json.loads(await logged(house, '"session_ended"'))["status"] == 101
    for browser in (phone, desktop):
        assert (await browser.get("/")).status == 302
    await at_rest(house)


async def test_logging_out_everywhere_reaches_every_worker(open_house: Open) -> None:
    """Two processes: WebSockets of the phone at both are cut, and the next request is a login, within cache_ttl."""
    house: House = await open_house(bindings='cache_ttl = "1s"')
    async with processes(house):
        phone, desktop = await house.signed_in(), await house.signed_in()
        serving(house, echo)
        lines = [await house.line() for _ in range(8)]
        workers = set()
        for line in lines:
            await line.send(as_user(phone, "GET", "/ws", *ASKING))
            workers.add(((await switched(line)).get("x-request-id") or "")[:12])
        house.upstream.talk = None
        assert (await desktop.post("/_gateway/logout/everywhere", b"")).status == 303
        for line in lines:
            await was_cut(line)
            await line.close()
        page = request("GET", "/", f"Cookie: {phone.cookie_header()}", "Sec-Fetch-Mode: navigate", host=phone.host)

        async def is_out() -> bool:
            async with line_to(house) as line:
                await line.send(page)
                return (await line.answer()).status == 302

        assert [await is_out() for _ in range(8)] == [True] * 8


@pytest.mark.usefixtures("eager")
async def test_a_replaced_wechat_is_out_at_once(open_house: Open) -> None:
    """Its WebSocket is cut by the confirmation on the other one, not by the proof before it."""
    house = await open_house(bindings='cache_ttl = "100ms"\non_conflict = "replace"')
    old = await house.signed_in()
    new = house.browser()
    answer = await house.dance(new, "/", "alice")
    async with line_to(house) as line:
        serving(house, echo)
        await opened(line, old)
        house.upstream.talk = None
        asked = await house.bind(new, answer.get("location") or "", "xiaoming")
        assert asked.status == 409
        await line.send(b"still")
        assert await said(line, 5) == b"still"
        done = await new.post("/_gateway/bind/replace", f"ticket={ticket_in(asked)}".encode())
        assert done.status == 303
        await was_cut(line)
    await until(lambda: house.upstream.active == 0, "the upstream was not told")
