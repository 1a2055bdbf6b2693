"""Limits beside every buffer and every wait: each has its answer, and what is over it goes nowhere."""

import asyncio
import json
import socket
import time

import pytest

from .carrying import as_user, ask, at_rest, line_to, logged, own_host, request, until
from .conftest import House, Open
from .raw import PATIENCE, Line
from .upstream import Seen, canned

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


async def status_of(house: House, data: bytes) -> int:
    """What these bytes are answered with; the connection ends behind it without a reset that eats the answer."""
    async with line_to(house) as line:
        line.writer.write(data)
        return (await line.answer()).status


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("GET", "/public/" + "a" * 16_300), 200),
        (request("GET", "/public/" + "a" * 16_400), 414),
        (b"GET /" + b"a" * 200_000, 414),
        (request("GET", "/public/x", "X: " + "a" * 65_000), 200),
        (request("GET", "/public/x", "X: " + "a" * 66_000), 431),
        (request("GET", "/public/x", *(f"X-{n}: {'a' * 1000}" for n in range(70))), 431),
        (b"GET /public/x HTTP/1.1\r\nHost: gw.test\r\nX: " + b"a" * 300_000, 431),
        (request("GET", "/public/x", *(f"X-{n}: a" for n in range(199))), 200),
        (request("GET", "/public/x", *(f"X-{n}: a" for n in range(200))), 431),
    ],
)
async def test_a_head_has_its_limits(house: House, data: bytes, status: int) -> None:
    """64 KB in all, 16 KB for the target, 200 fields; what fits, fits."""
    house.upstream.respond = canned(OK)
    assert await status_of(house, data) == status
    assert len(house.upstream.seen) == (1 if status == 200 else 0)
    await at_rest(house)


@pytest.mark.parametrize("slow", [False, True])
async def test_a_head_has_a_total_deadline(open_house: Open, slow: bool) -> None:
    """A head that does not end is a 408, however often another byte of it comes."""
    house = await open_house(limits='head_timeout = "400ms"')
    async with line_to(house) as line:
        began = time.monotonic()
        await line.send(b"GET /public/x HTTP/1.1\r\nHost: gw.test\r\nX: ")
        answer = asyncio.get_running_loop().create_task(line.answer())
        while slow and not answer.done():
            line.writer.write(b"a")
            await asyncio.sleep(0.02)
        assert (await answer).status == 408
        assert 0.3 < time.monotonic() - began < 3
        assert await line.ended() == b""
    await at_rest(house)


async def test_idle_connections_are_closed(open_house: Open) -> None:
    """Those that never said anything, and those that were kept alive: without a word."""
    house = await open_house(limits='idle_timeout = "300ms"')
    async with line_to(house) as silent, line_to(house) as kept:
        await kept.send(request())
        assert (await kept.answer()).status == 200
        assert await silent.ended() == b""
        assert await kept.ended() == b""
    await at_rest(house)


async def test_a_body_that_stops_coming_is_a_408(open_house: Open) -> None:
    """And the upstream does not get it for a whole one."""
    house = await open_house(limits='body_timeout = "300ms"')
    async with line_to(house) as line:
        await line.send(request("POST", "/public/x", "Content-Length: 10") + b"12345")
        assert (await line.answer()).status == 408
        assert await line.ended() == b""
    assert house.upstream.seen == []
    await at_rest(house)


async def test_an_upstream_that_does_not_read_is_a_504(open_house: Open) -> None:
    """The client is not to blame if nobody takes its body."""
    house = await open_house(limits='body_timeout = "400ms"')
    done = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await done.wait()

    house.upstream.talk = talk
    async with line_to(house) as line:
        await line.send(request("POST", "/public/x", f"Content-Length: {1 << 26}"))
        pump = asyncio.get_running_loop().create_task(_pump(line.writer, 1 << 26))
        assert (await line.answer()).status == 504
        pump.cancel()
    done.set()
    await at_rest(house)


async def _pump(writer: asyncio.StreamWriter, size: int) -> None:
    piece = bytes(1 << 16)
    try:
        for _ in range(size // len(piece)):
            writer.write(piece)
            await writer.drain()
    except ConnectionError:
        pass


async def test_a_client_that_does_not_read_is_cut_off(open_house: Open) -> None:
    """An answer that nobody takes ends: the upstream is let go, the log says that the client was too slow."""
    house = await open_house(limits='body_timeout = "300ms"', legacy='response_timeout = "300ms"')

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 30))
        while True:
            writer.write(bytes(1 << 16))
            await writer.drain()

    house.upstream.respond = respond
    front = house.gateway._front
    assert front is not None
    for upstream in front._carrier.upstreams.values():
        object.__setattr__(upstream, "idle_timeout", 0.4)  # the configuration allows no less than a minute
    async with line_to(house) as line:
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        line.writer.write(request())
        await at_rest(house)
    assert '"reason":"request_timeout"' in await logged(house, "/public/x")
    await until(lambda: house.upstream.active == 0, "the upstream is still sending")


async def _last_bytes_left(house: House, line: Line, fields: tuple[str, ...]) -> int:
    """Ask for an answer that the gateway holds whole while the client has not read it. Its length."""
    size = 4 << 20

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + bytes(size))
        await reader.read()

    house.upstream.talk = talk
    front = house.gateway._front
    assert front is not None
    await until(lambda: len(front.connections) == 1, "not connected")
    (client,) = front.connections
    client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 14)
    client.transport.set_write_buffer_limits(high=size * 2)
    line.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await line.send(request("POST", "/public/x", *fields))
    await until(lambda: client.carried == 1, "the answer is not complete")
    assert client.transport.get_write_buffer_size() > 1 << 16
    return size


LAST = pytest.mark.parametrize(
    "fields", [("Connection: close",), (), ("Content-Length: 5",)], ids=["close", "kept alive", "early answer"]
)


@LAST
async def test_the_last_bytes_of_an_answer_are_not_waited_for_for_ever(
    open_house: Open, fields: tuple[str, ...]
) -> None:
    """The upstream has finished, the client does not read what is left: it is cut off."""
    house = await open_house(limits='body_timeout = "300ms"\nidle_timeout = "300ms"')
    async with line_to(house) as line:
        await _last_bytes_left(house, line, fields)
        await at_rest(house)


@LAST
async def test_a_slow_reader_gets_the_last_bytes_as_long_as_it_reads(open_house: Open, fields: tuple[str, ...]) -> None:
    """The deadline is for progress, not for the whole."""
    house = await open_house(limits='body_timeout = "400ms"\nidle_timeout = "300ms"')
    async with line_to(house) as line:
        size = await _last_bytes_left(house, line, fields)
        line.writer.transport.resume_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(PATIENCE):
            assert (await line.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
            received = 0
            while received < size and (piece := await line.reader.read(size // 24)):
                received += len(piece)
                await asyncio.sleep(0.03)
        assert received == size
        assert await line.ended() == b""
    await at_rest(house)


async def test_a_client_that_only_asks_and_never_reads_is_not_answered_without_end(house: House) -> None:
    """Pipelined requests are not begun while answers pile up: memory stays bounded."""
    async with line_to(house) as line:
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        stopped = asyncio.Event()
        line.writer.transport.set_write_buffer_limits(high=1 << 16)
        pump = asyncio.get_running_loop().create_task(_requests(line.writer, stopped))
        front = house.gateway._front
        assert front is not None
        await until(lambda: len(front.connections) == 1, "not connected")
        client = next(iter(front.connections))
        most = 0
        while not stopped.is_set():
            most = max(most, client.transport.get_write_buffer_size() + len(client._buffer))
            await asyncio.sleep(0.01)
        pump.cancel()
        assert most < 1 << 20
        line.writer.transport.abort()
    await at_rest(house)


async def _requests(writer: asyncio.StreamWriter, stopped: asyncio.Event) -> None:
    """Ask until the gateway takes no more for a while."""
    piece = request("GET", "/nobody", host="x") * 500
    try:
        for _ in range(2000):
            writer.write(piece)
            async with asyncio.timeout(0.5):
                await writer.drain()
    except (TimeoutError, ConnectionError):
        pass
    stopped.set()


async def test_a_reader_that_comes_back_gets_all_pipelined_answers(house: House) -> None:
    """The same flood, read in the end: every request is answered, in order."""
    async with line_to(house) as line:
        line.writer.transport.pause_reading()  # type: ignore[attr-defined]
        count = 20_000
        sending = asyncio.get_running_loop().create_task(
            _send_all(line.writer, request("GET", "/nobody", host="x") * count)
        )
        await asyncio.sleep(0.2)
        line.writer.transport.resume_reading()  # type: ignore[attr-defined]
        async with asyncio.timeout(PATIENCE * 2):
            statuses = {(await line.answer()).status for _ in range(count)}
        await sending
        assert statuses == {421}
    await at_rest(house)


async def _send_all(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(data)
    await writer.drain()


async def test_a_body_over_the_policys_limit_is_refused_before_anything_goes_upstream(house: House) -> None:
    """By its Content-Length."""
    browser = await house.signed_in()
    seen = len(house.upstream.seen)
    for size, status in ((1024, 200), (1025, 413)):
        answer = await ask(house, as_user(browser, "POST", "/small/x", body=b"x" * size))
        assert answer.status == status
    assert answer.get("connection") == "close"
    assert len(house.upstream.seen) == seen + 1
    await at_rest(house)


async def test_a_chunked_body_over_the_limit_never_looks_whole_to_the_upstream(house: House) -> None:
    """It is cut off in the middle, the client gets its 413."""
    browser = await house.signed_in()
    seen = len(house.upstream.seen)
    async with line_to(house) as line:
        await line.send(as_user(browser, "POST", "/small/x", "Transfer-Encoding: chunked"))
        for _ in range(5):
            await line.send(b"100\r\n" + b"x" * 256 + b"\r\n")
            await asyncio.sleep(0.02)
        await line.send(b"0\r\n\r\n")
        answer = await line.answer()
        assert answer.status == 413
        assert await line.ended() == b""
    await at_rest(house)
    assert len(house.upstream.seen) == seen


@pytest.mark.parametrize(
    "bad", [b"zz\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"-5\r\n", b"0\r\nbad trailer\r\n\r\n"]
)
async def test_broken_chunks_are_a_400_and_never_look_whole(house: House, bad: bytes) -> None:
    """Also when more follows: it is never read as a request."""
    async with line_to(house) as line:
        await line.send(request("POST", "/public/x", "Transfer-Encoding: chunked") + b"3\r\nabc\r\n" + bad)
        await line.send(request("GET", "/public/smuggled"))
        assert (await line.answer()).status == 400
        assert await line.ended() == b""
    await at_rest(house)
    assert house.upstream.seen == []


async def test_too_many_connections_are_answered_503(open_house: Open) -> None:
    """With Retry-After; when one leaves, the next is served."""
    house = await open_house(limits="max_connections = 2")
    async with line_to(house) as first, line_to(house) as second:
        for line in (first, second):
            await line.send(request())
            assert (await line.answer()).status == 200
        async with line_to(house) as third:
            answer = await third.answer()
            assert answer.status == 503
            assert answer.get("retry-after")
            assert await third.ended() == b""
        await first.close()
        front = house.gateway._front
        assert front is not None
        await until(lambda: len(front.connections) == 1, "the place is not free")
        assert await status_of(house, request()) == 200
    await at_rest(house)


async def test_memory_of_names_and_cookies_is_bounded(house: House) -> None:
    """Strangers choose field names and cookies; neither long names nor cookies without a session are remembered."""
    front = house.gateway._front
    assert front is not None
    authorizer = front._carrier.authorizer
    async with line_to(house) as line:
        for number in range(50):
            fields = (f"X-{number:0>60000}: 1", f"Cookie: gateway_session=x{number}")
            await line.send(request("GET", "/nobody", *fields, host=own_host(house)))
            assert (await line.answer()).status in (302, 401)
        (client,) = front.connections
        assert max(map(len, client._names)) < 1000
    assert len(authorizer) == 0
    await at_rest(house)


async def test_every_answer_of_ours_names_its_request(house: House) -> None:
    """Also the refusal of what is not HTTP: constant text, an id, nothing of what was sent."""
    async with line_to(house) as line:
        line.writer.write(b"<script>alert(1)</script>\r\n\r\n")
        answer = await line.answer()
    assert answer.status == 400
    body = json.loads(answer.body)
    assert set(body) == {"error", "request_id"}
    assert body["error"] == "bad_request"
    await logged(house, body["request_id"])
