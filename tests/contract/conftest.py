"""The backends that every store contract is tested against. A new backend is one more entry here."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from gateway.sealing import KeyedHash, Sealer
from gateway.stores.cached import CachedBindings
from gateway.stores.interface import Bindings, OnConflict, State
from gateway.stores.sql_bindings import open_sql_bindings
from gateway.stores.sql_state import open_sql_state

KEY = b"k" * 32


async def driver_threads_end() -> None:
    """A connection that was given up is stopped without being waited for: its thread may not outlive the loop."""
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 5)


OpenBindings = Callable[..., Awaitable[Bindings]]


async def _sqlite(folder: Path, per_user: int, on_conflict: OnConflict, names: KeyedHash) -> Bindings:
    url = f"sqlite:{folder}/bindings.db"
    return await open_sql_bindings(url, per_user=per_user, on_conflict=on_conflict, names=names)


async def _cached(folder: Path, per_user: int, on_conflict: OnConflict, names: KeyedHash) -> Bindings:
    inner = await _sqlite(folder, per_user, on_conflict, names)
    return CachedBindings(inner, ttl=3600, size=100, clock=time.monotonic)


BINDINGS = {"sqlite": _sqlite, "sqlite-cached": _cached}


async def _sqlite_state(folder: Path) -> State:
    return await open_sql_state(f"sqlite:{folder}/state.db", sealer=Sealer([KEY], "state"))


STATES = {"sqlite": _sqlite_state}


@pytest.fixture(params=BINDINGS.values(), ids=BINDINGS.keys())
async def open_bindings(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[OpenBindings]:
    """Opens the one store of this test, as often as asked, with the given rules."""
    opened = []

    async def open_(
        per_user: int = 1, on_conflict: OnConflict = OnConflict.REFUSE, keys: tuple[bytes, ...] = (KEY,)
    ) -> Bindings:
        store = await request.param(tmp_path, per_user, on_conflict, KeyedHash(keys, "names"))
        opened.append(store)
        return store

    yield open_
    for store in opened:
        await store.close()
    await driver_threads_end()


@pytest.fixture
async def bindings(open_bindings: OpenBindings) -> Bindings:
    """One WeChat a user, conflicts refused."""
    return await open_bindings()


@pytest.fixture(params=STATES.values(), ids=STATES.keys())
async def state(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[State]:
    """An empty state store."""
    store = await request.param(tmp_path)
    yield store
    await store.close()
    await driver_threads_end()
