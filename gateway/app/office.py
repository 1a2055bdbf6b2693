"""The admin listener while it runs."""

import socket

from aiohttp import web

from gateway.config import Address
from gateway.listeners import Sockets, shown


class Office:
    """The admin application on `address`. `names` are its further hosts."""

    def __init__(self, sockets: Sockets, address: Address, names: tuple[str, ...], listener: socket.socket) -> None:
        self._sockets = sockets
        self.address = address
        self.names = names
        self._listener = listener
        self._runner: web.AppRunner | None = None

    @classmethod
    def at(cls, sockets: Sockets, address: Address, names: tuple[str, ...], old: "Office | None") -> "Office":
        """Not serving yet. An `old` one at the same address lends its socket. Raises ListenerUnusable."""
        if old is not None and old.address == address:
            return cls(sockets, address, names, old._listener.dup())
        return cls(sockets, address, names, sockets.open("server.admin", address))

    async def start(self, application: web.Application) -> None:
        """Serve."""
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, self._listener.dup()).start()

    async def close(self, successor: "Office | None" = None) -> None:
        """Serve no more; a successor at the same address goes on with its Unix socket's file."""
        if self._runner is not None:
            await self._runner.cleanup()
        self._listener.close()
        if successor is None or successor.address != self.address:
            self._sockets.release(self.address)

    def __str__(self) -> str:
        return shown(self._listener)
