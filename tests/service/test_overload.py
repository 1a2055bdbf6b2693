"""A worker that cannot keep up refuses early, cheaply and politely, and stops as soon as it can."""

import asyncio

from gateway.wire.overload import Overload

from .carrying import ask, at_rest, line_to, request, until
from .conftest import House, Open
from .raw import Browser


def overload_of(house: House) -> Overload:
    """What the gateway's front looks at."""
    front = house.gateway._front
    assert front is not None
    return front._overload


def overloaded(house: House) -> None:
    """From now on every request is one too many, until the next measurements say otherwise."""
    overload = overload_of(house)
    overload.share, overload.shedding = 1.0, True


async def test_a_refused_request_is_a_503_that_goes_nowhere(house: House) -> None:
    """As JSON or as a page, with Retry-After; counted, and neither routed nor carried."""
    overloaded(house)
    answer = await ask(house, request())
    assert answer.status == 503
    assert answer.get("retry-after") == "5"
    assert answer.get("cache-control") == "no-store"
    assert b'"error":"overloaded"' in answer.body
    overloaded(house)
    page = await ask(house, request("GET", "/public/x", "Accept: text/html", "Sec-Fetch-Mode: navigate"))
    assert page.status == 503
    assert b"<html" in page.body
    overloaded(house)
    assert (await ask(house, request("HEAD", "/public/x"), "HEAD")).body == b""
    assert house.upstream.seen == []
    admin = Browser(int(house.gateway.admin_address.rpartition(":")[2]))
    metrics = (await admin.get("/metrics")).body.decode()
    assert 'gateway_requests_total{code="5xx",reason="overloaded",route="-"} 3.0' in metrics
    assert "gateway_loop_lag_seconds" in metrics
    await at_rest(house)


async def test_a_refused_connection_rests_and_is_served_again(house: House) -> None:
    """What it asks meanwhile is answered afterwards, in order."""
    async with line_to(house) as line:
        overloaded(house)
        await line.send(request())
        assert (await line.answer()).status == 503
        overload_of(house).share = 0.0
        overload_of(house).shedding = False
        before = asyncio.get_running_loop().time()
        await line.send(request() + request("GET", "/public/y"))
        assert (await line.answer()).status == 200
        assert asyncio.get_running_loop().time() - before > 0.5
        assert (await line.answer()).status == 200
    assert [seen.target for seen in house.upstream.seen] == ["/public/x", "/public/y"]
    await at_rest(house)


async def test_a_refused_body_is_not_read(house: House) -> None:
    """Its answer is the connection's last; a client that leaves while it rests leaves nothing behind."""
    overloaded(house)
    answer = await ask(house, request("POST", "/public/x", body=b"x" * 1000))
    assert (answer.status, answer.get("connection")) == (503, "close")
    overloaded(house)
    async with line_to(house) as line:
        await line.send(request())
        assert (await line.answer()).status == 503
    await at_rest(house)
    assert house.upstream.seen == []


async def test_a_refused_body_in_chunks_may_still_be_on_its_way(house: House) -> None:
    """Also behind fields that are well known: the connection is read on, so that no reset can eat the answer."""
    data = request("POST", "/public/x", "Transfer-Encoding: chunked")
    async with line_to(house) as line:
        for _ in range(2):
            await line.send(data + b"0\r\n\r\n")
            assert (await line.answer()).status == 200
        [client] = house.gateway._lasting.clients.connections
        overloaded(house)
        await line.send(data + b"5\r\nhe")
        answer = await line.answer()
        assert (answer.status, answer.get("connection")) == (503, "close")
        assert not client.transport.is_closing()
    await at_rest(house)


async def test_our_own_pages_come_last(house: House) -> None:
    """A person within a login is refused only where nearly everybody is."""
    overload = overload_of(house)
    asked = iter([0.5, 0.99])
    overload._random = lambda: next(asked, 0.5)
    overload.share, overload.shedding = 0.9, True
    assert (await ask(house, request("GET", "/_gateway/jwks.json"))).status == 200
    overload.share, overload.shedding = 0.9, True
    assert (await ask(house, request("GET", "/_gateway/jwks.json"))).status == 503


async def test_a_stop_does_not_wait_for_those_that_rest_for_long(house: House) -> None:
    """The rest is a second, and then the connection ends."""
    async with line_to(house) as line:
        overloaded(house)
        await line.send(request())
        assert (await line.answer()).status == 503
        await house.gateway.stop()
        assert await line.ended() == b""


async def test_more_requests_than_an_upstream_may_have_are_refused_at_once(open_house: Open) -> None:
    """They do not wait for the others, which go on; then there is room again."""
    house: House = await open_house(limits="max_requests = 2")
    going = asyncio.Event()

    async def respond(seen: object, writer: asyncio.StreamWriter) -> bool:
        await going.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True

    house.upstream.respond = respond
    async with line_to(house) as one, line_to(house) as two:
        await one.send(request())
        await two.send(request())
        await until(lambda: len(house.upstream.seen) == 2, "not carried")
        answer = await ask(house, request())
        assert (answer.status, answer.get("retry-after")) == (503, "5")
        going.set()
        assert (await one.answer()).status == (await two.answer()).status == 200
    assert (await ask(house, request())).status == 200
    await at_rest(house)
