"""Fixtures of servers, started once a run by whoever imports them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Authority

from .mariadb import MariaDb
from .postgres import Postgres


@pytest.fixture(scope="session")
def database_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signed the servers' certificates, for the name localhost only."""
    return Authority(tmp_path_factory.mktemp("authority"), "databases")


@pytest.fixture(scope="session")
def _certificate(database_authority: Authority) -> tuple[Path, Path]:
    return database_authority.issue("localhost")


@pytest.fixture(scope="session")
def postgres(_certificate: tuple[Path, Path]) -> Iterator[Postgres]:
    """A running PostgreSQL. Whoever stops it starts it again."""
    server = Postgres(_certificate)
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def mariadb(_certificate: tuple[Path, Path]) -> Iterator[MariaDb]:
    """A running MariaDB. Whoever stops it starts it again."""
    server = MariaDb(_certificate)
    try:
        server.start()
        yield server
    finally:
        server.remove()
