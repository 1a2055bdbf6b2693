"""Bodies and connections through the real gateway: every framing in both directions, kept alive on both sides."""

import asyncio

import pytest

from .carrying import as_user, ask, at_rest, line_to, own_host, request
from .conftest import House, claims_in
from .raw import PATIENCE
from .upstream import Seen, canned

CHUNKED = "Transfer-Encoding: chunked"


async def test_both_sides_are_kept_alive(house: House) -> None:
    """Many requests of one client travel over one connection down and one connection up."""
    async with line_to(house) as line:
        for number in range(20):
            await line.send(request("GET", f"/public/{number}"))
            assert (await line.answer()).status == 200
    assert [seen.target for seen in house.upstream.seen] == [f"/public/{number}" for number in range(20)]
    assert house.upstream.connections == 1
    await at_rest(house)


async def test_the_connection_used_last_is_used_first(house: House) -> None:
    """LIFO: after a burst over several connections, one client's requests all take the same one."""
    held = asyncio.Barrier(4)

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.target == "/public/burst":
            await held.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        return True

    house.upstream.respond = respond
    await asyncio.gather(*(ask(house, request("GET", "/public/burst")) for _ in range(4)))
    assert house.upstream.connections == 4
    for _ in range(6):
        await ask(house, request("GET", "/public/calm"))
    calm = {seen.connection for seen in house.upstream.seen if seen.target == "/public/calm"}
    assert len(calm) == 1
    await at_rest(house)


@pytest.mark.parametrize(
    ("fields", "wire", "body", "chunked"),
    [
        (["Content-Length: 5"], b"hello", b"hello", False),
        (["Content-Length: 0"], b"", b"", False),
        ([CHUNKED], b"5\r\nhello\r\n6;ext=1\r\n world\r\n0\r\n\r\n", b"hello world", True),
        ([CHUNKED], b"0\r\n\r\n", b"", True),
    ],
)
async def test_request_bodies_arrive_as_they_were_framed(
    house: House, fields: list[str], wire: bytes, body: bytes, chunked: bool
) -> None:
    """Fixed stays fixed, chunked stays chunked, the payload is the same and the next request is read behind it."""
    async with line_to(house) as line:
        await line.send(request("POST", "/public/a", *fields) + wire + request("GET", "/public/b"))
        assert (await line.answer()).status == 200
        assert (await line.answer()).status == 200
    first, second = house.upstream.seen
    assert (first.body, first.chunked) == (body, chunked)
    assert first.get("content-length") == (None if chunked else str(len(body)))
    assert second.target == "/public/b"
    await at_rest(house)


async def test_a_body_in_pieces_is_the_same_body(house: House) -> None:
    """Byte by byte, across chunk headers and heads."""
    wire = request("POST", "/public/a", CHUNKED) + b"a\r\n0123456789\r\n1\r\nx\r\n0\r\nTrailer: 1\r\n\r\n"
    async with line_to(house) as line:
        for index in range(len(wire)):
            await line.send(wire[index : index + 1])
            await asyncio.sleep(0)
        assert (await line.answer()).status == 200
    assert house.upstream.seen[0].body == b"0123456789x"
    assert house.upstream.seen[0].all("trailer") == []
    await at_rest(house)


@pytest.mark.parametrize(
    ("response", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", b"hello"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x\r\nlo\r\n0\r\nA: b\r\n\r\n", b"hello"),
        (b"HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", b"ok"),
    ],
)
async def test_responses_arrive_whole_and_the_client_is_kept_alive(house: House, response: bytes, body: bytes) -> None:
    """Whatever framing the upstream chose, an HTTP/1.1 client gets the payload, no trailer, and may go on."""
    house.upstream.respond = canned(
        response, keep=b"lose" not in response and b"HTTP/1.0 200 OK\r\n\r\n" not in response
    )
    async with line_to(house) as line:
        for _ in range(2):
            await line.send(request())
            answer = await line.answer()
            assert answer.complete
            assert answer.body == body
            assert answer.get("trailer") is None
            assert answer.get("connection") is None
    await at_rest(house)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
)
async def test_head_has_no_body_whatever_the_fields_say(house: House, response: bytes) -> None:
    """The connection is usable at once, on both sides; Content-Length is told."""
    house.upstream.respond = canned(response)
    async with line_to(house) as line:
        for _ in range(2):
            await line.send(request("HEAD"))
            answer = await line.answer("HEAD")
            assert answer.status == 200
            assert answer.get("content-length") == ("1000" if b"1000" in response else None)
    assert house.upstream.connections == 1
    await at_rest(house)


@pytest.mark.parametrize(
    "response",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    ],
)
async def test_204_and_304_have_no_body(house: House, response: bytes) -> None:
    """Neither side waits for one; a 204 has no Content-Length (RFC 9110 8.6)."""
    house.upstream.respond = canned(response)
    async with line_to(house) as line:
        for _ in range(2):
            await line.send(request())
            answer = await line.answer()
            assert answer.status in (204, 304)
            assert answer.get("transfer-encoding") is None
            if answer.status == 204:
                assert answer.get("content-length") is None
    assert house.upstream.connections == 1
    await at_rest(house)


async def test_interim_responses_are_dropped(house: House) -> None:
    """100, 102 and 103 that nobody asked for do not reach the client; the final response does."""
    interim = (
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    )
    house.upstream.respond = canned(interim + b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    async with line_to(house) as line:
        await line.send(request())
        head = await line.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert b"Link" not in head
    await at_rest(house)


@pytest.mark.parametrize(
    "flood", [b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", b"HTTP/1.1 100 C\r\n\r\n" * 50]
)
async def test_101_unasked_and_a_flood_of_interim_responses_are_502(house: House, flood: bytes) -> None:
    """An upstream cannot switch protocols on its own, nor talk for ever before it answers."""
    house.upstream.respond = canned(flood)
    answer = await ask(house, request("GET", "/public/x", "Upgrade: x", "Connection: upgrade"))
    assert answer.status == 502
    assert house.upstream.seen[0].all("upgrade") == []
    await at_rest(house)


async def test_an_anonymous_post_gets_its_401_without_100(house: House) -> None:
    """100-continue follows the decision: nobody uploads a file to be told to sign in."""
    async with line_to(house) as line:
        await line.send(request("POST", "/api/x", "Expect: 100-continue", "Content-Length: 9", host=own_host(house)))
        async with asyncio.timeout(PATIENCE):
            head = await line.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 401 ")
    assert house.upstream.seen == []
    await at_rest(house)


async def test_a_bound_post_gets_100_and_then_its_answer(house: House) -> None:
    """And the upstream never sees the Expect."""
    browser = await house.signed_in()
    async with line_to(house) as line:
        await line.send(as_user(browser, "POST", "/api/x", "Expect: 100-continue", "Content-Length: 5"))
        assert await line.interim() == 100
        await line.send(b"hello")
        answer = await line.answer()
    assert answer.status == 200
    assert claims_in(answer)["sub"] == "1001"
    assert house.upstream.seen[-1].body == b"hello"
    assert house.upstream.seen[-1].all("expect") == []


async def test_a_body_over_the_limit_is_refused_instead_of_100(house: House) -> None:
    """The length was announced: nothing is asked for, nothing goes upstream."""
    browser = await house.signed_in()
    seen = len(house.upstream.seen)
    async with line_to(house) as line:
        await line.send(as_user(browser, "POST", "/small/x", "Expect: 100-continue", "Content-Length: 1025"))
        async with asyncio.timeout(PATIENCE):
            assert (await line.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
    assert len(house.upstream.seen) == seen


async def test_pipelined_requests_are_answered_in_order(house: House) -> None:
    """Also when the first answers come last from the upstream, and when half of the last one comes later."""

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        body = seen.target.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        return True

    house.upstream.respond = respond
    wire = b"".join(request("POST", f"/public/{number}", body=b"x" * number) for number in range(1, 30))
    async with line_to(house) as line:
        await line.send(wire[:-3])
        for number in range(1, 29):
            assert (await line.answer()).body == b"/public/%d" % number
        await line.send(wire[-3:])
        assert (await line.answer()).body == b"/public/29"
    await at_rest(house)


async def test_empty_lines_before_a_request_are_ignored_however_they_are_split(house: House) -> None:
    """RFC 9112 2.2. A packet may end between CR and LF."""
    async with line_to(house) as line:
        for piece in (b"\r\n", b"\r", b"\n\r\n\r", b"\n" + request()):
            await line.send(piece)
            await asyncio.sleep(0.02)
        assert (await line.answer()).status == 200
    await at_rest(house)


async def test_a_flood_of_empty_lines_costs_next_to_nothing(house: House) -> None:
    """A megabyte of them is skipped at once, not line by line over the rest."""
    async with line_to(house) as line:
        await line.send(b"\r\n" * 500_000 + request())
        async with asyncio.timeout(2):
            assert (await line.answer()).status == 200
    await at_rest(house)


async def test_http_1_0_gets_a_body_that_ends_with_the_connection(house: House) -> None:
    """No chunked coding for HTTP/1.0, and no keep-alive unless it is asked for."""
    house.upstream.respond = canned(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    async with line_to(house) as line:
        await line.send(request(version="1.0"))
        answer = await line.answer()
        assert answer.get("transfer-encoding") is None
        assert answer.get("connection") == "close"
        assert answer.body == b"abc"
        assert await line.ended() == b""
    await at_rest(house)


async def test_http_1_0_is_kept_alive_if_it_asks(house: House) -> None:
    """With a length to tell where the body ends; the upstream is spoken to in HTTP/1.1."""
    async with line_to(house) as line:
        for _ in range(2):
            await line.send(request("GET", "/public/x", "Connection: keep-alive", version="1.0"))
            answer = await line.answer()
            assert answer.status == 200
            assert answer.get("connection") == "keep-alive"
    assert [seen.line for seen in house.upstream.seen] == ["GET /public/x HTTP/1.1"] * 2
    await at_rest(house)


async def test_connection_close_is_kept(house: House) -> None:
    """The client asked for it: one answer, then the end."""
    async with line_to(house) as line:
        await line.send(request("GET", "/public/x", "Connection: close"))
        answer = await line.answer()
        assert answer.get("connection") == "close"
        assert await line.ended() == b""
    await at_rest(house)


async def test_a_half_closed_client_gets_all_its_answers(house: House) -> None:
    """As `nc -N` sends: the requests, then the end of them."""
    async with line_to(house) as line:
        await line.send(request("GET", "/public/1") + request("POST", "/public/2", body=b"hello"))
        line.writer.write_eof()
        assert (await line.answer()).status == 200
        assert (await line.answer()).status == 200
        assert await line.ended() == b""
    assert [seen.target for seen in house.upstream.seen] == ["/public/1", "/public/2"]
    await at_rest(house)


@pytest.mark.parametrize("rest", [b"GET /public/2 HTTP/1.1\r\nHost", b"\r", b"\r\n"])
async def test_a_half_closed_client_that_stopped_in_a_head_is_let_go(house: House, rest: bytes) -> None:
    """What can no longer become a request is not waited for."""
    async with line_to(house) as line:
        await line.send(request() + rest)
        line.writer.write_eof()
        assert (await line.answer()).status == 200
        assert await line.ended() == b""
    await at_rest(house)
