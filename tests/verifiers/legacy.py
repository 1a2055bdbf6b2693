"""A legacy system's users table in SQLite, PostgreSQL and MariaDB, and the verifier that reads it."""

import sqlite3
import ssl
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bcrypt

from gateway.verifiers.legacy_database import LegacyDatabase, Place
from gateway.verifiers.sql import PasswordColumns, SqlPasswordVerifier, SqlPhoneResolver, UserColumns
from tests.servers import mariadb as mariadb_module
from tests.servers import postgres as postgres_module
from tests.servers.mariadb import MariaDb
from tests.servers.postgres import Postgres

HASH = bcrypt.hashpw(b"right", bcrypt.gensalt(4)).decode()
QUERY = "SELECT id AS user_id, password, name, department, extra FROM users WHERE login = :username"
BY_PHONE = "SELECT id AS user_id, name, extra FROM users WHERE phone = :phone"
CLAIMS = {"name": "name", "dept": "department"}
READER, READERS_PASSWORD = "reader", "r/e:a@d er"

ROWS = [
    (42, "zhang", HASH, "张三", "sales", '{"roles": ["clerk"]}', "13800138000"),
    (43, "o'hara", HASH, "O'Hara", None, None, "13900139000"),
    (44, "nobody-yet", None, "New", None, None, None),
    (45, "twin", HASH, "Twin", None, None, "13700137000"),
    (46, "twin", HASH, "Twin", None, None, "13700137000"),
]


def _create(kind: str) -> str:
    text = "VARCHAR(255)"
    return (
        f"CREATE TABLE users (id INTEGER PRIMARY KEY, login {text}, password {text}, name {text}, department {text},"
        f" extra {'JSONB' if kind == 'postgresql' else 'TEXT'}, phone {text})"
    )


def literal(value: Any) -> str:
    """A value in SQL; of ours only."""
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"


def insert(*row: Any) -> str:
    """A statement that adds a row."""
    return f"INSERT INTO users VALUES ({', '.join(map(literal, row))})"


@dataclass
class Legacy:
    """One of the databases, with the users table and an account that may do anything to it."""

    kind: str
    server: Postgres | MariaDb | Path
    calls: list[tuple[str, str]] = field(default_factory=list)
    opened: list[Any] = field(default_factory=list)

    async def execute(self, *statements: str) -> None:
        """Run statements as somebody who may."""
        if isinstance(self.server, Path):
            with closing(sqlite3.connect(self.server, isolation_level=None)) as connection:
                for statement in statements:
                    connection.execute(statement)
        else:
            await self.server.execute(*statements)

    async def fill(self) -> None:
        """The table, as new."""
        await self.execute("DROP TABLE IF EXISTS users", _create(self.kind), *(insert(*row) for row in ROWS))

    def place(self, **changes: Any) -> Place:
        """Where it is."""
        if isinstance(self.server, Path):
            return Place("sqlite", path=self.server)
        module = postgres_module if self.kind == "postgresql" else mariadb_module
        known: dict[str, Any] = {
            "kind": self.kind,
            "host": "127.0.0.1",
            "port": self.server.port,
            "user": module.USER,
            "password": module.PASSWORD,
            "database": module.DATABASE,
        }
        return Place(**(known | changes))

    def database(self, query: str = QUERY, parameter: str = "username", **options: Any) -> LegacyDatabase:
        """The database with a query; `options` of the place or of LegacyDatabase."""
        own = {key: options.pop(key) for key in ("timeout", "connections") if key in options}
        database = LegacyDatabase(self.place(**options), query, parameter, **own)
        self.opened.append(database)
        return database

    def verifier(self, query: str = QUERY, **options: Any) -> SqlPasswordVerifier:
        """The verifier; `password`, `digest` and `example` are its own, the rest is for `database`."""
        own = {key: options.pop(key) for key in ("password", "digest", "example") if key in options}
        own.setdefault("example", HASH)  # cheap
        columns = options.pop("columns", UserColumns("user_id", CLAIMS, "extra"))
        verifier = SqlPasswordVerifier(self.database(query, **options), columns, on_call=self.heard, **own)
        self.opened.append(verifier)
        return verifier

    def resolver(self, query: str = BY_PHONE, **options: Any) -> SqlPhoneResolver:
        """The resolver."""
        columns = UserColumns("user_id", {"name": "name"}, "extra")
        return SqlPhoneResolver(self.database(query, "phone", **options), columns, on_call=self.heard)

    def heard(self, kind: str, outcome: str, seconds: float) -> None:
        """What a metric would count."""
        assert seconds >= 0
        self.calls.append((kind, outcome))

    async def close(self) -> None:
        """Release all connections."""
        for each in self.opened:
            await each.close()


def trusting(ca: Path, *, names: bool = True) -> ssl.SSLContext:
    """TLS as the configuration makes it."""
    context = ssl.create_default_context(cafile=ca)
    context.check_hostname = names
    return context


__all__ = ["BY_PHONE", "HASH", "QUERY", "Legacy", "PasswordColumns", "UserColumns", "insert", "literal", "trusting"]
