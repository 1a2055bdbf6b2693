"""From an address in the configuration to a listening socket, or to a sentence for the operator."""

import contextlib
import errno
import os
import socket
from collections.abc import Iterator, Sequence
from typing import Protocol

from gateway.config import Address, Tcp, Unix
from gateway.wire.listen import held_port, tcp_socket, unix_socket


class ListenerUnusable(Exception):
    """An address that cannot be listened on; the message names its key and says why."""


class Sockets(Protocol):
    """Where a gateway gets its listening sockets from."""

    def open(self, key: str, address: Address) -> socket.socket:
        """A socket that listens on `address`, which stands at `key`; the caller closes it. Raises ListenerUnusable."""

    def release(self, address: Address) -> None:
        """Nobody listens on `address` any more."""


class OwnSockets:
    """Of a gateway of one process."""

    def open(self, key: str, address: Address) -> socket.socket:
        """As Sockets."""
        return listening(key, address)

    def release(self, address: Address) -> None:
        """The file of a Unix socket goes."""
        if isinstance(address, Unix):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(address.path)


class SharedSockets:
    """Of several workers, opened by their parent before they are forked. `addresses` are pairs of key and address.

    On a TCP address of `spread_key` each worker listens for itself: the kernel spreads connections over them, and a
    worker's death leaves no queue behind that nobody serves. The parent only holds the port. Unix sockets and what
    stands at other keys is opened here and inherited; whichever worker is free accepts.
    """

    def __init__(self, spread_key: str, addresses: Sequence[tuple[str, Address]]) -> None:
        self._spread_key = spread_key
        self._addresses = addresses
        self._held: dict[tuple[str, Address], socket.socket] = {}
        self._inherited: dict[tuple[str, Address], socket.socket] = {}

    def __enter__(self) -> "SharedSockets":
        """Open all. Raises ListenerUnusable; nothing stays open then."""
        try:
            for key, address in self._addresses:
                if key == self._spread_key and isinstance(address, Tcp):
                    with _explained(key, address):
                        self._held[key, address] = held_port(address.host, address.port)
                else:
                    self._inherited[key, address] = listening(key, address)
        except ListenerUnusable:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """The parent closes all, and removes the files of Unix sockets."""
        for each in (*self._held.values(), *self._inherited.values()):
            each.close()
        for _key, address in self._inherited:
            OwnSockets().release(address)

    def open(self, key: str, address: Address) -> socket.socket:
        """For a worker. Also refuses what its parent has not opened."""
        if (held := self._held.get((key, address))) is not None:
            host, port = held.getsockname()[:2]
            with _explained(key, address):
                return tcp_socket(host, port, shared=True)
        if (inherited := self._inherited.get((key, address))) is not None:
            return inherited.dup()
        raise ListenerUnusable(f"{key}: {address} needs a restart: workers share what was opened before them")

    def release(self, address: Address) -> None:
        """A worker leaves it to its parent."""

    def let_go(self, key: str) -> None:
        """Close this process's own copies of the sockets at `key`: once every process has, clients are refused."""
        for (name, _), each in (self._held | self._inherited).items():
            if name == key:
                each.close()

    def addresses(self, key: str) -> list[str]:
        """Where `key` is listened on, as the log shows it."""
        opened = {**self._held, **self._inherited}
        return [
            shown(opened[key, address], tls=isinstance(address, Tcp) and address.tls)
            for name, address in self._addresses
            if name == key
        ]


def listening(key: str, address: Address) -> socket.socket:
    """A socket that listens on `address`, which stands at `key`. Raises ListenerUnusable."""
    with _explained(key, address):
        if isinstance(address, Tcp):
            return tcp_socket(address.host, address.port)
        return unix_socket(str(address.path))


@contextlib.contextmanager
def _explained(key: str, address: Address) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ListenerUnusable(f"{key}: {address} {_why_not(address, error)}") from error


def shown(listener: socket.socket, *, tls: bool = False) -> str:
    """Where it listens, as people open it."""
    name = listener.getsockname()
    if not isinstance(name, tuple):
        return f"unix:{name}"
    scheme = "https" if tls else "http"
    return f"{scheme}://[{name[0]}]:{name[1]}" if ":" in name[0] else f"{scheme}://{name[0]}:{name[1]}"


def _why_not(address: Address, error: OSError) -> str:
    tcp = isinstance(address, Tcp)
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "is not an address of this machine"
    if error.errno == errno.EADDRINUSE:
        return "is in use by another process" if tcp else "is in use by another process, or is no socket"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "is not allowed: ports below 1024 need CAP_NET_BIND_SERVICE" if tcp else "may not be made by this user"
    return f"cannot be listened on: {error.strerror or error}"
