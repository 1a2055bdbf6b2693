"""Listeners with TLS: everything as without it, certificates that change, and cuts that look like cuts."""

import asyncio
import contextlib
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.config import load

from .authority import trusting, write_pair
from .carrying import at_rest, request, until
from .conftest import House, Open, free_port
from .raw import Line
from .upstream import canned


@dataclass
class Tls:
    """A house that also listens with TLS. `serial` is its certificate's."""

    house: House
    port: int
    serial: str
    trust: ssl.SSLContext

    async def line(self, context: ssl.SSLContext | None = None) -> Line:
        """A connection with TLS."""
        return Line(*await asyncio.open_connection("127.0.0.1", self.port, ssl=context or self.trust, limit=1 << 20))

    async def reload(self) -> None:
        """As after SIGHUP."""
        await self.house.gateway.reload(load(self.house.folder / "gateway.toml", env={}))


@pytest.fixture
async def tls(open_house: Open, tmp_path: Path) -> AsyncIterator[Tls]:
    """A house with both kinds of listener; nothing may be left behind."""
    serial = write_pair(tmp_path, "first")
    for name in ("first.pem", "first.key"):
        shutil.copy(tmp_path / name, tmp_path / f"now.{name[-3:]}")
    port = free_port()
    house: House = await open_house(
        server=f'tls = {{ certificate = "{tmp_path}/now.pem", key = "{tmp_path}/now.key" }}\n',
        limits='head_timeout = "1s"\nmax_connections = 20\n',
    )
    await house.gateway.stop()
    raise AssertionError("not reached")
    yield Tls(house, port, serial, trusting(tmp_path / "first.pem"))
