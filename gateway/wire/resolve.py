"""Host names of upstream servers, looked up anew in the background, so that an address that moves is followed."""

import asyncio
import contextlib
import ipaddress
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Sequence

log = logging.getLogger(__name__)

Lookup = Callable[[str], Awaitable[Sequence[str]]]

_PATIENCE = 5.0  # seconds that a lookup is waited for; resolvers ask several servers in turn


async def lookup(host: str) -> Sequence[str]:
    """The addresses of `host` in the system's order (RFC 6724). Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


class Name:
    """The addresses of one host. An IP address costs nothing; a name is looked up when needed and by `follow`.

    A lookup that fails keeps the old addresses. At most one is under way: one that hangs cannot be ended, for it
    holds a thread of the resolver's.
    """

    def __init__(
        self,
        host: str,
        *,
        every: float,
        lookup: Lookup,
        patience: float = _PATIENCE,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._host = host
        self._every = every
        self._lookup = lookup
        self._patience = patience
        self._rand = rand
        self._pending: asyncio.Task[None] | None = None
        self._failure = "no answer in time"
        self.on_change: Callable[[Sequence[str]], None] = lambda addresses: None
        self.literal = _is_literal(host)
        self.addresses: tuple[str, ...] = (host,) if self.literal else ()

    async def get(self) -> tuple[str, ...]:
        """The addresses, never none. Instant once they are known. Raises OSError."""
        if not self.addresses:
            await self.refresh()
            if not self.addresses:
                raise OSError(f"{self._host} cannot be resolved: {self._failure}")
        return self.addresses

    async def follow(self) -> None:
        """Look the name up for ever."""
        while not self.literal:
            await asyncio.sleep(self._every * (0.8 + 0.2 * self._rand()))
            await self.refresh()

    async def refresh(self) -> None:
        """Look the name up now, or wait for the lookup that is under way; no longer than `patience`."""
        if self._pending is None or self._pending.done():
            self._pending = asyncio.get_running_loop().create_task(self._ask())
        await asyncio.wait({self._pending}, timeout=self._patience)

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._pending is not None:
            self._pending.cancel()

    async def _ask(self) -> None:
        try:
            found = tuple(dict.fromkeys(await self._lookup(self._host)))
        except Exception as error:  # OSError, or UnicodeError for what is no name at all
            self._failure = getattr(error, "strerror", None) or str(error)
            log.debug("%s: %s", self._host, self._failure)
            return
        moved = set(found) != set(self.addresses)
        if found:
            self.addresses = found
            if moved:
                self.on_change(found)


def _is_literal(host: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False
