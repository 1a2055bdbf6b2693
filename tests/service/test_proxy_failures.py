"""What happens when a side breaks: the client always learns the truth, and nothing is left behind."""

import asyncio
import contextlib
import json
import os
import socket
import struct
from collections.abc import Iterator

import pytest

from .carrying import as_user, ask, at_rest, busy, line_to, logged, request, until
from .conftest import House, Open
from .raw import PATIENCE, Browser, Line
from .upstream import Seen, canned

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PARTIAL = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
]


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection by a reset."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


# --- the upstream ---------------------------------------------------------------------------------------


async def test_an_upstream_that_is_not_there_is_a_502(house: House) -> None:
    """Page or JSON, at once; nothing waits."""
    await house.upstream.stop()
    answer = await ask(house, request())
    assert answer.status == 502
    assert b'"error":"upstream_unreachable"' in answer.body
    await at_rest(house)


@contextlib.contextmanager
def never_accepting() -> Iterator[int]:
    """A port whose backlog is full: a connect to it hangs."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for each in fillers:
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        yield full.getsockname()[1]
        for each in fillers:
            each.close()


async def house_before(open_house: Open, port: int, connect_timeout: str) -> House:
    """A gateway whose only upstream is that port."""
    house: House = await open_house(
        routes=f'[[upstreams]]\nid = "full"\nservers = ["http://127.0.0.1:{port}"]\n'
        f'connect_timeout = "{connect_timeout}"\n'
        '[[routes]]\nid = "public"\npath = "/public"\npolicy = "public"\nupstream = "full"\n'
    )
    return house


def descriptors() -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd"))


async def test_an_upstream_that_does_not_accept_is_a_502(open_house: Open) -> None:
    """The connect times out, and its descriptor is not kept."""
    with never_accepting() as port:
        house = await house_before(open_house, port, "200ms")
        before = descriptors()
        assert (await ask(house, request())).status == 502
        await at_rest(house)
        await until(lambda: descriptors() <= before, "a descriptor was left open")


async def test_a_client_that_leaves_during_the_connect_ends_it(open_house: Open) -> None:
    """Nobody waits for a connection that nobody wants."""
    with never_accepting() as port:
        house = await house_before(open_house, port, "1h")
        before = descriptors()
        line = await house.line()
        await line.send(request())
        await until(lambda: bool(busy(house)), "not connecting")
        reset(line.writer)
        await at_rest(house)
        await until(lambda: descriptors() <= before, "a descriptor was left open")


async def test_an_upstream_that_does_not_answer_is_a_504(open_house: Open) -> None:
    """The client may go on; the upstream connection is not used again."""
    house = await open_house(legacy='response_timeout = "300ms"')

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.target == "/public/slow":
            writer.write(b"HTTP/1.1 200 OK\r\nX: ")
            while not writer.transport.is_closing():  # byte by byte: still no head
                writer.write(b"a")
                await asyncio.sleep(0.02)
        writer.write(OK)
        return True

    house.upstream.respond = respond
    async with line_to(house) as line:
        await line.send(request("GET", "/public/slow"))
        assert (await line.answer()).status == 504
        await line.send(request())
        assert (await line.answer()).status == 200
    assert [seen.connection for seen in house.upstream.seen] == [1, 2]
    await at_rest(house)


async def test_an_upstream_that_stalls_within_a_body_is_cut_off_visibly(open_house: Open) -> None:
    """The log says whose fault it was."""
    house = await open_house()
    front = house.gateway._front
    assert front is not None
    object.__setattr__(front._carrier.upstreams["legacy"], "idle_timeout", 0.3)  # the least that is configurable: 60 s

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(PARTIAL[0])
        await asyncio.sleep(PATIENCE)
        return False

    house.upstream.respond = respond
    answer = await ask(house, request())
    assert not answer.complete
    assert '"reason":"upstream_timeout"' in await logged(house, "/public/x")
    await at_rest(house)


@pytest.mark.parametrize("response", PARTIAL)
@pytest.mark.parametrize("by_reset", [False, True])
async def test_a_truncated_response_looks_truncated(house: House, response: bytes, by_reset: bool) -> None:
    """Whatever its framing and however the upstream ended."""

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(response)
        await writer.drain()
        await asyncio.sleep(0.05)
        if by_reset:
            reset(writer)
        return False

    house.upstream.respond = respond
    answer = await ask(house, request())
    assert answer.status == 200
    assert not answer.complete
    await at_rest(house)


@pytest.mark.parametrize("response", PARTIAL[1:])
async def test_a_truncated_response_looks_truncated_to_http_1_0(house: House, response: bytes) -> None:
    """There the end of the connection is the end of the body: only a reset can say that it is not."""
    house.upstream.respond = canned(response, keep=False)
    async with line_to(house) as line:
        await line.send(request(version="1.0"))
        async with asyncio.timeout(PATIENCE):
            with pytest.raises(ConnectionError):
                await line.reader.read()
    await at_rest(house)


@pytest.mark.parametrize(
    "response",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\nX: y\n\n",
        b"HTTP/1.1 200 OK\r\n folded: y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Name: y\r\n\r\n",
        b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 201 + b"\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"",
    ],
)
async def test_garbage_is_a_502(house: House, response: bytes) -> None:
    """Nothing of it reaches the client; its connection can go on."""
    house.upstream.respond = canned(response, keep=False)
    async with line_to(house) as line:
        await line.send(request("POST", "/public/x", body=b"x"))
        answer = await line.answer()
        assert answer.status == 502
        assert set(answer.body) & set(b"{}")
        house.upstream.respond = None
        await line.send(request())
        assert (await line.answer()).status == 200
    assert len(house.upstream.seen) == 2
    await at_rest(house)


async def test_bytes_behind_a_response_reach_nobody(house: House) -> None:
    """Neither with the response nor later: the connection ends (queue poisoning)."""
    poison = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.target == "/public/later":
            writer.write(OK)
            await asyncio.sleep(0.05)
            writer.write(poison)
        else:
            writer.write(OK + poison)
        return True

    house.upstream.respond = respond
    async with line_to(house) as line:
        for target in ("/public/now", "/public/later", "/public/now"):
            await line.send(request("GET", target))
            assert (await line.answer()).body == b"ok"
            await until(lambda: house.upstream.active == 0, "the poisoned connection lives")
    await at_rest(house)


async def close_after_first(house: House, line: Line) -> None:
    """Leave one idle connection in the pool that the upstream will close when its next request arrives."""

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.connection == 1 and seen.target != "/public/first":
            reset(writer)
            return False
        writer.write(OK)
        return True

    house.upstream.respond = respond
    await line.send(request("GET", "/public/first"))
    assert (await line.answer()).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
async def test_an_idempotent_request_that_met_a_closing_connection_is_sent_once_more(house: House, method: str) -> None:
    """On a connection of its own; the person notices nothing."""
    async with line_to(house) as line:
        await close_after_first(house, line)
        await line.send(request(method, "/public/second"))
        assert (await line.answer(method)).status == 200
    assert [(seen.target, seen.connection) for seen in house.upstream.seen[1:]] == [
        ("/public/second", 1),
        ("/public/second", 2),
    ]
    await at_rest(house)


@pytest.mark.parametrize(("method", "body"), [("POST", b"x"), ("POST", b""), ("PATCH", b"x"), ("PUT", b"x")])
async def test_what_may_have_been_acted_on_is_never_sent_twice(house: House, method: str, body: bytes) -> None:
    """The client hears a 502 and decides itself."""
    async with line_to(house) as line:
        await close_after_first(house, line)
        await line.send(request(method, "/public/second", body=body))
        assert (await line.answer()).status == 502
    assert [seen.target for seen in house.upstream.seen] == ["/public/first", "/public/second"]
    await at_rest(house)


async def test_a_get_is_repeated_only_once_and_never_on_a_fresh_connection(house: House) -> None:
    """An upstream that closes without an answer is broken, not unlucky."""
    house.upstream.respond = canned(b"", keep=False)
    assert (await ask(house, request())).status == 502
    assert len(house.upstream.seen) == 1
    await at_rest(house)


async def test_an_early_answer_reaches_a_client_that_still_uploads(house: House) -> None:
    """Whole, with Connection: close; then the connection ends without a reset; the upstream is let go."""
    big = bytes(3 << 20)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(1000)
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(big) + big)
        await writer.drain()
        await reader.read()

    house.upstream.talk = talk
    async with line_to(house) as line:
        await line.send(request("POST", "/public/x", "Content-Length: 60000000"))
        upload = asyncio.get_running_loop().create_task(_upload(line.writer, 60_000_000))
        answer = await line.answer()
        assert (answer.status, answer.body, answer.complete) == (403, big, True)
        assert answer.get("connection") == "close"
        await upload
        assert await line.ended() == b""
    await at_rest(house)


async def _upload(writer: asyncio.StreamWriter, size: int) -> None:
    """All of it: a client that does not look at the answer before it is done."""
    piece = bytes(50_000)
    for _ in range(size // len(piece)):
        writer.write(piece)
        await writer.drain()


# --- the client -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("sent", [b"", b"GET /public/x HTT", request()[:-1]])
async def test_a_client_that_leaves_before_its_head_is_whole(house: House, sent: bytes) -> None:
    """Nothing was asked, nothing remains."""
    async with line_to(house) as line:
        await line.send(sent)
    await at_rest(house)
    assert house.upstream.seen == []


@pytest.mark.parametrize("framing", ["Content-Length: 10", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("by_reset", [False, True])
async def test_a_client_that_leaves_within_its_body(house: House, framing: str, by_reset: bool) -> None:
    """The upstream never has a whole request, and its connection is not used again."""
    line = await house.line()
    await line.send(request("POST", "/public/x", framing) + b"3\r\nabc\r\n")
    await until(lambda: house.upstream.active == 1, "not begun")
    if by_reset:
        reset(line.writer)
    else:
        await line.close()
    await at_rest(house)
    await until(lambda: house.upstream.active == 0, "the upstream still waits")
    assert house.upstream.seen == []


async def test_a_client_that_leaves_within_a_body_that_nobody_reads_yet(open_house: Open) -> None:
    """While the upstream is still being connected: the end of a body that broke off was seen before it was read."""
    house = await open_house()
    async with line_to(house) as line:
        line.writer.write(request("POST", "/public/x", "Content-Length: 10") + b"abc")
        line.writer.write_eof()
        assert await line.ended() == b""
        await at_rest(house)
    assert house.upstream.seen == []


async def test_a_client_that_leaves_within_the_response(house: House) -> None:
    """The upstream is not left talking to nobody."""

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1 << 40))
        while True:
            writer.write(bytes(1 << 16))
            await writer.drain()

    house.upstream.respond = respond
    line = await house.line()
    await line.send(request())
    await line.reader.readexactly(1 << 20)
    reset(line.writer)
    await at_rest(house)
    await until(lambda: house.upstream.active == 0, "the upstream still talks")


async def test_a_client_that_leaves_while_its_answer_is_awaited(house: House) -> None:
    """By a reset: the upstream's connection is cut."""

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(PATIENCE)
        return False

    house.upstream.respond = respond
    line = await house.line()
    await line.send(request())
    await until(lambda: len(house.upstream.seen) == 1, "not asked")
    reset(line.writer)
    await at_rest(house)
    assert '"status":499' in await logged(house, "/public/x")


# --- the gateway ----------------------------------------------------------------------------------------


async def test_a_stop_lets_what_is_under_way_finish_and_closes_what_is_idle(house: House) -> None:
    """New connections are not taken; a response and an upload that have begun arrive whole."""
    going = asyncio.Event()

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
        await going.wait()
        writer.write(b"world")
        return True

    house.upstream.respond = respond
    admin = Browser(int(house.gateway.admin_address.rpartition(":")[2]))
    assert (await admin.get("/healthz")).status == 200
    async with line_to(house) as idle, line_to(house) as down, line_to(house) as up:
        await down.send(request())
        await down.reader.readuntil(b"hello")
        await up.send(request("POST", "/public/up", "Content-Length: 4") + b"12")
        await until(lambda: house.upstream.active == 2, "the upload has not begun")
        stopping = asyncio.get_running_loop().create_task(house.gateway.stop())
        assert await idle.ended() == b""
        with pytest.raises(OSError, match=r"Connect call failed|refused"):
            await house.line()
        not_ready = await admin.get("/readyz")
        assert not_ready.status == 503
        assert json.loads(not_ready.body)["checks"]["listeners"] != "ok"
        going.set()
        assert await down.reader.readexactly(5) == b"world"
        await up.send(b"34")
        answer = await up.answer()
        assert answer.body == b"helloworld"
        assert answer.get("connection") == "close"
        assert await down.ended() == await up.ended() == b""
        await stopping
    assert house.upstream.seen[-1].body == b"1234"


async def test_an_exception_within_an_exchange_is_a_500_and_hangs_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it happens: deciding, sending, answering. Uncertain means closed."""
    browser = await house.signed_in()
    front = house.gateway._front
    assert front is not None

    def broken(*arguments: object, **named: object) -> None:
        raise RuntimeError("a bug")

    seen = len(house.upstream.seen)
    for module in ("gateway.authorizer.Authorizer.now", "gateway.proxy.carry.request_bytes"):
        with monkeypatch.context() as patch:
            patch.setattr(module, broken)
            for pipelined in (1, 2):
                async with line_to(house) as line:
                    await line.send(as_user(browser, "GET", "/api/x") * pipelined)
                    for _ in range(pipelined):
                        answer = await line.answer()
                        assert answer.status == 500
                        assert b"a bug" not in answer.body
    with monkeypatch.context() as patch:
        patch.setattr("gateway.proxy.carry.response_bytes", broken)
        assert (await ask(house, request())).status == 502
    await at_rest(house)
    assert len(house.upstream.seen) == seen + 1


async def test_a_failure_in_the_books_costs_nobody_an_answer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a carried one nor one of our own, and the connections go on."""

    def broken(*arguments: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("gateway.proxy.carrier.Carrier.record", broken)
    async with line_to(house) as line:
        for target, status in (("/public/x", 200), ("/", 421), ("/public/y", 200)):
            await line.send(request("GET", target))
            assert (await line.answer()).status == status
    assert house.upstream.connections == 1
    await at_rest(house)


@pytest.mark.parametrize("place", ["gateway.front.Front.exchange", "gateway.proxy.carry.Carry.start"])
async def test_an_exception_outside_of_any_exchange_closes_the_connection(
    house: House, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Also for a pipelined request, which no socket event stands behind."""
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)

    def broken(*arguments: object, **named: object) -> None:
        raise RuntimeError("a bug")

    going = asyncio.Event()

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        await going.wait()
        writer.write(OK)
        return True

    house.upstream.respond = respond
    async with line_to(house) as line:
        await line.send(request() + request("GET", "/public/y"))
        await until(lambda: len(house.upstream.seen) == 1, "not asked")
        monkeypatch.setattr(place, broken)
        going.set()
        assert (await line.answer()).status == 200
        assert await line.ended() == b""
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await ask(house, request("GET", "/public/x", "X-Not-Seen-Before: 1"))
    monkeypatch.undo()
    await at_rest(house)
    assert len(house.upstream.seen) == 1
