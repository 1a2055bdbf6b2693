"""Running the migrations with Alembic."""

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from . import UnknownRevision


def run(connection: Connection) -> None:
    """Bring the schema to the newest revision. Raises UnknownRevision."""
    config = Config()
    config.set_main_option("script_location", "gateway.stores:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    for revision in MigrationContext.configure(connection).get_current_heads():
        if revision not in known:
            raise UnknownRevision(revision)
    command.upgrade(config, "head")
