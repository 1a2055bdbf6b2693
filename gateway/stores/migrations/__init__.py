"""The bindings database's history: `upgrade` brings any older schema to the newest."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


class UnknownRevision(Exception):
    """The schema is of a newer gateway, or of another program."""


def upgrade(connection: Connection) -> None:
    """Migrate within `connection`'s transaction. Raises UnknownRevision rather than touch what it does not know."""
    config = Config()
    config.set_main_option("script_location", "gateway.stores:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    for revision in MigrationContext.configure(connection).get_current_heads():
        if revision not in known:
            raise UnknownRevision(revision)
    command.upgrade(config, "head")
