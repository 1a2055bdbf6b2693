"""One forked worker: how its parent sees it, and what it has of its parent."""

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NoReturn

REPORT = 4096  # bytes: what a pipe takes in one piece (PIPE_BUF)
HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)  # by the parent


class Post:
    """A worker's side. `place` counts from 0; `lifeline` is readable (it has ended) once the parent has gone."""

    def __init__(self, place: int, lifeline: int, report: int) -> None:
        self.place = place
        self.lifeline = lifeline
        self._report = report

    def ready(self) -> None:
        """This worker serves."""
        self._say(b"+")

    def failed(self, why: str) -> None:
        """This worker cannot start."""
        self._say(b"-" + why.encode(errors="replace")[: REPORT - 1])

    def _say(self, what: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):  # nobody listens any more
            os.write(self._report, what)


@dataclass(slots=True)
class Child:
    """The parent's side. `born` and what else is a time: monotonic seconds."""

    pid: int
    place: int
    born: float
    report: int | None  # where it says how its start went, until it has
    ready: bool = False
    failure: str = ""
    reload_when_ready: bool = False
    beat: int = 0  # its last sign of life
    silence: int = 0  # looks without a new one

    def hear(self) -> None:
        """Read how its start went: `ready`, a `failure`, or neither, if it ended without a word."""
        assert self.report is not None
        said = os.read(self.report, REPORT)
        os.close(self.report)
        self.report = None
        self.ready = said == b"+"
        self.failure = said[1:].decode(errors="replace")

    def tell(self, number: signal.Signals) -> None:
        """Send a signal. It cannot reach another process: this one is not reaped yet."""
        os.kill(self.pid, number)


def fork(
    place: int, born: float, work: Callable[[Post], int], lifeline: tuple[int, int], parents: Iterable[int]
) -> Child:
    """A new process that ends with `work`. `parents` are descriptors that are none of its business. Raises OSError."""
    reading, writing = os.pipe()
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)  # until the child has handlers of its own
    try:
        pid = os.fork()
        if pid == 0:
            _be_child(Post(place, lifeline[0], writing), work, [reading, lifeline[1], *parents])
    except OSError:
        os.close(reading)
        raise
    finally:
        os.close(writing)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    return Child(pid, place, born, reading)


def _be_child(post: Post, work: Callable[[Post], int], parents: Iterable[int]) -> NoReturn:
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for number in (
            signal.SIGINT,
            signal.SIGHUP,
            signal.SIGQUIT,
        ):  # a keyboard's reach all of us: the parent decides
            signal.signal(number, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
        for descriptor in parents:
            os.close(descriptor)
        status = work(post)
    finally:
        sys.stderr.flush()
        os._exit(status)
