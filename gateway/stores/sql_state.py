"""Tickets, attempts, one-time codes and limits in a relational database, SQLite today.

All of it may be lost at any time, so there are no migrations: a new shape comes as new tables.
"""

import hmac
import json
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, Table, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.core.identity import Subject
from gateway.sealing import Sealer

from .database import Database, Timeouts
from .interface import BindRequest, Claim, ClaimState, CodeCheck, Conflict, Ticket
from .lockout import Lockout, Strike, Struck, strike
from .sql_handovers import SqlHandovers, handovers_table
from .sqlite import FileKind, open_sqlite
from .state_schema import attempts, codes, counters, lockouts, metadata, spent_codes, tickets

MAX_TICKETS = 10  # live, of one sid
FILE = FileKind("state", 0x57784753, frozenset({"tickets", "attempts", "counters"}))  # "WxGS"

handovers = handovers_table(metadata)


async def open_sql_state(url: str, *, sealer: Sealer, timeouts: Timeouts | None = None) -> "SqlState":
    """The state behind `url`, its tables made if absent. `sealer` hides whose the tickets are.

    Raises StoreUnusable (a person must act) or StoreOutage.
    """
    database = await open_sqlite(
        url, kind=FILE, durable=False, create=metadata.create_all, timeouts=timeouts or Timeouts()
    )
    return SqlState(database, sealer)


class SqlState(SqlHandovers):
    """`State` over a `Database`. Every race is decided in one transaction that holds the write lock from its start."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        super().__init__(database, sealer, handovers)

    async def put_ticket(self, key_hash: str, ticket: Ticket) -> None:
        """The sid's oldest tickets beyond the limit go."""
        sealed = _seal(self._sealer, ticket)
        values = {
            "key_hash": key_hash,
            "sid_hash": ticket.sid_hash,
            "expires": min(ticket.expires, ticket.ends),
            "sealed": sealed,
        }
        of_sid = tickets.c.sid_hash == ticket.sid_hash

        async def work(db: AsyncConnection) -> None:
            await db.execute(insert(tickets).values(values))
            newest = (await db.scalars(select(tickets.c.id).where(of_sid).order_by(tickets.c.id.desc()))).all()
            if len(newest) > MAX_TICKETS:
                await db.execute(delete(tickets).where(of_sid, tickets.c.id <= newest[MAX_TICKETS]))

        await self._database.write(work)

    async def peek_ticket(self, key_hash: str, sid_hash: str, now: int) -> Ticket | None:
        """A look, no more."""
        query = select(tickets).where(*_live_ticket(key_hash, sid_hash, now))

        async def work(db: AsyncConnection) -> Row[Any] | None:
            return (await db.execute(query)).one_or_none()

        return self._opened(await self._database.read(work))

    async def take_ticket(self, key_hash: str, sid_hash: str, now: int) -> Ticket | None:
        """One statement deletes and returns it."""
        statement = delete(tickets).where(*_live_ticket(key_hash, sid_hash, now)).returning(tickets)

        async def work(db: AsyncConnection) -> Row[Any] | None:
            return (await db.execute(statement)).one_or_none()

        return self._opened(await self._database.write(work))

    def _opened(self, row: Row[Any] | None) -> Ticket | None:
        plain = self._sealer.open(row.sealed) if row is not None else None
        if row is None or plain is None:
            return None
        app, openid, union_id, return_to, tries, ends, *wish = json.loads(plain)  # an older gateway knew no wish
        subject = Subject(app, openid)
        ticket = Ticket(subject, row.sid_hash, return_to, tries, row.expires, ends, union_id)
        return replace(ticket, wish=_wish(subject, union_id, wish[0])) if wish and wish[0] else ticket

    async def claim_attempt(self, state_hash: str, code_hash: str, now: int, expires: int) -> Claim:
        """The state's row and the code's are written together, or neither."""

        async def work(db: AsyncConnection) -> Claim:
            if (known := await _attempt(db, state_hash, now)) is not None:
                return known
            spent = select(spent_codes.c.code_hash).where(
                spent_codes.c.code_hash == code_hash, spent_codes.c.expires > now
            )
            if await db.scalar(spent) is not None:
                return Claim(ClaimState.CODE_USED)
            await _replace(db, attempts, {"state_hash": state_hash, "result": None, "expires": expires})
            await _replace(db, spent_codes, {"code_hash": code_hash, "expires": expires})
            return Claim(ClaimState.WON)

        return await self._database.write(work)

    async def settle_attempt(self, state_hash: str, result: str, expires: int) -> None:
        """The code stays spent for as long as the claim said."""
        settled = update(attempts).where(attempts.c.state_hash == state_hash).values(result=result, expires=expires)

        async def work(db: AsyncConnection) -> None:
            await db.execute(settled)

        await self._database.write(work)

    async def attempt(self, state_hash: str, now: int) -> Claim | None:
        """A look, no more."""
        return await self._database.read(lambda db: _attempt(db, state_hash, now))

    async def put_code(self, slot: str, code_hash: str, expires: int, tries: int) -> None:
        """The slot's former code, if any, is gone."""
        values = {"slot": slot, "code_hash": code_hash, "expires": expires, "tries": tries}
        await self._database.write(lambda db: _replace(db, codes, values))

    async def try_code(self, slot: str, code_hash: str, now: int) -> CodeCheck:
        """Compared in constant time, and counted before anybody hears the answer."""
        of_slot = codes.c.slot == slot

        async def work(db: AsyncConnection) -> CodeCheck:
            row = (await db.execute(select(codes).where(of_slot))).one_or_none()
            if row is None or row.expires <= now or row.tries <= 0:
                return CodeCheck.DEAD
            right = hmac.compare_digest(row.code_hash.encode(), code_hash.encode())
            if right or row.tries == 1:
                await db.execute(delete(codes).where(of_slot))
            else:
                await db.execute(update(codes).where(of_slot).values(tries=row.tries - 1))
            return CodeCheck.RIGHT if right else CodeCheck.WRONG

        return await self._database.write(work)

    async def hit(self, bucket: str, limit: int, window: int, now: int) -> int:
        """The window starts at its first event, so that waiting it out always helps."""

        async def work(db: AsyncConnection) -> int:
            row = await _counter(db, bucket, now)
            if row is None:
                await _replace(db, counters, {"bucket": bucket, "events": 1, "expires": now + window})
                return 0 if limit >= 1 else window
            if row.events < limit:
                await db.execute(update(counters).where(counters.c.bucket == bucket).values(events=row.events + 1))
                return 0
            return int(row.expires) - now

        return await self._database.write(work)

    async def give_back(self, bucket: str) -> None:
        """One statement, so that no hit is lost beside it."""
        counted = update(counters).where(counters.c.bucket == bucket, counters.c.events > 0)

        async def work(db: AsyncConnection) -> None:
            await db.execute(counted.values(events=counters.c.events - 1))

        await self._database.write(work)

    async def hits(self, bucket: str, limit: int, window: int, now: int) -> int:
        """A look, no more."""

        async def work(db: AsyncConnection) -> int:
            row = await _counter(db, bucket, now)
            if row is None:
                return 0 if limit >= 1 else window
            return 0 if row.events < limit else int(row.expires) - now

        return await self._database.read(work)

    async def strike(self, bucket: str, lockout: Lockout, now: int) -> Strike:
        """Read and written under the write lock."""
        columns = (lockouts.c.failures, lockouts.c.ready, lockouts.c.expires)
        live = select(*columns).where(lockouts.c.bucket == bucket, lockouts.c.expires > now)

        async def work(db: AsyncConnection) -> Strike:
            row = (await db.execute(live)).one_or_none()
            outcome, kept = strike(lockout, None if row is None else Struck(*row), now)
            await _replace(db, lockouts, {"bucket": bucket, **kept._asdict()})
            return outcome

        return await self._database.write(work)

    async def forgive(self, bucket: str) -> None:
        """One statement, so that no strike is lost beside it."""
        counted = update(lockouts).where(lockouts.c.bucket == bucket, lockouts.c.failures > 0)
        less = counted.values(failures=lockouts.c.failures - 1, ready=0)
        await self._database.write(lambda db: db.execute(less))

    async def prune(self, now: int) -> None:
        """Expired rows of every table; nobody would have been given them."""
        for table in metadata.sorted_tables:
            await self._database.prune(table, table.c.expires <= now)

    async def ping(self) -> None:
        """Reads the file, and so fails if it cannot be read."""
        await self._database.read(lambda db: db.scalar(select(tickets.c.id).limit(1)))

    async def close(self) -> None:
        """End what runs, close the files."""
        await self._database.close()


def _seal(sealer: Sealer, ticket: Ticket) -> str:
    subject = ticket.subject
    rest: list[Any] = [subject.app, subject.openid, ticket.union_id, ticket.return_to, ticket.tries, ticket.ends]
    if (wish := ticket.wish) is not None:
        rest.append([wish.user_id, dict(wish.claims), wish.method, wish.consent, sorted(wish.replace)])
    return sealer.seal(json.dumps(rest).encode(), now=0)


def _wish(subject: Subject, union_id: str | None, fields: list[Any]) -> BindRequest:
    user_id, claims, method, consent, conflicts = fields
    going = frozenset(Conflict(each) for each in conflicts)
    return BindRequest(subject, user_id, claims, method, union_id, consent, going)


def _live_ticket(key_hash: str, sid_hash: str, now: int) -> tuple[Any, ...]:
    return tickets.c.key_hash == key_hash, tickets.c.sid_hash == sid_hash, tickets.c.expires > now


async def _attempt(db: AsyncConnection, state_hash: str, now: int) -> Claim | None:
    query = select(attempts).where(attempts.c.state_hash == state_hash, attempts.c.expires > now)
    row = (await db.execute(query)).one_or_none()
    if row is None:
        return None
    return Claim(ClaimState.PENDING) if row.result is None else Claim(ClaimState.SETTLED, row.result)


async def _counter(db: AsyncConnection, bucket: str, now: int) -> Row[Any] | None:
    query = select(counters).where(counters.c.bucket == bucket, counters.c.expires > now)
    return (await db.execute(query)).one_or_none()


async def _replace(db: AsyncConnection, table: Table, values: dict[str, Any]) -> None:
    (key,) = table.primary_key.columns
    await db.execute(delete(table).where(key == values[key.name]))
    await db.execute(insert(table).values(values))
