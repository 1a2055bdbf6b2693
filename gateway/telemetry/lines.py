"""Lines that a thread writes, so that a blocked reader of our output never stops serving."""

import contextlib
import os
import select
import threading
from collections import deque

LIMIT = 10_000  # lines that wait; more are dropped and counted
_PAUSE = 0.05  # seconds that lines gather before they are written together
_CHUNK = 256  # lines a system call


class LineWriter:
    """Writes lines to a file descriptor, in order, from a daemon thread that starts with the first line.

    Each process makes its own (threads do not survive a fork). `limit` bounds the lines that wait.
    """

    def __init__(self, descriptor: int, limit: int = LIMIT) -> None:
        self._descriptor = descriptor
        self._limit = limit
        self._waiting: deque[str] = deque()
        self._writing = 0  # lines in the thread's hands
        self._awake = False
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def write(self, line: str) -> None:
        """Queue one line, newline included. Never blocks, never raises."""
        if len(self._waiting) >= self._limit:
            self.dropped += 1
            return
        self._waiting.append(line)
        if not self._awake:
            self._awake = True
            self._rouse()

    def close(self, timeout: float = 1.0) -> None:
        """Write what waits, for at most `timeout` seconds; what is left, and what comes later, is dropped."""
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout)
        if self._limit:
            self._limit = 0
            self.dropped += len(self._waiting) + self._writing

    def _rouse(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="lines", daemon=True)
            self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._closing.wait(_PAUSE)
            self._wake.clear()
            closing = self._closing.is_set()  # after the clear, so that a close is never missed
            self._awake = False  # before the queue is emptied: a later line wakes us again
            while self._waiting and self._limit:
                self._write_some()
            if closing:
                return

    def _write_some(self) -> None:
        chunk = [self._waiting.popleft() for _ in range(min(len(self._waiting), _CHUNK))]
        self._writing = len(chunk)
        try:
            self._write_all("".join(chunk).encode())
        except OSError:  # nobody reads any more, or the disk is full
            if self._limit:  # else close() has counted them
                self.dropped += len(chunk)
        self._writing = 0

    def _write_all(self, data: bytes) -> None:
        while data:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # somebody who shares our output made it non-blocking
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                with contextlib.suppress(InterruptedError):
                    poll.poll(1000)
