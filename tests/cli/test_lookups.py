"""`gateway check --online` asks legacy databases for somebody who is not there."""

import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

PASSWORD = 'bind.password = { verifier = "http", url = "http://127.0.0.1:9/verify" }'
SQL = """
[bind.password]
verifier = "sql"
[bind.password.sql]
url = "sqlite:legacy.db"
query = "SELECT id, hash, name FROM users WHERE login = :username"
user_id = "id"
password = "hash"
claims = { name = "name" }
"""


@pytest.fixture
def asked(folder: Any) -> Iterator[Any]:
    """A configuration with a database and an upstream that are there."""
    with closing(sqlite3.connect(folder.path / "legacy.db")) as file:
        file.execute("CREATE TABLE users (id, hash, name, login)")
    folder.replace(PASSWORD, "")
    path = folder.path / "gateway.toml"
    path.write_text(path.read_text() + SQL)
    with socket.create_server(("127.0.0.1", 0)) as server:
        folder.replace('["http://127.0.0.1:9"]', f'["http://127.0.0.1:{server.getsockname()[1]}"]')
        yield folder


def test_a_query_that_works(asked: Any) -> None:
    """Nothing is found, and nothing is wrong."""
    assert asked.run("check", "--online") == (0, "gateway.toml: ok, 1 route, 1 policy\n", "")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('user_id = "id"', 'user_id = "uid"', "sql.query: gives no column 'uid' (user_id); it gives id, hash, name"),
        ('name = "name"', 'name = "nom"', "sql.query: gives no column 'nom' (claims.name); it gives"),
        ("FROM users", "FROM people", "sql.query: the database: there is no such table or column, or "),
        ("sqlite:legacy.db", "sqlite:missing.db", "sql.query: the database: no such file or directory ("),
        ('user_id = "id"', 'user_id = "id"\nexample_hash = "secret"', "sql.example_hash: is of no format"),
    ],
)
def test_a_query_that_does_not(asked: Any, old: str, new: str, message: str) -> None:
    """One line with the key; no file is made."""
    asked.replace(old, new)
    before = set(asked.path.iterdir())
    status, _, err = asked.run("check", "--online")
    assert status == 2
    assert f"bind.password.{message}" in err
    assert err.count("\n") == 1
    assert set(asked.path.iterdir()) == before
