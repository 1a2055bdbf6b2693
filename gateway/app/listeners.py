"""The open listeners. A reload keeps those whose address stays, opens new ones first, and closes the others last."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from gateway.config import Address, Tcp, Unix
from gateway.listeners import ListenerUnusable, listening, shown
from gateway.wire.client import ClientConnection
from gateway.wire.listen import BACKLOG, waiting

KEY = "server.listen"


class Listener:
    """One address. Its socket is opened at once; `start` serves it.

    `make` makes the protocol of a connection, for an address with TLS or without: that may change under way.
    """

    def __init__(self, address: Address, make: Callable[[bool], asyncio.Protocol]) -> None:
        self.address = address
        self._socket = listening(KEY, address)
        self._make = lambda: make(self._tls)
        self.server: asyncio.Server | None = None

    @property
    def _tls(self) -> bool:
        return isinstance(self.address, Tcp) and self.address.tls

    async def start(self) -> None:
        """Accept connections."""
        loop = asyncio.get_running_loop()
        # uvloop listens anew, with its own idea of a backlog unless told.
        self.server = await loop.create_server(self._make, sock=self._socket.dup(), backlog=BACKLOG)

    async def close(self) -> None:
        """Accept no more. Who waits in the queue is taken: the end of the socket would be a reset for them."""
        if self.server is not None:
            self.server.close()
            loop = asyncio.get_running_loop()
            for connection in waiting(self._socket):
                await loop.connect_accepted_socket(self._make, connection)
        self.drop()

    def drop(self) -> None:
        """Close the socket at once, and remove a Unix socket's file."""
        if self.server is not None:
            self.server.close()
        self._socket.close()
        if isinstance(self.address, Unix):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.address.path)

    def accepted(self, client: ClientConnection) -> bool:
        """Whether the connection came in here."""
        here, there = self._socket.getsockname(), client.transport.get_extra_info("sockname")
        if not isinstance(here, tuple) or not isinstance(there, tuple):
            return bool(here == there)
        return here[1] == there[1] and here[0] in (there[0], "0.0.0.0", "::")  # noqa: S104

    def __str__(self) -> str:
        return shown(self._socket, tls=self._tls)


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

    def __init__(self, make: Callable[[bool], asyncio.Protocol]) -> None:
        self._make = make
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

    def commit(self, change: Change) -> None:
        """From now on these are the listeners. Those of `change.gone` are the caller's to close."""
        self._open = tuple(listener for listener, _ in change.wanted)
        for listener, address in change.wanted:
            listener.address = address  # with TLS now, or without

    async def close(self) -> None:
        """Accept no more."""
        for listener in self._open:
            await listener.close()

    def _new(self, address: Address) -> Listener:
        try:
            return Listener(address, self._make)
        except ListenerUnusable as error:
            if isinstance(address, Tcp) and any(
                isinstance(each.address, Tcp) and each.address.port == address.port for each in self._open
            ):
                raise ListenerUnusable(f"{error}, or by a listener that would go: that takes a restart") from error
            raise
