"""The open listeners. A reload keeps those whose address stays, opens new ones first, and closes the others last."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.config import Address, Tcp
from gateway.listeners import ListenerUnusable, Sockets, shown
from gateway.wire.client import ClientConnection
from gateway.wire.listen import BACKLOG, waiting
from gateway.wire.secure import SecureServer

KEY = "server.listen"


class Doors(Protocol):
    """What stands behind the listeners, whatever the configuration is now."""

    def client(self) -> ClientConnection:
        """The protocol of a connection without TLS."""

    def secure(self, listener: socket.socket) -> SecureServer:
        """The server of a listener with TLS."""


class Listener:
    """One address. Its socket is opened at once; `serve` serves it."""

    def __init__(self, sockets: Sockets, address: Address, doors: Doors) -> None:
        self.address = address
        self._sockets = sockets
        self._doors = doors
        self._socket = sockets.open(KEY, address)
        self._name: object = self._socket.getsockname()
        self.server: asyncio.Server | SecureServer | None = None

    async def serve(self) -> None:
        """Accept connections, with TLS or without, as the address says now."""
        tls = isinstance(self.address, Tcp) and self.address.tls
        if self.server is not None:
            if tls == isinstance(self.server, SecureServer):
                return
            self.server.close()
            self.server = None
        if tls:
            self.server = self._doors.secure(self._socket)
            self.server.start()
            return
        loop = asyncio.get_running_loop()
        # uvloop listens anew, with its own idea of a backlog unless told.
        self.server = await loop.create_server(self._doors.client, sock=self._socket.dup(), backlog=BACKLOG)

    async def close(self) -> None:
        """Accept no more. Who waits in the queue is taken: the end of the socket would be a reset for them."""
        server, self.server = self.server, None
        try:
            if server is None:
                return
            server.close()
            for connection in waiting(self._socket):
                if isinstance(server, SecureServer):
                    server.take(connection)
                else:
                    await asyncio.get_running_loop().connect_accepted_socket(self._doors.client, connection)
        finally:
            self.drop()

    def drop(self) -> None:
        """Close the socket at once."""
        if self.server is not None:
            self.server.close()
        self._socket.close()
        self._sockets.release(self.address)

    def accepted(self, client: ClientConnection) -> bool:
        """Whether the connection came in here; also when it is closed."""
        here, there = self._name, client.transport.get_extra_info("sockname")
        if not isinstance(here, tuple) or not isinstance(there, tuple):
            return bool(here == there)
        return here[1] == there[1] and here[0] in (there[0], "0.0.0.0", "::")  # noqa: S104

    def __str__(self) -> str:
        return shown(self._socket, tls=isinstance(self.server, SecureServer))


@dataclass(frozen=True, slots=True)
class Change:
    """What a new configuration makes of the listeners. All of `wanted` are open; those `added` do not serve yet."""

    wanted: tuple[tuple[Listener, Address], ...]
    added: tuple[Listener, ...]
    gone: tuple[Listener, ...]

    def undo(self) -> None:
        """It does not come to it."""
        for listener in self.added:
            listener.drop()


class Listeners:
    """All of `server.listen`."""

    def __init__(self, sockets: Sockets, doors: Doors) -> None:
        self._sockets = sockets
        self._doors = doors
        self._open: tuple[Listener, ...] = ()

    def __iter__(self) -> Iterator[Listener]:
        return iter(self._open)

    def prepare(self, addresses: Sequence[Address]) -> Change:
        """Open what is new among `addresses`. Raises ListenerUnusable; nothing has changed then."""
        left = list(self._open)
        wanted: list[tuple[Listener, Address]] = []
        added: list[Listener] = []
        try:
            for address in addresses:
                listener = next((each for each in left if each.address == address), None)
                if listener is not None:
                    left.remove(listener)
                else:
                    listener = self._new(address)
                    added.append(listener)
                wanted.append((listener, address))
        except BaseException:
            for listener in added:
                listener.drop()
            raise
        return Change(tuple(wanted), tuple(added), tuple(left))

    def commit(self, change: Change) -> list[Callable[[], Awaitable[None]]]:
        """From now on these are the listeners. Out comes what makes each of them serve: the caller's to await.

        Those of `change.gone` are the caller's to close.
        """
        self._open = tuple(listener for listener, _ in change.wanted)
        for listener, address in change.wanted:
            listener.address = address  # with TLS now, or without
        return [listener.serve for listener in self._open]

    async def close(self) -> None:
        """Accept no more."""
        for listener in self._open:
            await listener.close()

    def _new(self, address: Address) -> Listener:
        try:
            return Listener(self._sockets, address, self._doors)
        except ListenerUnusable as error:
            if isinstance(address, Tcp) and any(
                isinstance(each.address, Tcp) and each.address.port == address.port for each in self._open
            ):
                raise ListenerUnusable(f"{error}, or by a listener that would go: that takes a restart") from error
            raise
