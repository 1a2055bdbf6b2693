"""A relational database behind limits: how long a caller waits, how many ask at once, what a failure is called.

Every error of the driver, the disk or the network becomes a `StoreOutage` here and nowhere else.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from gateway.core.errors import StoreOutage
from gateway.wire.tasks import Tasks

T = TypeVar("T")
PRUNED_AT_ONCE = 500  # rows
Work = Callable[[AsyncConnection], Awaitable[T]]


class StoreUnusable(Exception):
    """A database that cannot be opened until a person does something; the message says what."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds that a caller waits for a read, for a write, and at the start for another process's migration."""

    read: float = 2.0
    write: float = 5.0
    start: float = 30.0


class Lane:
    """How transactions are opened, how many may run at once, and how long a caller waits for one (seconds)."""

    def __init__(
        self,
        engine: AsyncEngine,
        begin: Callable[[], AbstractAsyncContextManager[AsyncConnection]],
        width: int,
        seconds: float,
    ) -> None:
        self.engine = engine
        self.begin = begin
        self.gate = asyncio.Semaphore(width)
        self.seconds = seconds


class _Call:
    """Somebody waits for the outcome, or does not any more."""

    def __init__(self) -> None:
        self.abandoned = False


class Database:
    """Runs work in transactions, each whole or not at all.

    A transaction runs in a task of its own: a caller that times out or leaves gets its answer at once, even if the
    disk hangs, and never cuts a statement in the middle. What it left before the first statement is not done.
    """

    def __init__(self, reader: Lane, writer: Lane) -> None:
        self._reader = reader
        self._writer = writer
        self._tasks = Tasks()

    async def read(self, work: Work[T]) -> T:
        """What `work` returns. For SQLite each statement sees its own snapshot, so ask one question in one."""
        return await self._run(self._reader, work)

    async def write(self, work: Work[T]) -> T:
        """What `work` returns, once its transaction is committed."""
        return await self._run(self._writer, work)

    async def prune(self, table: Table, expired: ColumnElement[bool]) -> None:
        """Delete the rows that are `expired`, in short transactions: a long backlog delays nobody."""
        (key,) = table.primary_key.columns
        some = select(key).where(expired).limit(PRUNED_AT_ONCE)

        async def work(connection: AsyncConnection) -> int:
            keys = (await connection.scalars(some)).all()
            await connection.execute(delete(table).where(key.in_(keys)))
            return len(keys)

        while await self.write(work) == PRUNED_AT_ONCE:
            pass

    async def _run(self, lane: Lane, work: Work[T]) -> T:
        call = _Call()
        try:
            async with asyncio.timeout(lane.seconds):
                await lane.gate.acquire()  # who gives up here leaves nothing behind
                task = self._tasks.start(_transaction(lane, work, call))
                task.add_done_callback(lambda _: lane.gate.release())
                outcome: T | StoreOutage = await asyncio.shield(task)
        except TimeoutError:
            raise StoreOutage("the database did not answer in time") from None
        finally:
            call.abandoned = True
        if isinstance(outcome, StoreOutage):
            raise outcome
        return outcome

    async def close(self, seconds: float = 5.0) -> None:
        """End what still runs and release the connections, within `seconds`; idempotent."""
        with suppress(TimeoutError, SQLAlchemyError, OSError):  # what was acknowledged is on the disk
            async with asyncio.timeout(seconds):
                await self._tasks.close()
                await self._reader.engine.dispose()
                await self._writer.engine.dispose()


async def _transaction(lane: Lane, work: Work[T], call: _Call) -> T | StoreOutage:
    try:
        async with lane.begin() as connection:
            if call.abandoned:
                return StoreOutage("nobody waits any more")
            return await work(connection)
    except (SQLAlchemyError, OSError) as error:
        return outage(error)


def outage(error: SQLAlchemyError | OSError) -> StoreOutage:
    """`error` for the log: the driver's first line, never statements, parameters or rows."""
    cause = getattr(error, "orig", None) or error
    first_line = str(cause).partition("\n")[0]
    return StoreOutage(f"{type(cause).__name__}: {first_line}")
