"""SQLite as a database for several processes: where its file is, how it is opened, and its pragmas."""

import asyncio
import errno
import fcntl
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.core.errors import StoreOutage

from .database import Database, Lane, StoreUnusable, Timeouts, outage

READERS = 4  # reads at once; each has a thread
LOCK_POLL = 0.05  # seconds between looks at another process's lock

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileKind:
    """What a file is for. `application_id` marks it (https://www.sqlite.org/pragma.html#pragma_application_id).

    A file that is not marked yet is known by its `tables`.
    """

    name: str
    application_id: int
    tables: frozenset[str]


def sqlite_path(url: str) -> Path:
    """The file that `sqlite:path` names, relative to the working directory. Raises StoreUnusable."""
    scheme, _, name = url.partition(":")
    if scheme != "sqlite" or not name or name.startswith(("//", ":")):
        raise StoreUnusable(f"{scheme}:… is not a database this gateway can open: write sqlite:path/to/file.db")
    return Path(name)


async def open_sqlite(
    url: str, *, kind: FileKind, durable: bool, create: Callable[[Connection], None], timeouts: Timeouts
) -> Database:
    """The database behind `url`, made if it is not there; `create` brings its schema up to date, one process at a time.

    A file of another kind is not touched. `durable`: what is acknowledged is on the disk (synchronous FULL). Raises
    StoreUnusable or StoreOutage.
    """
    path = sqlite_path(url)
    reader = _engine(path, durable, timeouts.read, READERS, skip_autocommit_rollback=True)
    writer = _engine(path, durable, timeouts.write, 1)
    event.listen(writer.sync_engine, "begin", _begin_immediate)
    # a read is one statement and needs no transaction
    database = Database(
        Lane(reader, reader.connect, READERS, timeouts.read), Lane(writer, writer.begin, 1, timeouts.write)
    )
    try:
        async with asyncio.timeout(timeouts.start), _file_lock(path):
            _create_file(path)
            async with reader.connect() as connection:
                await connection.run_sync(_check_kind, path, kind)
                await connection.exec_driver_sql("PRAGMA journal_mode=WAL")
            async with writer.begin() as connection:
                await connection.run_sync(create)
                await connection.exec_driver_sql(f"PRAGMA application_id={kind.application_id}")
    except TimeoutError:
        await database.close()
        raise StoreOutage(f"{path}: another process has held it for {timeouts.start:g} s") from None
    except (SQLAlchemyError, OSError) as error:
        await database.close()
        raise _explained(path, error) from None
    except BaseException:
        await database.close()
        raise
    return database


def _engine(path: Path, durable: bool, seconds: float, width: int, **options: Any) -> AsyncEngine:
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=width,
        max_overflow=1,  # while a broken connection is still being closed
        pool_timeout=seconds,
        hide_parameters=True,  # they hold OpenIds
        **options,
    )
    synchronous = "FULL" if durable else "NORMAL"
    busy = int(seconds * 800)  # ms: SQLite gives up before its caller does

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver begins nothing of its own accord
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={busy}", f"synchronous={synchronous}", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _begin_immediate(connection: Connection) -> None:
    # the write lock is taken first: a transaction that reads, then writes, is never told "busy" half way
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _check_kind(connection: Connection, path: Path, kind: FileKind) -> None:
    found = connection.exec_driver_sql("PRAGMA application_id").scalar_one()
    tables = set(connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars())
    if found != kind.application_id and (found or (tables and not kind.tables <= tables)):
        raise StoreUnusable(f"{path}: is not a {kind.name} database, it belongs to another program: name another file")


@asynccontextmanager
async def _file_lock(path: Path) -> AsyncIterator[None]:
    """One opener at a time. A file of its own: closing the database's would drop SQLite's locks on it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(LOCK_POLL)
        yield
    finally:
        os.close(lock)


def _create_file(path: Path) -> None:
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    if path.stat().st_mode & 0o077:
        log.warning("%s: others than its owner may open this file: chmod 600 it", path)
    if not os.access(path, os.R_OK | os.W_OK):  # SQLite would open it all the same, until the first bind
        raise PermissionError(errno.EACCES, "read or write permission is missing")


def _explained(path: Path, error: SQLAlchemyError | OSError) -> Exception:
    """What the operator should know of a database that did not open."""
    what = str(getattr(error, "orig", None) or error)
    if isinstance(error, OperationalError) and "locked" in what:
        return outage(error)
    if isinstance(error, OperationalError | OSError):
        return StoreUnusable(f"{path}: {what}: the gateway must be able to read and write this file and its folder")
    return StoreUnusable(f"{path}: {what}: restore it from a backup, or move it away to start with an empty one")
