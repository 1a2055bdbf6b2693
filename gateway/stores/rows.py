"""Rows of the bindings database: written, raised and read back the same way everywhere."""

import json
from typing import Any

from sqlalchemy import Row, Table, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.core.identity import Binding, Claims, Subject

from . import schema


async def next_version(db: AsyncConnection) -> int:
    """A version that no binding ever had. Binds wait for each other here."""
    last = schema.binding_sequence.c.last
    await db.execute(update(schema.binding_sequence).values(last=last + 1))
    return int((await db.execute(select(last))).scalar_one())


async def raise_to(db: AsyncConnection, table: Table, name: str, limits: dict[str, int]) -> None:
    """Insert the row, or raise its columns to `limits`; never lower them."""
    (key,) = table.primary_key.columns
    known = (await db.execute(select(table).where(key == name))).mappings().one_or_none()
    if known is None:
        await db.execute(insert(table).values({key.name: name, **limits}))
    else:
        higher = {column: max(known[column], limit) for column, limit in limits.items()}
        await db.execute(update(table).where(key == name).values(higher))


def binding_of(subject: Subject, row: Row[Any]) -> Binding:
    """The binding in a row of the table."""
    claims = json.loads(row.claims)
    kept = (row.method, row.version, row.bound_at, row.consent or "", row.consented_at)
    return Binding(subject, row.user_id, claims, *kept)


def packed(claims: Claims) -> str:
    """Equal texts mean equal claims: JSON tells 1 from true, Python does not."""
    return json.dumps(dict(claims), sort_keys=True, separators=(",", ":"), allow_nan=False)


def clipped(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """Texts cut to their columns: what a stranger sends is long and not precious."""
    return {
        name: value[: table.c[name].type.length] if isinstance(value, str) else value  # type: ignore[attr-defined]
        for name, value in values.items()
    }
