"""The limits around a database: no caller waits for ever, no transaction is cut, every failure is an outage."""

import asyncio
import sqlite3
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import text

from gateway.core.errors import StoreOutage
from gateway.stores.database import Timeouts
from gateway.stores.sqlite import FileKind, open_sqlite

QUICK = Timeouts(read=0.25, write=0.25, start=5)
KIND = FileKind("test", 1, frozenset())


def create(connection):
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS t (n INTEGER UNIQUE)")


async def open_database(folder, timeouts=QUICK):
    return await open_sqlite(f"sqlite:{folder}/t.db", kind=KIND, durable=True, create=create, timeouts=timeouts)


@pytest.fixture
async def database(tmp_path):
    opened = await open_database(tmp_path)
    yield opened
    await opened.close()


@contextmanager
def held(path):
    """The write lock, in the hands of somebody else."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


def insert(n):
    return lambda connection: connection.execute(text("INSERT INTO t VALUES (:n)"), {"n": n})


async def numbers(database):
    async def work(connection):
        return list(await connection.scalars(text("SELECT n FROM t ORDER BY n")))

    return await database.read(work)


async def test_a_locked_database_is_an_outage_then_recovers(database, tmp_path):
    """A write gives up within its time, a read goes on, and nothing must be restarted afterwards."""
    await database.write(insert(1))
    started = asyncio.get_running_loop().time()
    with held(tmp_path / "t.db"):
        with pytest.raises(StoreOutage, match="locked"):
            await database.write(insert(2))
        assert await numbers(database) == [1]
    assert asyncio.get_running_loop().time() - started < 5
    await database.write(insert(3))
    assert await numbers(database) == [1, 3]


async def test_many_writers_on_a_locked_database_give_up_in_time(database, tmp_path):
    """Those who wait behind the first give up at their own time, not one after another; none writes later."""
    started = asyncio.get_running_loop().time()
    with held(tmp_path / "t.db"):
        outcomes = await asyncio.gather(*(database.write(insert(n)) for n in range(20)), return_exceptions=True)
    assert asyncio.get_running_loop().time() - started < 2.5
    assert all(isinstance(outcome, StoreOutage) for outcome in outcomes)
    await database.write(insert(100))
    assert await numbers(database) == [100]


async def test_a_hanging_disk_holds_nobody(database):
    """Callers get their outage on time while a transaction hangs, and are served as soon as it ends."""
    disk = asyncio.Event()

    async def hang(connection):
        await insert(1)(connection)
        await disk.wait()

    for work in (hang, insert(2)):
        with pytest.raises(StoreOutage, match="in time"):
            await database.write(work)
    disk.set()
    await database.write(insert(3))
    assert await numbers(database) == [1, 3]


async def test_a_caller_that_leaves_does_not_cut_its_transaction(database):
    """Begun, it ends whole: the connection stays usable and the next in line sees the result."""
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(connection):
        await insert(1)(connection)
        begun.set()
        await go_on.wait()
        await insert(2)(connection)

    caller = asyncio.create_task(database.write(slow))  # noqa: TID251
    await begun.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await database.write(insert(3))
    assert await numbers(database) == [1, 2, 3]


async def test_a_failed_transaction_leaves_nothing(database):
    """All of it or none; the error is an outage without its values."""

    async def half(connection):
        await insert(1)(connection)
        await insert(1)(connection)

    with pytest.raises(StoreOutage, match=r"^IntegrityError: UNIQUE constraint failed: t\.n$"):
        await database.write(half)
    assert await numbers(database) == []


async def test_a_mistake_is_no_outage(database):
    """A bug in the work surfaces as itself, rolled back."""

    async def mistake(connection):
        await insert(1)(connection)
        raise KeyError("bug")

    with pytest.raises(KeyError):
        await database.write(mistake)
    assert await numbers(database) == []


async def test_a_damaged_page_is_an_outage(tmp_path):
    """Corruption found while serving is an outage, never an answer."""
    database = await open_database(tmp_path)
    await database.write(insert(1))
    await database.close()
    path = tmp_path / "t.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    database = await open_database(tmp_path)
    with pytest.raises(StoreOutage, match="malformed"):
        await numbers(database)
    await database.close()
