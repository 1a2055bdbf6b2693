"""Listening sockets and the sweeper."""

import asyncio
import logging
import socket
from pathlib import Path

import pytest

from gateway.wire.listen import BACKLOG, Sweeper, held_port, tcp_socket, unix_socket, waiting
from gateway.wire.tasks import Tasks


class Watched:
    """Expires once, at its deadline."""

    def __init__(self, deadline: float, broken: bool = False) -> None:
        self.deadline = deadline
        self.broken = broken
        self.expired = 0

    def expire(self) -> None:
        self.expired += 1
        if self.broken:
            raise RuntimeError("a bug")


async def test_the_sweeper_expires_what_is_overdue_and_a_failure_holds_nobody_up(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not what is not due yet; the pools are swept with the same time, whatever failed before."""
    early, broken, late, not_yet = Watched(1.0), Watched(1.0, broken=True), Watched(2.0), Watched(9.0)
    swept: list[float] = []
    sweeper = Sweeper(lambda: [early, broken, late, not_yet], [swept.append], asyncio.get_running_loop())
    with caplog.at_level(logging.ERROR):
        sweeper.sweep(5.0)
    assert [each.expired for each in (early, broken, late, not_yet)] == [1, 1, 1, 0]
    assert swept == [5.0]
    assert "a deadline failed" in caplog.text


async def test_the_sweeper_runs_by_itself_until_it_is_stopped() -> None:
    """Its timer is the only one."""
    ticks: list[float] = []
    ticked = asyncio.Event()

    def sweep(now: float) -> None:
        ticks.append(now)
        ticked.set()

    sweeper = Sweeper(list, [sweep], asyncio.get_running_loop())
    sweeper.start()
    async with asyncio.timeout(10):
        await ticked.wait()
        ticked.clear()
        await ticked.wait()
    sweeper.stop()
    assert len(ticks) == 2


def test_a_port_that_is_taken_is_an_error() -> None:
    """And no socket is left open (warnings are errors here)."""
    with tcp_socket("127.0.0.1", 0) as first, pytest.raises(OSError, match="in use"):
        tcp_socket("127.0.0.1", first.getsockname()[1])


def test_a_dead_unix_socket_is_replaced_and_nothing_else_is(tmp_path: Path) -> None:
    """A living one is another server's, a file is somebody's."""
    path = tmp_path / "gw.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with unix_socket(str(path)) as living:
        assert living.getsockname() == str(path)
        with pytest.raises(OSError, match="in use"):
            unix_socket(str(path))
    file = tmp_path / "file"
    file.write_text("precious")
    with pytest.raises(OSError, match="in use"):
        unix_socket(str(file))
    assert file.read_text() == "precious"


async def test_background_tasks_may_be_given_time_to_end() -> None:
    """So long, and no longer."""
    tasks, go = Tasks(), asyncio.Event()
    good, stuck = tasks.start(go.wait()), tasks.start(asyncio.Event().wait())
    asyncio.get_running_loop().call_soon(go.set)
    await tasks.close(0.05)
    assert (good.result(), stuck.cancelled(), len(tasks)) == (True, True, 0)


async def test_background_tasks_are_held_logged_and_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    """None is lost: a failure is in the log, `close` waits for the rest."""
    tasks = Tasks()

    async def fail() -> None:
        raise RuntimeError("a bug")

    async def wait() -> None:
        await asyncio.get_running_loop().create_future()

    with caplog.at_level(logging.ERROR):
        with pytest.raises(RuntimeError):
            await tasks.start(fail())
        await asyncio.sleep(0)
    assert "background task failed" in caplog.text
    task = tasks.start(wait())
    assert len(tasks) == 1
    await tasks.close()
    assert task.cancelled()
    assert len(tasks) == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_held_port_is_for_shared_listeners_only(host: str) -> None:
    """With listeners on it or without, it is given to nobody else; none of them is needed to keep it."""
    with held_port(host, 0) as holder:
        port = holder.getsockname()[1]
        for _ in range(2):
            with pytest.raises(OSError, match="in use"):
                tcp_socket(host, port)
            with pytest.raises(OSError, match="in use"):
                held_port(host, port)
            with tcp_socket(host, port, shared=True), tcp_socket(host, port, shared=True):
                with pytest.raises(OSError, match="in use"):
                    tcp_socket(host, port)
                with pytest.raises(OSError, match="in use"):
                    held_port(host, port)


def test_a_taken_port_is_not_shared() -> None:
    """Not even with another gateway of ours."""
    with tcp_socket("127.0.0.1", 0) as alone, pytest.raises(OSError, match="in use"):
        held_port("127.0.0.1", alone.getsockname()[1])


def test_connections_are_spread_and_the_holder_gets_none() -> None:
    """Of 200 connections no listener has all; one that closed gets no more."""
    with held_port("127.0.0.1", 0) as holder:
        port = holder.getsockname()[1]
        listeners = [tcp_socket("127.0.0.1", port, shared=True) for _ in range(2)]
        assert all(0 < count < 200 for count in shares(listeners, port))
        listeners.pop().close()
        assert shares(listeners, port) == [200]
        listeners.pop().close()


class Flood(socket.socket):
    """Somebody connects all the while."""

    def accept(self) -> tuple[socket.socket, object]:
        return socket.socket(), None


def test_a_flood_does_not_keep_a_listener_from_closing() -> None:
    """What the queue held is taken, not what goes on coming."""
    with Flood() as listener:
        taken = sum(1 for connection in waiting(listener) if connection.close() is None)
    assert taken == BACKLOG


def shares(listeners: list[socket.socket], port: int) -> list[int]:
    """How many of 200 connections each listener gets."""
    clients = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    counts = []
    for listener in listeners:
        count = 0
        while True:
            try:
                listener.accept()[0].close()
            except BlockingIOError:
                break
            count += 1
        counts.append(count)
    for client in clients:
        client.close()
    assert sum(counts) == 200
    return counts
