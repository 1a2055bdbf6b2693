"""Listening sockets, and the sweeper that ends what has waited too long."""

import asyncio
import contextlib
import logging
import os
import resource
import socket
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

log = logging.getLogger(__name__)

BACKLOG = 4096  # the kernel caps it at net.core.somaxconn
_SWEEP = 0.25  # seconds: how late a deadline may be noticed


class Expiring(Protocol):
    """What the sweeper watches."""

    deadline: float

    def expire(self) -> None:
        """The deadline (loop time) has passed."""


class Sweeper:
    """Calls `expire` on what is overdue, and every pool's `sweep`. One timer instead of one for each request."""

    def __init__(
        self,
        watched: Callable[[], Iterable[Expiring]],
        sweeps: Sequence[Callable[[float], None]],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._watched = watched
        self._sweeps = sweeps
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Sweep from now on."""
        self._timer = self._loop.call_later(_SWEEP, self._tick)

    def stop(self) -> None:
        """Sweep no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self.start()
        self.sweep(self._loop.time())

    def sweep(self, now: float) -> None:
        """Expire what is overdue at `now`."""
        for overdue in [each for each in self._watched() if each.deadline < now]:
            try:
                overdue.expire()
            except Exception:  # one must not keep the others from their deadline
                log.exception("a deadline failed")
        for sweep in self._sweeps:
            sweep(now)


def tcp_socket(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A listening TCP socket. Raises OSError, for instance if the port is taken.

    `shared`: one of several on a port that `held_port` holds; the kernel spreads new connections over them.
    """
    listener = _bound(host, port, shared)
    try:
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def held_port(host: str, port: int) -> socket.socket:
    """A socket that keeps a TCP port for `shared` listeners of this user, and for no one else. It never listens.

    It is bound without SO_REUSEPORT, so that a port in use is an OSError and not a port shared with strangers; only
    then may others join it. Without SO_REUSEADDR from then on it refuses them even while nobody listens.
    """
    holder = _bound(host, port, shared=False)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
    return holder


def _bound(host: str, port: int, shared: bool) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def unix_socket(path: str) -> socket.socket:
    """A listening Unix socket. A socket file that nobody listens on any more is replaced, nothing else is."""
    with contextlib.suppress(FileNotFoundError):
        if stat.S_ISSOCK(os.stat(path).st_mode) and not _answers(path):
            os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def waiting(listener: socket.socket) -> Iterator[socket.socket]:
    """The connections that the kernel has made and nobody has accepted yet: no more than its queue holds.

    Who goes on connecting all the while cannot keep a listener from closing.
    """
    for _ in range(BACKLOG):
        try:
            connection, _ = listener.accept()
        except ConnectionAbortedError:
            continue
        except OSError:  # none is left, or no descriptor is
            return
        connection.setblocking(False)
        yield connection


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
        return True


def raise_file_limit() -> int:
    """Use all the file descriptors that we may: the soft limit of 1024 is for programs that call select(2)."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 1 << 20 if hard == resource.RLIM_INFINITY else hard
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
