"""A supervisor and its workers, as real processes that do nothing but live and die."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.app.restarts import Restarts

FAMILY = Path(__file__).parent / "children" / "family.py"
PATIENCE = 30.0


class Family:
    """The running supervisor, and what it said so far."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self.child = child
        self.said: list[str] = []

    def until(self, words: str) -> str:
        """Read on to a line that begins with `words`."""
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.said.append(line.rstrip())
            if line.startswith(words):
                return line.rstrip()
        raise AssertionError(f"it never said {words!r}: {self.said}")

    def born(self, place: int) -> int:
        """The process id of the next worker at `place`."""
        return int(self.until(f"born {place} ").split()[-1])

    def send(self, number: signal.Signals) -> None:
        self.child.send_signal(number)

    def ended(self) -> int:
        """Its exit status, once all it said is read."""
        assert self.child.stdout is not None
        self.said += self.child.stdout.read().splitlines()
        return self.child.wait(PATIENCE)


@contextmanager
def family(*words: str) -> Iterator[Family]:
    """A supervisor with one worker a word."""
    command = [sys.executable, str(FAMILY), *words]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, process_group=0
    ) as child:
        alarm = threading.Timer(PATIENCE, os.killpg, (child.pid, signal.SIGKILL))  # a test that fails does not hang
        alarm.start()
        try:
            yield Family(child)
        finally:
            alarm.cancel()
            alarm.join()
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)


def test_all_start_and_all_drain() -> None:
    """The start is told once, when all serve; a stop reaches all and is a success."""
    with family("serve", "serve", "serve") as run:
        run.until("started")
        run.send(signal.SIGTERM)
        assert run.ended() == 0
    assert sorted(line for line in run.said if line.startswith("drains")) == ["drains 0", "drains 1", "drains 2"]
    assert run.said.count("stopping") == 1
    assert run.said[-1] == "no child is left"


def test_a_keyboards_interrupt_is_a_stop() -> None:
    """Ctrl-C reaches supervisor and workers at once; only the supervisor heeds it."""
    with family("serve", "serve") as run:
        run.until("started")
        os.killpg(run.child.pid, signal.SIGINT)
        assert run.ended() == 0
    assert sorted(line for line in run.said if line.startswith("drains")) == ["drains 0", "drains 1"]


def test_a_worker_that_dies_is_replaced() -> None:
    """Whatever it died of; the others are left alone."""
    with family("serve", "serve") as run:
        pids = {place: run.born(place) for place in (0,)}
        run.until("started")
        os.kill(pids[0], signal.SIGKILL)
        assert run.born(0) != pids[0]
        run.send(signal.SIGTERM)
        assert run.ended() == 0
    assert len([line for line in run.said if line.startswith("born 1")]) == 1


def test_none_can_start() -> None:
    """One reason is kept, with the status of a failure; nothing is tried for ever."""
    with family("fail", "fail") as run:
        assert run.ended() == 1
    assert "failure no luck" in run.said
    assert len([line for line in run.said if line.startswith("born")]) == 2
    assert "started" not in run.said


def test_none_can_start_and_none_says_why() -> None:
    """Then how it ended is the reason."""
    with family("die") as run:
        assert run.ended() == 1
    assert "failure ended with status 4" in run.said


def test_some_can_start() -> None:
    """Those serve, and the others are tried again."""
    with family("serve", "once") as run:
        run.until("started")
        run.born(1)
        run.send(signal.SIGTERM)
        assert run.ended() == 0


def test_a_worker_that_does_not_end_is_killed() -> None:
    """After the time to drain and some grace; that is no success."""
    with family("serve", "stubborn") as run:
        run.until("started")
        run.send(signal.SIGTERM)
        assert run.ended() == 1
    assert run.said[-1] == "no child is left"


def test_who_asks_twice_is_in_a_hurry() -> None:
    """The second stop is told to workers in another word: the first may reach them twice."""
    with family("stubborn") as run:
        run.until("started")
        run.send(signal.SIGTERM)
        run.until("stopping")
        run.send(signal.SIGTERM)
        run.until("hurries 0")
        run.ended()
    assert run.said.count("stopping") == 1


def test_a_worker_that_hangs_is_replaced() -> None:
    """Its place shows no sign of life; its sibling's does."""
    with family("serve", "hang") as run:
        first = run.born(1)
        run.until("started")
        assert run.born(1) != first
    assert len([line for line in run.said if line.startswith("born 0")]) == 1


def test_workers_end_with_their_supervisor() -> None:
    """However it ended: they drain by themselves."""
    with family("serve", "serve") as run:
        run.until("started")
        run.child.kill()
        run.ended()  # all who hold its output have gone
    assert sorted(line for line in run.said if line.startswith("orphan")) == ["orphan 0", "orphan 1"]


def test_a_reload_reaches_each_worker_once_it_is_ready() -> None:
    """One that is still starting is told later: it may have been born with the old configuration."""
    with family("serve", "slow") as run:
        run.born(1)
        run.send(signal.SIGHUP)
        run.until("asked to reload")
        assert run.child.stdin is not None
        run.child.stdin.write("x")
        run.child.stdin.flush()
        run.until("reloads 1")
        run.send(signal.SIGTERM)
        assert run.ended() == 0


def test_a_stop_during_the_start() -> None:
    """Nobody waits for the start to be over."""
    with family("serve", "slow") as run:
        run.born(0)
        run.send(signal.SIGTERM)
        assert run.ended() == 0
    assert "started" not in run.said


def test_restarts_come_later_and_later() -> None:
    """1 s, then doubling to 30 s; a long life starts anew."""
    restarts = Restarts()
    assert [restarts.ended(0.1) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]
    assert [restarts.ended(60.0), restarts.ended(59.9)] == [1, 2]
