"""What a database refuses is said in words that help, and that quote nothing."""

import socket
import ssl
from pathlib import Path

import pytest

from gateway.verifiers.database_faults import described
from gateway.verifiers.interface import VerifierOutage
from gateway.verifiers.legacy_database import LegacyDatabase, Place


class DriverError(Exception):
    """As asyncmy's and asyncpg's: a number and a message, or a state."""

    sqlstate: str | None = None


def refused(state: str | None, *args: object) -> DriverError:
    error = DriverError(*args)
    error.sqlstate = state
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refused("42000", 1142, "for CANARY"), "the user may not do this, or not read this table (DriverError 42000)"),
        (refused("42S02", 1146, "CANARY"), "there is no such table (DriverError 42S02)"),
        (refused("42703", "CANARY"), "there is no such column (DriverError 42703)"),
        (refused("42601", "CANARY"), "the query is not understood (DriverError 42601)"),
        (refused("XX000", "CANARY"), "DriverError XX000"),
        (refused(None, 9999, "CANARY"), "DriverError 9999"),
        (refused(None, "CANARY"), "DriverError"),
        (ConnectionRefusedError(111, "Connect call ('CANARY', 1)"), "connection refused (ConnectionRefusedError 111)"),
        (socket.gaierror(-2, "Name or service not known"), "name or service not known (gaierror -2)"),
        (ssl.SSLError(1, "CANARY"), "TLS with it does not come about (SSLError 1)"),
        (OSError("CANARY"), "OSError"),
    ],
)
def test_a_refusal_in_words(error: Exception, words: str) -> None:
    """The cause where it is known, always the class and the code, never the message."""
    assert described(error) == f"the database: {words}"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no such file or directory"), (b"CANARY" * 200, "the file is no SQLite database")],
)
async def test_a_file_that_is_no_database(tmp_path: Path, content: bytes | None, words: str) -> None:
    """The operator reads which of the two it is."""
    if content is not None:
        (tmp_path / "legacy.db").write_bytes(content)
    database = LegacyDatabase(Place("sqlite", path=tmp_path / "legacy.db"), "SELECT * FROM users", "username")
    with pytest.raises(VerifierOutage, match=f"the database: {words} "):
        await database.rows("ann")
    await database.close()
