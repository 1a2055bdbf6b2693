"""Stores that outlive a configuration: the same store of two configurations is opened once, closed behind the last."""

from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar


class Closable(Protocol):
    """What is kept here."""

    async def close(self) -> None:
        """Let go of it for good."""


T = TypeVar("T", bound=Closable)


@dataclass
class _Held:
    thing: Any
    users: int


class Shelf:
    """Counts who uses what. A key holds all that a store is made from; it is compared, never shown."""

    def __init__(self) -> None:
        self._held: dict[Hashable, _Held] = {}

    async def take(self, key: Hashable, open_it: Callable[[], Awaitable[T]]) -> T:
        """What stands under `key`, opened if nothing does. Each `take` needs a `give_back`. One at a time."""
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held(await open_it(), 0)
        held.users += 1
        thing: T = held.thing
        return thing

    async def give_back(self, key: Hashable) -> None:
        """One user less; behind the last it is closed."""
        held = self._held[key]
        held.users -= 1
        if not held.users:
            del self._held[key]
            await held.thing.close()
