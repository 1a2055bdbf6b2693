"""Hand-overs in a relational database: part of `SqlState`. Their rows tell neither who nor where from."""

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    MetaData,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.core.handover import Stage
from gateway.core.identity import Subject
from gateway.sealing import Sealer

from .database import Database
from .interface import Approval, Handover


def handovers_table(metadata: MetaData) -> Table:
    """The table, to be made with the others of the state."""
    return Table(
        "handovers",
        metadata,
        Column("key_hash", String(43), primary_key=True),
        Column("browser_hash", String(43), nullable=False, unique=True),
        Column("stage", String(16), nullable=False),
        Column("holder", String(43), nullable=False),
        Column("expires", BigInteger, nullable=False),
        Column("sealed", Text, nullable=False),
        Index("handovers_by_expiry", "expires"),
    )


class SqlHandovers:
    """The hand-overs of `State`. Every race is decided in one statement that names the row as it was seen."""

    def __init__(self, database: Database, sealer: Sealer, table: Table) -> None:
        self._database = database
        self._sealer = sealer
        self._handovers = table

    async def put_handover(self, key_hash: str, handover: Handover, former: str = "") -> None:
        """One transaction: a browser never waits for two phones."""
        table = self._handovers
        values = {"key_hash": key_hash, **self._row(handover)}
        gone = or_(table.c.browser_hash.in_((handover.browser_hash, former)), table.c.key_hash == key_hash)

        async def work(db: AsyncConnection) -> None:
            await db.execute(delete(table).where(gone))
            await db.execute(insert(table).values(values))

        await self._database.write(work)

    async def handover(self, key_hash: str, now: int) -> Handover | None:
        """A look, no more."""
        return await self._look(self._handovers.c.key_hash == key_hash, now)

    async def handover_of(self, browser_hash: str, now: int) -> Handover | None:
        """A look, no more."""
        return await self._look(self._handovers.c.browser_hash == browser_hash, now)

    async def move_handover(self, key_hash: str, before: Handover, after: Handover, now: int) -> bool:
        """One statement compares and writes."""
        c = self._handovers.c
        this = (c.key_hash == key_hash, c.browser_hash == before.browser_hash, c.expires > now)
        unchanged = (c.stage == before.stage.value, c.holder == before.holder)
        statement = update(self._handovers).where(*this, *unchanged).values(self._row(after))

        async def work(db: AsyncConnection) -> bool:
            return (await db.execute(statement)).rowcount == 1

        return await self._database.write(work)

    async def take_handover(self, browser_hash: str, now: int) -> Handover | None:
        """Of concurrent takers the one whose delete finds the row gets it."""
        c = self._handovers.c
        approved = (c.browser_hash == browser_hash, c.stage == Stage.APPROVED.value, c.expires > now)

        async def work(db: AsyncConnection) -> Row[Any] | None:
            row = (await db.execute(select(self._handovers).where(*approved))).one_or_none()
            if row is None:
                return None
            gone = await db.execute(delete(self._handovers).where(c.key_hash == row.key_hash, *approved))
            return row if gone.rowcount == 1 else None

        return self._opened_handover(await self._database.write(work))

    async def _look(self, which: Any, now: int) -> Handover | None:
        query = select(self._handovers).where(which, self._handovers.c.expires > now)

        async def work(db: AsyncConnection) -> Row[Any] | None:
            return (await db.execute(query)).one_or_none()

        return self._opened_handover(await self._database.read(work))

    def _row(self, handover: Handover) -> dict[str, Any]:
        rest: list[Any] = [handover.number, handover.host, handover.device, handover.address, handover.return_to]
        if (approval := handover.approval) is not None:
            subject = approval.subject
            rest += [subject.app, subject.openid, approval.sid_hash, approval.created, approval.auth_time]
        return {
            "browser_hash": handover.browser_hash,
            "stage": handover.stage.value,
            "holder": handover.holder,
            "expires": handover.expires,
            "sealed": self._sealer.seal(json.dumps(rest).encode(), now=0),
        }

    def _opened_handover(self, row: Row[Any] | None) -> Handover | None:
        plain = self._sealer.open(row.sealed) if row is not None else None
        if row is None or plain is None:
            return None
        number, host, device, address, return_to, *approval = json.loads(plain)
        found = Handover(
            row.browser_hash, number, host, device, address, return_to, row.expires, Stage(row.stage), row.holder
        )
        if not approval:
            return found
        app, openid, sid_hash, created, auth_time = approval
        return replace(found, approval=Approval(Subject(app, openid), sid_hash, created, auth_time))
