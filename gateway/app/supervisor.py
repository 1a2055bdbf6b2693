"""One parent, several workers: forks them, replaces those that end, ends them together.

Law: it runs no event loop and knows nothing of what workers do, so that little can go wrong with it.
"""

import contextlib
import gc
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from .forked import HANDLED, Child, Post, fork
from .restarts import Restarts

log = logging.getLogger(__name__)

GRACE = 9.0  # seconds beyond `patience` that a stop may take: last codes and events leave, stores are closed
HURRY = signal.SIGQUIT  # who asks twice to stop; SIGTERM may reach workers twice, from us and from a service manager
TICK = 5.0  # seconds between two looks for signs of life
SILENCE = 6  # looks in a row without one, and a worker is ended


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the supervisor asks for, and whom it tells."""

    work: Callable[[Post], int]  # runs in a worker and gives its exit status
    started: Callable[[], None]  # each worker has begun to serve, or failed to; at least one serves
    reload: Callable[[], bool]  # on SIGHUP: whether workers should reload, too
    stopping: Callable[[], None]
    forking: Callable[[], None]  # a fork is next: only this thread may be left
    beat: Callable[[int], int]  # of the worker at a place: changes as long as it lives
    patience: Callable[[], float]  # how long workers may drain, in seconds


class Supervisor:
    """`count` workers. Times are monotonic seconds."""

    def __init__(self, count: int, hooks: Hooks) -> None:
        self._hooks = hooks
        self._children: dict[int, Child] = {}  # by process id
        self._restarts = [Restarts() for _ in range(count)]
        self._due = dict.fromkeys(range(count), 0.0)  # when a place is to be filled
        self._unheard = set(range(count))  # places whose first worker has not said yet how its start went
        self._failures: list[str] = []  # of those
        self._served = False  # some worker did, once
        self._looked = time.monotonic()
        self._stop_by: float | None = None
        self._status = 0
        self._lifeline = (-1, -1)
        self._wake = (-1, -1)

    @property
    def failure(self) -> str:
        """Why no worker could start; empty if one could."""
        return self._failures[0] if self._failures and not self._served else ""

    def run(self) -> int:
        """Until SIGTERM or SIGINT, or until it is clear that no worker can start. The exit status."""
        self._lifeline, self._wake = os.pipe(), os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        gc.collect()
        gc.freeze()  # so that workers' collectors do not write on the pages that all share
        try:
            with _signals_wake(self._wake[1]):
                while self._children or (self._due and self._stop_by is None):
                    self._step()
        finally:
            for descriptor in (*self._lifeline, *self._wake):
                os.close(descriptor)
        return self._status

    def _step(self) -> None:
        self._fill()
        heard = self._wait()
        for number in self._woken_by():
            if number in (signal.SIGTERM, signal.SIGINT):
                self._stop()
            elif number == signal.SIGHUP:
                self._reload()
        for child in [child for child in self._children.values() if child.report in heard]:
            self._hear(child)
        self._reap()
        now = time.monotonic()
        if now - self._looked >= TICK:
            self._looked = now
            self._look_for_life()
        if self._stop_by is not None and now >= self._stop_by:
            self._kill()

    def _fill(self) -> None:
        now = time.monotonic()
        for place in [place for place, due in self._due.items() if due <= now and self._stop_by is None]:
            del self._due[place]
            self._hooks.forking()
            reports = [child.report for child in self._children.values() if child.report is not None]
            try:
                child = fork(place, now, self._hooks.work, self._lifeline, (*self._wake, *reports))
            except OSError as error:
                self._lost(place, 0.0, f"cannot be forked: {error.strerror}")
            else:
                child.beat = self._hooks.beat(place)
                self._children[child.pid] = child

    def _wait(self) -> set[int]:
        """Until something happens or is due; the descriptors that can be read."""
        poll = select.poll()
        poll.register(self._wake[0], select.POLLIN)
        for child in self._children.values():
            if child.report is not None:
                poll.register(child.report, select.POLLIN)
        until = min([self._looked + TICK, *self._due.values(), *([] if self._stop_by is None else [self._stop_by])])
        return {descriptor for descriptor, _ in poll.poll(max(until - time.monotonic(), 0.0) * 1000 + 1)}

    def _woken_by(self) -> Iterable[int]:
        with contextlib.suppress(BlockingIOError):
            return dict.fromkeys(os.read(self._wake[0], 4096))
        return ()

    def _hear(self, child: Child) -> None:
        child.hear()
        if child.ready:
            self._served = True
            if child.reload_when_ready:
                child.tell(signal.SIGHUP)
            self._begun(child.place)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            child = self._children.pop(pid, None)
            if child is None:
                continue  # somebody's orphan: we are the first process of a container
            if child.report is not None:
                self._hear(child)
            self._gone(child, os.waitstatus_to_exitcode(status))

    def _gone(self, child: Child, code: int) -> None:
        if self._stop_by is None:
            why = child.failure or (f"ended by signal {-code}" if code < 0 else f"ended with status {code}")
            self._lost(child.place, time.monotonic() - child.born, why)
        elif code and not (code == -signal.SIGTERM and not child.ready):
            self._status = 1

    def _lost(self, place: int, lived: float, why: str) -> None:
        """There is no worker at `place` any more."""
        wait = self._restarts[place].ended(lived)
        self._due[place] = time.monotonic() + wait
        if place in self._unheard and not self._served:
            self._failures.append(why)
        else:
            log.error("worker %d: %s; another is started in %g s", place, why, wait)
        self._begun(place)

    def _begun(self, place: int) -> None:
        """The first worker at `place` serves, or has ended. Once all have begun: are there any?"""
        if place not in self._unheard:
            return
        self._unheard.discard(place)
        if self._unheard or self._stop_by is not None:
            return
        if self._served:
            self._hooks.started()
            for why in self._failures:
                log.error("not every worker could start: %s", why)
        else:
            self._status = 1
            self._end()

    def _reload(self) -> None:
        if self._stop_by is not None or not self._hooks.reload():
            return
        for child in self._children.values():
            if child.ready:
                child.tell(signal.SIGHUP)
            else:
                child.reload_when_ready = True

    def _stop(self) -> None:
        if self._stop_by is None:
            self._hooks.stopping()
            self._end()
        else:
            self._tell(HURRY)

    def _end(self) -> None:
        self._stop_by = time.monotonic() + self._hooks.patience() + GRACE
        self._tell(signal.SIGTERM)

    def _tell(self, number: signal.Signals) -> None:
        for child in self._children.values():
            child.tell(number)

    def _kill(self) -> None:
        self._stop_by = float("inf")
        self._status = 1
        for child in self._children.values():
            log.error("worker %d has not ended in time: killed", child.place)
            child.tell(signal.SIGKILL)

    def _look_for_life(self) -> None:
        for child in self._children.values():
            beat = self._hooks.beat(child.place)
            child.silence = child.silence + 1 if child.ready and beat == child.beat else 0
            child.beat = beat
            if child.silence >= SILENCE and self._stop_by is None:
                log.error("worker %d shows no sign of life: killed", child.place)
                child.tell(signal.SIGKILL)


@contextlib.contextmanager
def _signals_wake(descriptor: int) -> Iterator[None]:
    """Signals are bytes at the other end of a pipe."""
    before = {number: signal.signal(number, lambda *_: None) for number in HANDLED}
    signal.set_wakeup_fd(descriptor, warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(-1)
        for number, handler in before.items():
            signal.signal(number, handler)
