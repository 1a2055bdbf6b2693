"""Bindings in a relational database, SQLite today, through SQLAlchemy Core. See schema.py and migrations/."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    insert,
    literal,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.core.identity import Binding, Standing, Subject
from gateway.sealing import KeyedHash

from . import schema
from .database import Database, StoreUnusable, Timeouts
from .interface import Actor, AuditEvent, BindRequest, Bound, Conflict, OnConflict, Refused, SessionRow
from .migrations import UnknownRevision, upgrade
from .rows import binding_of, clipped, next_version, packed, raise_to
from .sqlite import FileKind, open_sqlite

MAX_SESSIONS = 100  # shown of one subject
FILE = FileKind("bindings", 0x57784742, frozenset({"alembic_version", "bindings", "binding_sequence"}))  # "WxGB"


async def open_sql_bindings(
    url: str, *, per_user: int, on_conflict: OnConflict, names: KeyedHash, timeouts: Timeouts | None = None
) -> "SqlBindings":
    """The bindings behind `url`, migrated to the newest schema. `per_user`: WeChat identities a user may hold, 0 = any.

    `names` hashes subjects for the audit and the registry. Raises StoreUnusable (a person must act) or StoreOutage.
    """

    def migrate(connection: Connection) -> None:
        try:
            upgrade(connection)
        except UnknownRevision as error:
            raise StoreUnusable(
                f"{url}: schema {error} is unknown here: run the newer gateway that wrote it, or use a backup"
            ) from None

    database = await open_sqlite(url, kind=FILE, durable=True, create=migrate, timeouts=timeouts or Timeouts())
    return SqlBindings(database, per_user, on_conflict, names)


class SqlBindings:
    """`Bindings` over a `Database` that has the newest schema."""

    def __init__(self, database: Database, per_user: int, on_conflict: OnConflict, names: KeyedHash) -> None:
        self._database = database
        self._per_user = per_user
        self._on_conflict = on_conflict
        self._names = names

    def _known_names(self, subject: Subject) -> list[str]:
        return self._names.names(subject.app, subject.openid)

    def _name(self, subject: Subject) -> str:
        return self._names.name(subject.app, subject.openid)

    async def standing(self, subject: Subject, sid_hash: str, created: int) -> Standing:
        """One statement, one row: this is asked whenever the cache does not know."""
        names = self._known_names(subject)
        parameters = {
            "app": subject.app, "openid": subject.openid, "names": names, "sid_hash": sid_hash, "created": created
        }  # fmt: skip

        async def work(db: AsyncConnection) -> Standing:
            row = (await db.execute(_STANDING, parameters)).one()
            binding = None if row.user_id is None else binding_of(subject, row)
            return Standing(revoked=bool(row.revoked), binding=binding)

        return await self._database.read(work)

    async def bind(self, request: BindRequest, actor: Actor, now: int) -> Bound | Refused:
        """Who is in the way, who must go, the new row and the audit: one transaction."""

        async def work(db: AsyncConnection) -> Bound | Refused:
            return await self._bind(db, request, actor, now)

        return await self._database.write(work)

    async def _bind(self, db: AsyncConnection, request: BindRequest, actor: Actor, now: int) -> Bound | Refused:
        version = await next_version(db)
        held = (await db.execute(select(schema.bindings).where(_of(request.subject)))).one_or_none()
        if held is not None and held.user_id == request.user_id:
            return await self._refresh(db, held, request, version, actor, now)
        surplus = await self._surplus(db, request.user_id)
        if refused := self._refused(request, held, surplus):
            await self._audit(db, AuditEvent.CONFLICT, request, actor, now, detail=refused.conflict)
            return refused
        replaced = []
        for row in [held, *surplus] if held is not None else surplus:
            await db.execute(delete(schema.bindings).where(schema.bindings.c.id == row.id))
            old = binding_of(Subject(row.app, row.openid), row)
            await self._audit_end(db, old, actor, now, detail="replaced")
            replaced.append(old)
        consented_at = now if request.consent else None
        new_row = insert(schema.bindings).values(
            app=request.subject.app,
            openid=request.subject.openid,
            union_id=request.union_id,
            user_id=request.user_id,
            claims=packed(request.claims),
            method=request.method,
            version=version,
            bound_at=now,
            consent=request.consent or None,
            consented_at=consented_at,
        )
        await db.execute(new_row)
        await self._audit(db, AuditEvent.BIND, request, actor, now, detail="created")
        about = (request.subject, request.user_id, request.claims, request.method)
        binding = Binding(*about, version, now, request.consent, consented_at)
        return Bound(binding, created=True, replaced=tuple(replaced))

    def _refused(self, request: BindRequest, held: Row[Any] | None, surplus: Sequence[Row[Any]]) -> Refused | None:
        """Who is in the way, unless they may go and the person was told of them."""
        there = [Conflict.WECHAT_TAKEN] if held is not None else []
        there += [Conflict.USER_TAKEN] if surplus else []
        may_go = self._on_conflict is OnConflict.REPLACE
        if not there or (may_go and request.replace.issuperset(there)):
            return None
        return Refused(there[0], there[1] if there[1:] else None, replaceable=may_go)

    async def _refresh(
        self, db: AsyncConnection, held: Row[Any], request: BindRequest, version: int, actor: Actor, now: int
    ) -> Bound:
        claims = packed(request.claims)
        if (held.claims, held.method) == (claims, request.method):
            version = held.version
        union_id = request.union_id or held.union_id
        consent, consented_at = held.consent or "", held.consented_at
        if request.consent and request.consent != consent:
            consent, consented_at = request.consent, now
        values = {"claims": claims, "method": request.method, "union_id": union_id, "version": version}
        values |= {"consent": consent or None, "consented_at": consented_at}
        await db.execute(update(schema.bindings).where(schema.bindings.c.id == held.id).values(values))
        await self._audit(db, AuditEvent.BIND, request, actor, now, detail="refreshed")
        about = (request.subject, request.user_id, request.claims, request.method)
        return Bound(Binding(*about, version, held.bound_at, consent, consented_at), created=False)

    async def _surplus(self, db: AsyncConnection, user_id: str) -> Sequence[Row[Any]]:
        """The user's oldest bindings that must go before another may come."""
        if not self._per_user:
            return []
        query = select(schema.bindings).where(schema.bindings.c.user_id == user_id).order_by(schema.bindings.c.id)
        rows = (await db.execute(query)).all()
        return rows[: max(0, len(rows) - self._per_user + 1)]

    async def unbind(self, subject: Subject, actor: Actor, now: int) -> Binding | None:
        """The row goes, the audit stays."""

        async def work(db: AsyncConnection) -> Binding | None:
            held = (await db.execute(select(schema.bindings).where(_of(subject)))).one_or_none()
            if held is None:
                return None
            await db.execute(delete(schema.bindings).where(_of(subject)))
            old = binding_of(subject, held)
            await self._audit_end(db, old, actor, now)
            return old

        return await self._database.write(work)

    async def audit(
        self, event: AuditEvent, subject: Subject, method: str, actor: Actor, now: int, detail: str = ""
    ) -> None:
        """No user id: a refusal proves none, a logout asks for none."""

        async def work(db: AsyncConnection) -> None:
            await self._audit(db, event, BindRequest(subject, "", {}, method), actor, now, detail)

        await self._database.write(work)

    async def _audit_end(self, db: AsyncConnection, old: Binding, actor: Actor, now: int, detail: str = "") -> None:
        """Its consent ends with it."""
        ended = BindRequest(old.subject, old.user_id, {}, old.method, consent=old.consent)
        await self._audit(db, AuditEvent.UNBIND, ended, actor, now, detail)

    async def _audit(
        self, db: AsyncConnection, event: AuditEvent, about: BindRequest, actor: Actor, now: int, detail: str = ""
    ) -> None:
        values = {
            "at": now,
            "event": event.value,
            "detail": str(detail),
            "app": about.subject.app,
            "subject": self._name(about.subject),
            "user_id": about.user_id or None,
            "method": about.method,
            "actor": actor.name,
            "request_id": actor.request_id,
            "ip": actor.ip,
            "user_agent": actor.user_agent,
            "consent": about.consent,
        }
        await db.execute(insert(schema.audit).values(clipped(schema.audit, values)))

    async def register_session(self, row: SessionRow) -> None:
        """Again for the same sid: nothing happens."""
        values = {
            "sid_hash": row.sid_hash,
            "subject": self._name(row.subject),
            "created": row.created,
            "expires": row.expires,
            "device": row.device,
        }

        async def work(db: AsyncConnection) -> None:
            known = await db.scalar(select(exists().where(schema.sessions.c.sid_hash == row.sid_hash)))
            if not known:
                await db.execute(insert(schema.sessions).values(clipped(schema.sessions, values)))

        await self._database.write(work)

    async def sessions(self, subject: Subject, now: int) -> Sequence[SessionRow]:
        """At most the newest hundred."""
        table, names = schema.sessions, self._known_names(subject)
        query = (
            select(table)
            .where(table.c.subject.in_(names), table.c.expires > now)
            .where(not_(_revoked(names, table.c.sid_hash, table.c.created)))
            .order_by(table.c.created.desc(), table.c.sid_hash)
            .limit(MAX_SESSIONS)
        )

        async def work(db: AsyncConnection) -> list[SessionRow]:
            rows = (await db.execute(query)).all()
            return [SessionRow(row.sid_hash, subject, row.created, row.expires, row.device) for row in rows]

        return await self._database.read(work)

    async def revoke_session(self, sid_hash: str, until: int) -> None:
        """The later of two ends counts."""
        await self._database.write(lambda db: raise_to(db, schema.revoked_sessions, sid_hash, {"until": until}))

    async def revoke_subject(self, subject: Subject, not_before: int, until: int) -> None:
        """The later of two not-befores counts."""
        limits = {"not_before": not_before, "until": until}
        await self._database.write(lambda db: raise_to(db, schema.revoked_subjects, self._name(subject), limits))

    async def prune(self, now: int) -> None:
        """Rows whose `until` or `expires` is `now` or before."""
        for table in (schema.revoked_sessions, schema.revoked_subjects):
            await self._database.prune(table, table.c.until <= now)
        await self._database.prune(schema.sessions, schema.sessions.c.expires <= now)

    async def ping(self) -> None:
        """Reads the file, and so fails if it cannot be read."""
        await self._database.read(lambda db: db.scalar(select(schema.binding_sequence.c.last)))

    async def close(self) -> None:
        """End what runs, close the files."""
        await self._database.close()


def _of(subject: Subject) -> Any:
    return and_(schema.bindings.c.app == subject.app, schema.bindings.c.openid == subject.openid)


def _revoked(names: Any, sid_hash: Any, created: Any) -> Any:
    """A tombstone, or a not-before under any of the subject's names."""
    tombs, subjects = schema.revoked_sessions.c, schema.revoked_subjects.c
    not_before = exists().where(subjects.subject.in_(names), subjects.not_before >= created)
    return or_(exists().where(tombs.sid_hash == sid_hash), not_before)


def _standing() -> Select[Any]:
    """One row always: whether revoked, and the binding or nulls."""
    c = schema.bindings.c
    revoked = _revoked(bindparam("names", expanding=True), bindparam("sid_hash"), bindparam("created"))
    one = select(literal(1).label("one")).subquery()
    joined = one.outerjoin(schema.bindings, and_(c.app == bindparam("app"), c.openid == bindparam("openid")))
    columns = (c.user_id, c.claims, c.method, c.version, c.bound_at, c.consent, c.consented_at)
    return select(revoked.label("revoked"), *columns).select_from(joined)


_STANDING = _standing()  # made once: to build it costs more than to run it
