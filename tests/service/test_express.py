"""Requests that repeat those before them: whoever they are from, they get what a first request would get."""

import asyncio
import contextlib
import json
import socket
import sqlite3

import pytest

from gateway.proxy.express import finding
from gateway.wire.ending import reset

from .carrying import ask, at_rest, line_to, request, until
from .conftest import House, Open, claims_in
from .raw import Answer, Browser, Line
from .upstream import Seen

TIMES = 4


def page(browser: Browser, target: str = "/") -> bytes:
    """The same navigation each time."""
    jar = "; ".join(f"{name}={value}" for name, value in browser.jar.items())
    fields = ("Accept: text/html", "Sec-Fetch-Mode: navigate", f"Cookie: {jar}")
    return request("GET", target, *fields, host=browser.host)


async def ask_often(line: Line, data: bytes, times: int = TIMES) -> list[Answer]:
    """The same request again and again, on one connection."""
    answers = []
    for _ in range(times):
        await line.send(data)
        answers.append(await line.answer())
    return answers


async def test_answers_repeat_but_for_their_ids(house: House) -> None:
    """Every answer is whole and has an id of its own, which the upstream saw too."""
    async with line_to(house) as line:
        answers = await ask_often(line, request("GET", "/public/x?a=1"))
    ids = [answer.get("x-request-id") for answer in answers]
    assert len(set(ids)) == TIMES
    assert [seen.get("x-request-id") for seen in house.upstream.seen] == ids
    assert {seen.target for seen in house.upstream.seen} == {"/public/x?a=1"}
    fields = [sorted((name, value) for name, value in answer.fields if name != "X-Request-Id") for answer in answers]
    assert all(each == fields[0] for each in fields)
    assert len({answer.body for answer in answers}) == 1
    await at_rest(house)


async def test_two_people_on_one_connection_stay_two(house: House) -> None:
    """As behind a proxy that mixes people's requests."""
    ming, hong = await house.signed_in("xiaoming"), await house.signed_in("xiaohong")
    async with line_to(house) as line:
        for _ in range(TIMES):
            for browser, user in ((ming, "1001"), (hong, "1002")):
                await line.send(page(browser))
                assert claims_in(await line.answer())["sub"] == user
    await at_rest(house)


async def test_every_line_of_the_same_person_is_routed(house: House) -> None:
    """Same fields, other targets: each under its own route's policy."""
    browser = await house.signed_in()
    async with line_to(house) as line:
        for _ in range(TIMES):
            for target, route in (("/a", "app"), ("/api/a", "api"), ("/public/a", None), ("/b?c", "app")):
                await line.send(page(browser, target))
                claims = claims_in(await line.answer())
                assert (claims["route"] if claims else None) == route
            await line.send(page(browser, "/public/../a"))
            assert (await line.answer()).status == 400


@pytest.mark.parametrize("ending", ["logout", "unbind"])
async def test_an_ended_session_is_refused_on_the_very_next_request(house: House, ending: str) -> None:
    """What was remembered of it is not used again."""
    browser = await house.signed_in()
    async with line_to(house) as line:
        for answer in await ask_often(line, page(browser)):
            assert claims_in(answer)["sub"] == "1001"
        before = page(browser)
        assert (await browser.post(f"/_gateway/{ending}", b"")).status == 303
        seen = len(house.upstream.seen)
        for answer in await ask_often(line, before):
            assert answer.status == 302
        assert len(house.upstream.seen) == seen


async def test_another_address_is_told_as_such(house: House) -> None:
    """The same bytes from two addresses: X-Forwarded-For is each one's own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port, local_addr=("127.0.0.2", 0))
    other = Line(reader, writer)
    async with line_to(house) as line:
        for _ in range(TIMES):
            for each, address in ((line, "127.0.0.1"), (other, "127.0.0.2")):
                await each.send(request())
                assert (await each.answer()).status == 200
                assert house.upstream.seen[-1].get("x-forwarded-for") == address
    await other.close()


async def test_a_listed_proxys_word_counts_for_its_own_requests_only(open_house: Open) -> None:
    """The very same bytes from a listed proxy and from a stranger: each is routed by the host that counts for it."""
    routes = "".join(
        f'[[routes]]\nid = "{name}"\nhosts = ["{host}"]\npolicy = "public"\nupstream = "legacy"\n'
        for name, host in (("stranger", "gw.test"), ("listed", "behind.test"))
    )
    house = await open_house(routes, server='trusted_proxies = ["127.0.0.1/32"]')
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port, local_addr=("127.0.0.2", 0))
    stranger = Line(reader, writer)
    data = request("GET", "/x", "X-Forwarded-Host: behind.test", "X-Forwarded-For: 192.0.2.7")
    async with line_to(house) as listed:
        for _ in range(TIMES):
            for line, host, address in (
                (listed, "behind.test", "192.0.2.7, 127.0.0.1"),
                (stranger, "gw.test", "127.0.0.2"),
            ):
                await line.send(data)
                assert (await line.answer()).status == 200
                seen = house.upstream.seen[-1]
                assert (seen.get("host"), seen.get("x-forwarded-for")) == (host, address)
    await stranger.close()


async def test_a_listed_proxys_request_id_is_kept_each_time(open_house: Open) -> None:
    """Also when it comes again with the very same fields, as a proxy repeats a request or asks after our health."""
    house = await open_house(server='trusted_proxies = ["127.0.0.1/32"]')
    async with line_to(house) as line:
        answers = await ask_often(line, request("GET", "/public/x", "X-Request-Id: a-proxys-own-id"))
    assert [answer.get("x-request-id") for answer in answers] == ["a-proxys-own-id"] * TIMES
    assert [seen.get("x-request-id") for seen in house.upstream.seen] == ["a-proxys-own-id"] * TIMES
    await at_rest(house)


async def test_what_cannot_be_identified_is_told_so_each_time(open_house: Open) -> None:
    """An identity that is too large is a 500 on a connection that goes on, also for the second request."""
    headers = "".join(f'X-Name-{number} = "name"\n' for number in range(300))
    house = await open_house(policies={"plain": f'access = "bound"\n[headers]\n{headers}'})
    browser = await house.signed_in()
    async with line_to(house) as line:
        for answer in await ask_often(line, page(browser, "/plain/x")):
            assert answer.status == 500
    assert not any(seen.target == "/plain/x" for seen in house.upstream.seen)
    await at_rest(house)


async def test_the_limit_of_a_head_holds_for_known_fields_too(open_house: Open) -> None:
    """A longer line in front of them may be too much."""
    house = await open_house(limits='max_head = "1KB"')
    fields = f"X-Some: {'x' * 700}"
    async with line_to(house) as line:
        for answer in await ask_often(line, request("GET", "/public/x", fields)):
            assert answer.status == 200
        await line.send(request("GET", f"/public/{'y' * 400}", fields))
        assert (await line.answer()).status == 431
    await at_rest(house)


BODIES = {
    "a length": [("Content-Length: 5",), b"hello"],
    "chunks": [("Transfer-Encoding: chunked",), b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"],
    "no chunk": [("Transfer-Encoding: chunked",), b"0\r\n\r\n"],
}


@pytest.mark.parametrize("framing", BODIES)
async def test_bodies_arrive_whole_however_they_come(house: House, framing: str) -> None:
    """In one read with the head, behind it, and with the next request behind them."""
    fields, body = BODIES[framing]
    payload = b"" if framing == "no chunk" else b"hello"
    data = request("POST", "/public/x", *fields)  # type: ignore[misc]
    async with line_to(house) as line:
        for pieces in ([data + body], [data, body], [data + body[:3], body[3:]], [data + body + data + body]):
            for _ in range(TIMES):
                house.upstream.seen.clear()
                for piece in pieces:
                    await line.send(piece)  # type: ignore[arg-type]
                    await asyncio.sleep(0.005 * (len(pieces) - 1))  # so that they arrive one by one
                for _ in range(2 if pieces[0].startswith(data + body + data) else 1):
                    assert (await line.answer()).status == 200
                assert [seen.body for seen in house.upstream.seen] == [payload] * len(house.upstream.seen)
    await at_rest(house)


@pytest.mark.parametrize(
    ("fields", "body", "status"),
    [
        (("Transfer-Encoding: chunked",), b"5\nhello\r\n0\r\n\r\n", 400),
        (("Transfer-Encoding: chunked",), b"30\r\n" + b"x" * 48 + b"\r\n0\r\n\r\n", 413),
        (("Content-Length: 48",), b"x" * 48, 413),
    ],
)
async def test_bad_bodies_are_refused_after_good_ones(
    open_house: Open, fields: tuple[str, ...], body: bytes, status: int
) -> None:
    """What passed before says nothing of this one."""
    house = await open_house(policies={"public": 'access = "public"\nmax_body = "40B"\n'})
    good = b"5\r\nhello\r\n0\r\n\r\n" if "chunked" in fields[0] else b""
    async with line_to(house) as line:
        if good:
            for _ in range(TIMES):
                await line.send(request("POST", "/public/x", *fields) + good)
                assert (await line.answer()).status == 200
        await line.send(request("POST", "/public/x", *fields) + body)
        assert (await line.answer()).status == status
    assert b"x" * 48 not in bytes(house.upstream.raw)
    await at_rest(house)


@pytest.mark.parametrize("methods", [("GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT")])
async def test_the_same_fields_under_other_methods(house: House, methods: tuple[str, ...]) -> None:
    """Each request arrives as it was meant."""
    async with line_to(house) as line:
        for _ in range(TIMES):
            for method in methods:
                await line.send(request(method, "/public/x", "Content-Length: 0"))
                assert (await line.answer(method)).status == 200
    assert [seen.method for seen in house.upstream.seen] == list(methods) * TIMES


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
SURPRISES = {
    "in pieces": [OK[:9], OK[9:30], OK[30:41], OK[41:]],
    "interim": [b"HTTP/1.1 103 Early Hints\r\nContent-Length: 0\r\n\r\n", OK],
    "interim with it": [b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK],
    "chunked": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", b"0\r\n\r\n"],
    "closing": [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello"],
    "cookies": [b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 5\r\n\r\nhello"],
}


@pytest.mark.parametrize("surprise", SURPRISES)
async def test_a_surprise_after_many_plain_answers(house: House, surprise: str) -> None:
    """Whatever the upstream says differently, the client gets it, and the next plain answer."""
    pieces: list[bytes] = [OK]

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        mine = tuple(pieces)
        for piece in mine:
            writer.write(piece)
            await writer.drain()
            if len(mine) > 1:
                await asyncio.sleep(0.01)  # so that they arrive one by one
        return b"Connection: close" not in mine[0]

    house.upstream.respond = respond
    async with line_to(house) as line:
        for _ in range(2):
            pieces[:] = [OK]
            assert [answer.body for answer in await ask_often(line, request())] == [b"hello"] * TIMES
            pieces[:] = SURPRISES[surprise]
            for answer in await ask_often(line, request(), 2):
                assert (answer.status, answer.body, answer.complete) == (200, b"hello", True)
    await at_rest(house)


async def test_bytes_behind_a_whole_answer_reach_nobody(house: House) -> None:
    """The connection to such an upstream is not used again."""
    extra = b""

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(OK + extra)
        return True

    house.upstream.respond = respond
    async with line_to(house) as line:
        await ask_often(line, request())
        extra = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"
        for answer in await ask_often(line, request()):
            assert answer.body == b"hello"
    assert house.upstream.connections == TIMES
    await at_rest(house)


async def test_an_answer_to_head_is_not_taken_for_one_to_get(house: House) -> None:
    """A body behind the head of an answer to HEAD belongs to nobody."""

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(OK)
        return True

    house.upstream.respond = respond
    async with line_to(house) as line:
        for method in ("GET", "HEAD", "GET", "HEAD", "HEAD", "GET"):
            await line.send(request(method))
            answer = await line.answer(method)
            assert answer.status == 200
            assert answer.body == (b"" if method == "HEAD" else b"hello")
    await at_rest(house)


async def test_the_upstream_that_falls_silent_is_timed_out(open_house: Open) -> None:
    """After answers that came at once."""
    house = await open_house(legacy='response_timeout = "300ms"')
    silent = False

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if silent:
            await asyncio.Event().wait()
        writer.write(OK)
        return True

    house.upstream.respond = respond
    async with line_to(house) as line:
        await ask_often(line, request())
        silent = True
        await line.send(request())
        answer = await line.answer()
        assert answer.status == 504
        assert json.loads(answer.body)["error"] == "upstream_timeout"
    await at_rest(house)


async def test_a_client_that_leaves_is_let_go(house: House) -> None:
    """The upstream's connection too; the line in the log says 499."""
    asked = asyncio.Event()
    mute = False

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if mute:
            asked.set()
            with contextlib.suppress(ConnectionError):
                await asyncio.Event().wait()
        writer.write(OK)
        return True

    house.upstream.respond = respond
    async with line_to(house) as line:
        await ask_often(line, request())
        mute = True
        await line.send(request())
        await asked.wait()
        reset(line.writer.transport)
    await at_rest(house)
    await until(lambda: '"status":499' in house.log.read_text(), "not logged")


async def test_a_slow_reader_gets_all_of_it(house: House) -> None:
    """Answers that pile up hold back the next request, and none is lost."""
    big = b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + b"x" * 60000

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(big)
        return True

    house.upstream.respond = respond
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", house.port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=4096)
    line = Line(reader, writer)
    await line.send(request() * 40)
    for _ in range(40):
        assert len((await line.answer()).body) == 60000
    await line.close()
    await at_rest(house)


async def test_the_last_answers_of_a_stopping_gateway_say_so(house: House) -> None:
    """A connection that is to be closed is told by the answer that is under way."""
    going = asyncio.Event()
    going.set()

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        await going.wait()
        writer.write(OK)
        return True

    house.upstream.respond = respond
    async with line_to(house) as line:
        await ask_often(line, request())
        going.clear()
        await line.send(request())
        await until(lambda: len(house.upstream.seen) == TIMES + 1, "not asked")
        stopping = asyncio.get_running_loop().create_task(house.gateway.stop())
        await until(lambda: all(client.draining for client in house.gateway._front.connections), "not draining")  # type: ignore[union-attr]
        going.set()
        answer = await line.answer()
        assert (answer.body, answer.get("connection")) == (b"hello", "close")
        await stopping


async def test_metrics_and_log_count_every_one(house: House) -> None:
    """As many lines and as many requests in the metrics as were asked, with path and status."""
    async with line_to(house) as line:
        await ask_often(line, request("GET", "/public/coun%74ed;v=1?q=secret"), 10)
    await until(lambda: house.log.read_text().count('"path":"/public/coun%74ed;"') == 10, "not logged")
    lines = [json.loads(text) for text in house.log.read_text().splitlines() if "coun%74ed" in text]
    assert {(each["method"], each["route"], each["reason"], each["status"]) for each in lines} == {
        ("GET", "public", "public", 200)
    }
    assert "secret" not in house.log.read_text()
    reader, writer = await asyncio.open_connection(*_admin(house))
    writer.write(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    exposition = (await reader.read()).decode()
    writer.close()
    await writer.wait_closed()
    assert 'gateway_requests_total{code="2xx",reason="public",route="public"} 10.0' in exposition


@pytest.mark.parametrize("payload", [b"", b"hello"])
async def test_the_log_counts_payload_not_framing(house: House, payload: bytes) -> None:
    """Of a body in chunks too, every time."""
    chunks = b"%x\r\n%b\r\n" % (len(payload), payload) if payload else b""

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        return True

    house.upstream.respond = respond
    async with line_to(house) as line:
        assert [answer.body for answer in await ask_often(line, request())] == [payload] * TIMES
    await until(lambda: house.log.read_text().count('"route":"public"') == TIMES, "not logged")
    assert house.log.read_text().count(f'"sent":{len(payload)},') == TIMES
    await at_rest(house)


async def test_a_gateway_that_is_left_alone_forgets_nothing_it_should_keep(open_house: Open) -> None:
    """Beyond `cache_ttl` the store is asked again: an unbind behind our back ends the identity."""
    house = await open_house(bindings='cache_ttl = "100ms"')
    browser = await house.signed_in()
    async with line_to(house) as line:
        for answer in await ask_often(line, page(browser)):
            assert claims_in(answer)["sub"] == "1001"
        await _unbind_behind_our_back(house)

        async with asyncio.timeout(5):
            status = 0
            while status != 302:
                await line.send(page(browser))
                status = (await line.answer()).status


async def _unbind_behind_our_back(house: House) -> None:
    with contextlib.closing(sqlite3.connect(house.folder / "bindings.db", timeout=5)) as database, database:
        database.execute("delete from bindings")


def _admin(house: House) -> tuple[str, int]:
    host, _, port = house.gateway.admin_address.removeprefix("http://").rpartition(":")
    return host, int(port)


async def test_open_connections_hold_no_more_than_is_remembered(
    house: House, monkeypatch: pytest.MonkeyPatch, fast: bool
) -> None:
    """Each with fields of its own, asking for all there is: what one remembers of them is dropped with the memory."""
    monkeypatch.setattr(finding, "_LANES", 4)
    targets = ("/public/x", "/red/x", "/blue/x", "/optional/x")
    async with contextlib.AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(line_to(house)) for _ in range(10)]
        for _ in range(2):
            for number, line in enumerate(lines):
                for target in (*targets, *targets):
                    await line.send(request("GET", target, f"X-Number: {number}"))
                    assert (await line.answer()).status == 200
        lanes = {id(client.lane): client.lane for client in house.gateway._lasting.clients.connections}
        passages = sum(len(lane.passages) for lane in lanes.values() if lane is not None)
        heads = sum(hasattr(lane, "head") for lane in lanes.values() if lane is not None)
        assert passages <= 4 * len(targets)
        assert heads <= 4
        assert bool(passages) is fast
        for number, line in enumerate(lines):  # and who is forgotten is served
            await line.send(request("GET", "/public/x", f"X-Number: {number}"))
            assert (await line.answer()).status == 200
    await at_rest(house)


async def test_ask_and_repeat_on_new_connections(house: House) -> None:
    """What one connection taught, another may use."""
    for _ in range(TIMES):
        assert (await ask(house, request())).status == 200
    await at_rest(house)
