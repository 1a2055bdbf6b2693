"""For `gateway check --online`: whether what the configuration names can be opened and reached."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Protocol

from gateway.app.upstreams import tls_context, tls_to
from gateway.config import Address, Loaded, Problem, Tcp
from gateway.config.addresses import Https
from gateway.config.upstreams import TlsTable
from gateway.core.errors import StoreOutage
from gateway.sealing import KeyedHash, Sealer
from gateway.stores.database import StoreUnusable
from gateway.stores.interface import OnConflict
from gateway.stores.sql_bindings import open_sql_bindings
from gateway.stores.sql_state import open_sql_state
from gateway.stores.sqlite import sqlite_path
from gateway.wire.dial import Tls, trouble

from .lookups import problems_of_lookups
from .online_people import people_problems
from .reach import sender_address, trouble_reaching

_AFTER_HANDSHAKE = 0.3  # seconds


class _Store(Protocol):
    async def close(self) -> None: ...


async def problems_online(loaded: Loaded) -> list[Problem]:
    """Open each store that is there; reach upstreams, sender, and whom people's proofs are asked of. Makes no file."""
    parts = _stores(loaded), problems_of_lookups(loaded), _upstreams(loaded), people_problems(loaded), _sender(loaded)
    return [problem for part in parts async for problem in part]


async def _sender(loaded: Loaded) -> AsyncIterator[Problem]:
    bind = loaded.settings.bind
    if "sms" in bind.methods and bind.sms and (address := sender_address(bind.sms)):
        key, url = address
        if message := await trouble_reaching(url, bind.sms.timeout):
            yield loaded.problem(key, f"{url}: {message}")


async def _stores(loaded: Loaded) -> AsyncIterator[Problem]:
    settings = loaded.settings
    masters = [key.get_secret_value() for key in settings.secrets.cookie_keys]

    def bindings() -> Awaitable[_Store]:
        rules = settings.bindings
        conflict, names = OnConflict(rules.on_conflict), KeyedHash(masters, "subjects")
        return open_sql_bindings(rules.url, per_user=rules.per_user, on_conflict=conflict, names=names)

    def state() -> Awaitable[_Store]:
        return open_sql_state(settings.state.url, sealer=Sealer(masters, "state rows"))

    for name, url, opened in (("bindings", settings.bindings.url, bindings), ("state", settings.state.url, state)):
        path = sqlite_path(url)
        message = await _trouble_with_store(opened) if _is_there(path) else _trouble_with_folder(path.parent)
        if message:
            yield loaded.problem((name, "url"), message)


async def _trouble_with_store(opened: Callable[[], Awaitable[_Store]]) -> str | None:
    try:
        await (await opened()).close()
    except (StoreOutage, StoreUnusable) as error:
        return str(error)
    return None


def _is_there(path: Path) -> bool:
    return os.path.exists(path)  # unlike Path's, it raises nothing below a folder that may not be read


def _trouble_with_folder(folder: Path) -> str | None:
    """Why a file cannot be made in `folder`, which may itself be still to make."""
    there = next(each for each in (folder, *folder.parents) if _is_there(each))
    if not os.path.isdir(there):
        return f"{there} is not a folder"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"{there} is not writable for this user"
    return None


async def _upstreams(loaded: Loaded) -> AsyncIterator[Problem]:
    for number, upstream in enumerate(loaded.settings.upstreams):
        for index, server in enumerate(upstream.servers):
            if message := await _trouble_with_upstream(server, upstream.tls, upstream.connect_timeout):
                yield loaded.problem(("upstreams", number, "servers", index), f"{server}: {message}")


async def _trouble_with_upstream(server: Address, settings: TlsTable | None, patience: float) -> str | None:
    try:
        async with asyncio.timeout(patience):
            if isinstance(server, Https):
                return await _trouble_with_tls(server, tls_to(server, settings, tls_context(settings)))
            if isinstance(server, Tcp):
                _, writer = await asyncio.open_connection(server.host, server.port)
            else:
                _, writer = await asyncio.open_unix_connection(str(server.path))
    except TimeoutError:
        return f"no connection within {patience:g} s"
    except OSError as error:
        return trouble(error)
    writer.transport.abort()
    return None


async def _trouble_with_tls(server: Https, tls: Tls) -> str | None:
    """A server that misses our certificate says so behind the handshake (RFC 8446 4.4.2.4), so that is waited for."""
    reader, writer = await asyncio.open_connection(
        server.host, server.port, ssl=tls.context, server_hostname=tls.server_name
    )
    try:
        async with asyncio.timeout(_AFTER_HANDSHAKE):
            await reader.read(1)
    except TimeoutError:
        return None
    finally:
        writer.transport.abort()
    return "closed after the TLS handshake"
