"""A legacy system's own database, asked one fixed question, in a session that can only read.

Law: whatever the database does, a caller has an answer or an outage in time, and it never holds more than two rows.
"""

import asyncio
import logging
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, event, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from gateway.wire.tasks import Tasks

from .database_faults import described
from .interface import VerifierOutage

Row = Mapping[str, Any]

_SERVERS_SHARE = 0.8  # of the timeout: the server gives up before we do, and its connection stays good
_RECYCLE = 600  # seconds that a connection is used; firewalls forget idle ones
_STEPS = 10_000  # of SQLite's machine between looks at the clock

# The value is none that such a column could hold: it is nobody's, and no fault.
# PostgreSQL: https://www.postgresql.org/docs/current/errcodes-appendix.html, class 22
_NOBODYS_STATES = {"22P02", "22003", "22007", "22008", "22021", "22P05"}
_NOBODYS_ERRNOS = {1267, 1300, 3854}  # MySQL: illegal mix of collations, invalid or inconvertible characters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the database is. `kind` is sqlite (with `path`), postgresql or mysql (with `socket`, a file or
    PostgreSQL's folder, or `host` and `port`). `tls`: how TLS is spoken; None: it is not.
    """

    kind: str
    path: Path | None = None
    host: str = ""
    port: int | None = None
    socket: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""
    tls: ssl.SSLContext | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Answer:
    columns: tuple[str, ...]
    rows: list[Row] = field(repr=False)


class LegacyDatabase:
    """Asks `query`, one SELECT with the named parameter `parameter`. Connects when first asked.

    `timeout` in seconds for an answer, waiting for one of the `connections` included.
    """

    def __init__(self, place: Place, query: str, parameter: str, *, timeout: float = 5.0, connections: int = 4) -> None:
        # A subquery: whatever is not one SELECT is a syntax error in every database, and two rows tell enough.
        self._query = text(f"SELECT * FROM (\n{query.rstrip()}\n) AS answer LIMIT 2")  # noqa: S608 - the operator's own
        self._parameter = parameter
        self._timeout = timeout
        self._file = place.path
        self._engine = _engine(place, timeout, connections)
        self._gate = asyncio.Semaphore(connections)
        self._tasks = Tasks()

    async def rows(self, value: str) -> list[Row]:
        """None, one or two rows for `value`. Raises VerifierOutage, without anything that a row or `value` holds."""
        return (await self._ask(value)).rows

    async def columns(self, value: str) -> tuple[str, ...]:
        """The names of the columns that the query gives. Raises VerifierOutage."""
        return (await self._ask(value)).columns

    async def _ask(self, value: str) -> _Answer:
        try:
            async with asyncio.timeout(self._timeout):
                await self._gate.acquire()
                # A task of its own: who gives up has their answer, however long a dead connection takes to close.
                task = self._tasks.start(self._fetched(value))
                task.add_done_callback(lambda _: self._gate.release())
                outcome: _Answer | VerifierOutage = await asyncio.shield(task)
        except TimeoutError:
            raise VerifierOutage("the database did not answer in time") from None
        if isinstance(outcome, VerifierOutage):
            raise outcome
        return outcome

    async def close(self, seconds: float = 2.0) -> None:
        """Release the connections, within `seconds`; idempotent."""
        with suppress(TimeoutError, SQLAlchemyError, OSError):
            async with asyncio.timeout(seconds):
                await self._tasks.close()
                await self._engine.dispose()

    async def _fetched(self, value: str) -> _Answer | VerifierOutage:
        try:
            if self._file is not None:
                await asyncio.to_thread(_readable, self._file)  # the driver leaves a thread behind when it cannot open
            async with asyncio.timeout(self._timeout), self._engine.connect() as connection:
                result = await connection.execute(self._query, {self._parameter: value})
                return _Answer(tuple(result.keys()), [dict(row) for row in result.mappings()])
        except TimeoutError:
            return VerifierOutage("the database did not answer in time")
        except Exception as error:  # the drivers raise their own too
            return _Answer((), []) if _is_nobodys(error) else VerifierOutage(described(error))


def _readable(path: Path) -> None:
    with path.open("rb"):
        pass


def _is_nobodys(error: Exception) -> bool:
    cause = getattr(error, "orig", None)
    number = next(iter(getattr(cause, "args", ())), None)
    return getattr(cause, "sqlstate", None) in _NOBODYS_STATES or number in _NOBODYS_ERRNOS


# --- one engine a kind --------------------------------------------------------------------------------


def _engine(place: Place, timeout: float, connections: int) -> AsyncEngine:
    if place.kind == "sqlite":
        return _sqlite(place, timeout)
    drivers = {"postgresql": ("postgresql+asyncpg", _postgresql), "mysql": ("mysql+asyncmy", _mysql)}
    driver, arguments = drivers[place.kind]
    query = {}
    if place.socket:
        query = {"host": place.socket} if place.kind == "postgresql" else {"unix_socket": place.socket}
    if place.kind == "mysql":
        query["charset"] = "utf8mb4"  # names are escaped by the client: never in a charset that hides a quote
    url = URL.create(
        driver,
        username=place.user or None,
        password=place.password or None,
        host=place.host or None,
        port=place.port,
        database=place.database or None,
        query=query,
    )
    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=1,  # while a broken connection is still being closed
        pool_timeout=timeout,
        pool_pre_ping=True,  # a restarted server is asked anew, not found dead
        pool_recycle=_RECYCLE,
        isolation_level="AUTOCOMMIT",  # one statement; its session only reads
        hide_parameters=True,
        connect_args=arguments(place, timeout),
    )
    if place.kind == "mysql":
        event.listen(engine.sync_engine, "connect", _mysql_session(timeout))
    return engine


def _postgresql(place: Place, timeout: float) -> dict[str, Any]:
    wait = str(int(timeout * _SERVERS_SHARE * 1000))  # ms
    return {
        "ssl": place.tls if place.tls is not None else False,
        "timeout": timeout,
        "statement_cache_size": 0,  # a changed table would make a kept plan fail
        "prepared_statement_cache_size": 0,
        "server_settings": {
            "default_transaction_read_only": "on",
            "statement_timeout": wait,
            "lock_timeout": wait,
            "idle_in_transaction_session_timeout": wait,
            "application_name": "wechat-gateway",
        },
    }


def _mysql(place: Place, timeout: float) -> dict[str, Any]:
    return {
        "connect_timeout": timeout,
        "read_timeout": timeout,
        **({"ssl": place.tls} if place.tls is not None else {}),
    }


def _mysql_session(timeout: float) -> Any:
    """MariaDB and MySQL limit a statement's time under names of their own, in seconds and milliseconds."""

    def connected(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SELECT VERSION()")
        [version] = cursor.fetchone()
        seconds = timeout * _SERVERS_SHARE
        limit = f"max_statement_time={seconds}" if "MariaDB" in version else f"max_execution_time={int(seconds * 1000)}"
        cursor.execute(f"SET SESSION {limit}")
        cursor.execute(f"SET SESSION lock_wait_timeout={max(1, int(seconds))}")
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.close()

    return connected


def _sqlite(place: Place, timeout: float) -> AsyncEngine:
    # No pool: a file that was replaced is seen, and opening one costs little.
    path = quote(str(place.path))
    url = URL.create("sqlite+aiosqlite", database=f"file:{path}", query={"mode": "ro", "uri": "true"})
    engine = create_async_engine(
        url, poolclass=NullPool, hide_parameters=True, connect_args={"timeout": timeout * _SERVERS_SHARE}
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        deadline = time.monotonic() + timeout * _SERVERS_SHARE
        connection.run_async(
            lambda driver: driver.set_progress_handler(lambda: int(time.monotonic() > deadline), _STEPS)
        )
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    return engine
