"""Upstream connections kept for the next request, over real sockets of loopback."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from gateway.core.errors import GatewayError
from gateway.core.fields import response_names
from gateway.core.head import ResponseHead
from gateway.core.reasons import Reason
from gateway.wire.limits import Limits
from gateway.wire.pool import Pool
from gateway.wire.upstream import UpstreamConnection

PATIENCE = 10.0
REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Listener:
    """Notes what it hears."""

    takes_whole = False

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self.body = b""
        self.outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.paused = 0

    def response_head(self, head: ResponseHead) -> None:
        self.head = head

    def response_data(self, data: bytes) -> None:
        self.body += data

    def response_end(self) -> None:
        self.outcome.set_result("end")

    def response_failed(self, reason: str, *, answered: bool) -> None:
        self.outcome.set_result("answered" if answered else "unanswered")

    def upstream_paused(self) -> None:
        self.paused += 1

    def upstream_resumed(self) -> None:
        self.paused -= 1


class Server:
    """Answers every request with `answer`; counts and closes connections."""

    def __init__(self) -> None:
        self.answer = OK
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self.answer)
                if b"lose" in self.answer:
                    break
        writer.close()


Make = Callable[..., Pool]


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
    yield server
    listening.close()
    for writer in server.writers:
        writer.close()
    await asyncio.sleep(0)


def pool_to(port: int, *, limit: int = 10, timeout: float = 5.0) -> Pool:
    loop = asyncio.get_running_loop()

    async def connect() -> UpstreamConnection:
        made = await loop.create_connection(lambda: UpstreamConnection(response_names(), Limits()), "127.0.0.1", port)
        return made[1]

    return Pool(connect, timeout=timeout, idle_timeout=50.0, limit=limit, loop=loop)


async def exchange(connection: UpstreamConnection, data: bytes = REQUEST) -> Listener:
    """One request and its outcome."""
    listener = Listener()
    connection.send(listener, b"GET", data)
    await asyncio.wait_for(asyncio.shield(listener.outcome), PATIENCE)
    return listener


async def gone(pool: Pool, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while pool.open != count:  # noqa: ASYNC110 - the loss is heard by the pool only
            await asyncio.sleep(0.005)


async def test_last_in_first_out(server: Server) -> None:
    """The connection that came back last goes out first; take never waits."""
    pool = pool_to(server.port)  # type: ignore[attr-defined]
    assert pool.take() is None
    both = [await pool.connect(), await pool.connect()]
    for connection in both:
        assert (await exchange(connection)).body == b"ok"
        pool.release(connection)
    assert repr(pool) == "<Pool 0 active, 2 idle>"
    assert pool.take() is both[1]
    assert pool.take() is both[0]
    assert pool.take() is None
    assert repr(pool) == "<Pool 2 active, 0 idle>"
    for connection in both:
        connection.abandon()
    await gone(pool, 0)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        OK + b"HTTP/1.1 200 OK\r\n",
    ],
)
async def test_only_a_clean_connection_is_kept(server: Server, answer: bytes) -> None:
    """Not one that was to be closed, nor one with bytes behind its response."""
    server.answer = answer
    pool = pool_to(server.port)  # type: ignore[attr-defined]
    connection = await pool.connect()
    assert await (await exchange(connection)).outcome == "end"
    pool.release(connection)
    assert pool.idle == 0
    await gone(pool, 0)


async def test_a_connection_with_unsent_bytes_is_not_kept(server: Server) -> None:
    """The upstream answered before it had read all: the next request must not queue behind the rest."""
    pool = pool_to(server.port)  # type: ignore[attr-defined]
    connection = await pool.connect()
    (writer,) = server.writers or [None]
    listener = await exchange(connection)
    assert writer is not None
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    while not connection.transport.get_write_buffer_size():
        connection.write(bytes(1 << 20))
        await asyncio.sleep(0)
    assert listener.paused == 0  # it had been let go of
    pool.release(connection)
    assert pool.idle == 0
    await gone(pool, 0)


async def test_an_idle_connection_that_speaks_or_ends_is_dropped(server: Server) -> None:
    """Nobody asked: bytes without a request would be the answer to the next one."""
    pool = pool_to(server.port)  # type: ignore[attr-defined]
    for act in (lambda writer: writer.write(OK), lambda writer: writer.close()):
        connection = await pool.connect()
        await exchange(connection)
        pool.release(connection)
        act(server.writers[-1])
        await gone(pool, 0)
        assert pool.take() is None
        assert pool.idle == 0


async def test_the_oldest_idle_connections_are_swept(server: Server) -> None:
    """After the idle timeout, and not before."""
    pool = pool_to(server.port)  # type: ignore[attr-defined]
    connections = [await pool.connect(), await pool.connect()]
    for connection in connections:
        await exchange(connection)
        pool.release(connection)
    now = asyncio.get_running_loop().time()
    connections[0].idle_since, connections[1].idle_since = now - 51, now - 49
    pool.sweep(now)
    assert pool.idle == 1
    await gone(pool, 1)
    assert pool.take() is connections[1]
    connections[1].abandon()
    await gone(pool, 0)


async def test_the_limit_is_a_503(server: Server) -> None:
    """And a place that becomes free is free."""
    pool = pool_to(server.port, limit=1)  # type: ignore[attr-defined]
    connection = await pool.connect()
    with pytest.raises(GatewayError) as refusal:
        await pool.connect()
    assert (refusal.value.status, refusal.value.reason) == (503, Reason.OVERLOADED)
    connection.abandon()
    await gone(pool, 0)
    (await pool.connect()).abandon()
    await gone(pool, 0)


def scripted(connect: Callable[[], Awaitable[UpstreamConnection]], timeout: float = 5.0) -> Pool:
    return Pool(connect, timeout=timeout, idle_timeout=1.0, limit=9, loop=asyncio.get_running_loop())


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (ConnectionRefusedError(), 502, Reason.UPSTREAM_UNREACHABLE),
        (OSError("no such host"), 502, Reason.UPSTREAM_UNREACHABLE),
        (TimeoutError(), 502, Reason.UPSTREAM_UNREACHABLE),
    ],
)
async def test_a_failed_connect_has_its_answer_and_holds_no_place(
    error: Exception, status: int, reason: Reason
) -> None:
    """502 if refused, and if too slow: there is no answer yet that could be late."""

    async def connect() -> UpstreamConnection:
        raise error

    pool = scripted(connect)
    with pytest.raises(GatewayError) as refusal:
        await pool.connect()
    assert (refusal.value.status, refusal.value.reason) == (status, reason)
    assert pool.open == 0


async def test_a_connect_that_takes_too_long_or_is_cancelled_holds_no_place() -> None:
    """The timeout is the pool's own."""

    async def connect() -> UpstreamConnection:
        await asyncio.get_running_loop().create_future()
        raise AssertionError

    pool = scripted(connect, timeout=0.01)
    with pytest.raises(GatewayError) as refusal:
        await pool.connect()
    assert refusal.value.status == 502
    slow = scripted(connect)
    task = asyncio.get_running_loop().create_task(slow.connect())
    await asyncio.sleep(0)
    assert slow.open == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert pool.open == slow.open == 0


async def test_a_connection_lost_before_it_was_handed_over_holds_no_place() -> None:
    """Its loss was heard by nobody: it is a failed connect, not one that is waited for."""

    async def connect() -> UpstreamConnection:
        connection = UpstreamConnection(response_names(), Limits())
        connection.connection_lost(None)
        return connection

    pool = scripted(connect)
    with pytest.raises(GatewayError) as refusal:
        await pool.connect()
    assert refusal.value.status == 502
    assert pool.open == 0


async def test_close_closes_what_is_idle(server: Server) -> None:
    """All of it."""
    pool = pool_to(server.port)  # type: ignore[attr-defined]
    connection = await pool.connect()
    await exchange(connection)
    pool.release(connection)
    pool.close()
    assert pool.idle == 0
    await gone(pool, 0)


async def test_a_listener_hears_of_the_end_once(server: Server) -> None:
    """Broken off, spoken nonsense, or abandoned: once, or not at all."""
    pool = pool_to(server.port)  # type: ignore[attr-defined]
    lose = b"HTTP/1.1 200 OK\r\nX: lose"
    for answer, outcome in ((lose, "answered"), (b"nonsense\r\n\r\n", "answered"), (b"", "unanswered")):
        server.answer = answer
        connection = await pool.connect()
        listener = Listener()
        connection.send(listener, b"GET", REQUEST if answer else b"GET")
        if not answer:
            connection.transport.write_eof()
        assert await asyncio.wait_for(listener.outcome, PATIENCE) == outcome
        await gone(pool, 0)
    connection = await pool.connect()
    listener = Listener()
    connection.send(listener, b"GET", REQUEST)
    connection.abandon()
    await gone(pool, 0)
    assert not listener.outcome.done()


async def test_an_exception_in_a_listener_ends_the_exchange(server: Server) -> None:
    """It is told that the response failed; the connection is cut."""

    class Broken(Listener):
        def response_data(self, data: bytes) -> None:
            raise RuntimeError("a bug")

    pool = pool_to(server.port)  # type: ignore[attr-defined]
    connection = await pool.connect()
    listener = Broken()
    connection.send(listener, b"GET", REQUEST)
    assert await asyncio.wait_for(listener.outcome, PATIENCE) == "answered"
    await gone(pool, 0)


async def test_only_connections_to_known_addresses_are_kept(server: Server) -> None:
    """An address that is gone: idle ones are closed now, busy ones when their response is complete."""
    pool = pool_to(server.port)  # type: ignore[attr-defined]
    idle, busy, other = [await pool.connect() for _ in range(3)]
    for connection, address in ((idle, "old"), (busy, "old"), (other, "new")):
        connection.address = address
        await exchange(connection)
    pool.release(idle)
    pool.release(other)
    pool.keep_only(["new"])
    await gone(pool, 2)
    pool.release(busy)
    await gone(pool, 1)
    assert pool.take() is other
    pool.close()
    pool.release(other)
    await gone(pool, 0)
