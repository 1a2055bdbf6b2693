"""Listening sockets and the sweeper."""

import asyncio
import logging
import socket
from pathlib import Path

import pytest

from gateway.wire.listen import Sweeper, tcp_socket, unix_socket
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
