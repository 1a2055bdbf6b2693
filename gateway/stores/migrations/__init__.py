"""The bindings database's history: `upgrade` brings any older schema to the newest."""

from sqlalchemy import Connection, String, column, select, table

NEWEST = "0002"  # the revision of the last file in versions/


class UnknownRevision(Exception):
    """The schema is of a newer gateway, or of another program."""


def upgrade(connection: Connection) -> None:
    """Migrate within `connection`'s transaction. Raises UnknownRevision rather than touch what it does not know."""
    if _revision(connection) == NEWEST:
        return
    from .history import run  # Alembic takes 0.2 s to import: only those who migrate pay for it

    run(connection)


def _revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    query = select(column("version_num", String)).select_from(table("alembic_version"))
    found = connection.execute(query).scalars().all()
    return found[0] if len(found) == 1 else None
