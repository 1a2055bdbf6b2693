"""The shortcut past Alembic knows the newest revision."""

import sys

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

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
