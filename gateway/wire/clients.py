"""The client connections of one process: who is here, who is still in its TLS handshake, and when the last is gone."""

import asyncio
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .client import ClientConnection


class Abortable(Protocol):
    """What can be cut off."""

    def abort(self) -> None:
        """Cut it off."""


class Clients:
    """Shared by all listeners and all generations of the configuration. `draining`: no connection is kept any more."""

    def __init__(self) -> None:
        self.connections: set[ClientConnection] = set()
        self.handshakes: set[Abortable] = set()
        self.draining = False
        self._empty: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self.connections) + len(self.handshakes)

    def enter(self, client: "ClientConnection") -> None:
        """It is connected."""
        self.connections.add(client)
        if self.draining:
            client.drain()

    def leave(self, client: "ClientConnection") -> None:
        """It is gone."""
        self.connections.discard(client)
        self._left()

    def shake(self, handshake: Abortable) -> None:
        """It begins a handshake."""
        self.handshakes.add(handshake)

    def shaken(self, handshake: Abortable) -> None:
        """The handshake has ended, one way or the other."""
        self.handshakes.discard(handshake)
        self._left()

    def drain(self) -> None:
        """From now on every connection ends with its next answer."""
        self.draining = True
        for client in self.connections:
            client.drain()

    def abort(self) -> None:
        """Cut all of them."""
        for each in (*self.handshakes, *self.connections):
            each.abort()

    async def empty(self) -> None:
        """Wait until the last one is gone."""
        self._empty = asyncio.Event()
        if len(self):
            await self._empty.wait()

    def _left(self) -> None:
        if self._empty is not None and not len(self):
            self._empty.set()
