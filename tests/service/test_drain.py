"""SIGTERM: what is under way ends well, what waits is served once, and nothing lasts for ever."""

import asyncio
import secrets
import signal
import socket

import pytest

from .carrying import request, until
from .conftest import House, Open
from .process import process_of
from .raw import PATIENCE, Line
from .test_reload import Gate
from .upstream import canned


async def test_what_is_under_way_ends_well(open_house: Open) -> None:
    """A request that waits for its upstream and a download in its middle: both whole; then the process ends with 0."""
    async with process_of(await open_house(server="#", drain="30s")) as process:
        body = secrets.token_bytes(4 << 20)
        gate = Gate(process.house, body)
        process.house.upstream.respond = gate.respond
        download, waits, idle = [await process.line() for _ in range(3)]
        await download.send(request())
        await gate.begun.wait()
        await waits.send(request("POST", "/public/x", "Content-Length: 5") + b"he")
        await until(lambda: process.house.upstream.connections == 2, "not begun")
        process.signal(signal.SIGTERM)
        await until(lambda: process.count("stopping") == 1, "no word")
        assert await idle.ended() == b""
        with pytest.raises(ConnectionRefusedError):
            await process.line()
        assert process.child.poll() is None
        gate.go_on.set()
        await waits.send(b"llo")
        answer = await waits.answer()
        assert (answer.status, answer.get("connection"), answer.complete) == (200, "close", True)
        assert (await download.answer()).body == body
        assert await process.ended() == 0
        for line in (download, waits, idle):
            await line.close()


async def test_a_connection_that_waits_to_be_accepted_is_served(open_house: Open) -> None:
    """The kernel made it, nobody took it: it gets its answer and no reset."""
    house: House = await open_house()
    sockets = []
    for _ in range(50):  # without a turn of the loop in between: all of them wait
        sock = socket.create_connection(("127.0.0.1", house.port))
        sock.sendall(request())
        sock.setblocking(False)
        sockets.append(sock)
    stopped = asyncio.ensure_future(house.gateway.stop())  # noqa: TID251 - awaited below
    for sock in sockets:
        line = Line(*await asyncio.open_connection(sock=sock))
        answer = await line.answer()
        assert (answer.status, answer.get("connection")) == (200, "close")
        await line.close()
    await stopped


async def test_a_request_on_its_way_to_an_idle_connection_is_answered(open_house: Open) -> None:
    """An idle connection is not closed at once: who sends in that moment is served, for the last time."""
    house: House = await open_house()
    line = await house.line()
    await line.send(request())
    assert (await line.answer()).get("connection") is None
    stopped = asyncio.ensure_future(house.gateway.stop())  # noqa: TID251 - awaited below
    await until(lambda: house.gateway._lasting.clients.draining, "it does not stop")
    await line.send(request())
    answer = await line.answer()
    assert (answer.status, answer.get("connection")) == (200, "close")
    await stopped
    await line.close()


async def test_an_unread_answer_ends_its_connection_once_it_is_read(open_house: Open) -> None:
    """It was complete before the stop: nobody waits for another request behind it."""
    house: House = await open_house(drain="1h")
    body = b"x" * 60_000
    house.upstream.respond = canned(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", house.port))
    line = Line(*await asyncio.open_connection(sock=sock, limit=4096))
    clients = house.gateway._lasting.clients.connections
    await until(lambda: len(clients) == 1, "not accepted")
    [client] = clients
    client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    client.transport.set_write_buffer_limits(high=0)
    await line.send(request())
    await until(lambda: client.carried == 1, "not answered")
    assert client._write_paused
    stopped = asyncio.ensure_future(house.gateway.stop())  # noqa: TID251 - awaited below
    await until(lambda: client.draining, "it does not stop")
    assert (await line.answer()).body == body
    assert await line.ended() == b""
    async with asyncio.timeout(PATIENCE):
        await stopped
    await line.close()


async def test_a_drain_ends(open_house: Open) -> None:
    """After drain_timeout what is still under way is cut, visibly."""
    async with process_of(await open_house()) as process:
        gate = Gate(process.house, b"x" * 100)
        process.house.upstream.respond = gate.respond
        line = await process.line()
        await line.send(request())
        await gate.begun.wait()
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
        with pytest.raises(ConnectionResetError):
            await line.answer()
        gate.go_on.set()
        await line.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_ends_the_drain_at_once(open_house: Open, number: int) -> None:
    """Who asks twice does not want to wait."""
    async with process_of(await open_house(drain="1h")) as process:
        gate = Gate(process.house, b"x" * 100)
        process.house.upstream.respond = gate.respond
        line = await process.line()
        await line.send(request())
        await gate.begun.wait()
        process.signal(signal.SIGTERM)
        await until(lambda: process.count("stopping") == 1, "no word")
        process.signal(number)
        assert await process.ended() == 0
        assert process.count("asked to stop again") == 1
        with pytest.raises(ConnectionResetError):
            await line.answer()
        gate.go_on.set()
        await line.close()


async def test_a_stop_under_load_fails_no_request(open_house: Open) -> None:
    """Clients that keep connections and obey `Connection: close` see whole answers, then a closed door."""
    async with process_of(await open_house()) as process:
        served = 0

        async def keeps() -> None:
            nonlocal served
            while True:
                try:
                    line = await process.line()
                except ConnectionRefusedError:
                    return
                ends = False
                while not ends:
                    await line.send(request())
                    answer = await line.answer()
                    assert (answer.status, answer.complete) == (200, True)
                    served += 1
                    ends = answer.get("connection") == "close"
                await line.close()

        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(keeps())
            await until(lambda: served > 100, "nobody is served")
            process.signal(signal.SIGTERM)
        assert await process.ended() == 0
