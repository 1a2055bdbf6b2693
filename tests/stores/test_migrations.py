"""The shortcut past Alembic knows the newest revision."""

import importlib
import sys

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, select

from gateway.stores.migrations import NEWEST, upgrade


def test_newest_is_the_head_of_the_history() -> None:
    """A new migration that forgets NEWEST would never run on existing databases."""
    config = Config()
    config.set_main_option("script_location", "gateway.stores:migrations")
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]


def test_a_migrated_database_does_not_need_alembic() -> None:
    """Starts are fast: the second one imports none of it."""
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        upgrade(connection)
        sys.modules.pop("gateway.stores.migrations.history")
        upgrade(connection)
        assert "gateway.stores.migrations.history" not in sys.modules
    engine.dispose()


def test_bindings_of_the_first_schema_are_kept() -> None:
    """A binding from before consents were kept with it has none, and stays as it was."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    from gateway.stores import schema
    from gateway.stores.migrations.history import run

    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        first = importlib.import_module("gateway.stores.migrations.versions.0001_bindings")
        with Operations.context(MigrationContext.configure(connection)):
            first.upgrade()
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")
        connection.exec_driver_sql(
            "INSERT INTO bindings (app, openid, user_id, claims, method, version, bound_at) "
            "VALUES ('main', 'o', '42', '{}', 'pwd', 7, 100)"
        )
        run(connection)
        row = connection.execute(select(schema.bindings)).one()
    assert (row.user_id, row.version, row.bound_at, row.consent, row.consented_at) == ("42", 7, 100, None, None)
    engine.dispose()
