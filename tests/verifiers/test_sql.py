"""Passwords and phones in a legacy database, on real servers: a yes, a no, or an outage, and nothing in between."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.verifiers.hashes import DigestRules, StoredHash
from gateway.verifiers.interface import User, VerifierOutage
from tests.servers.fixtures import _certificate, database_authority, mariadb, postgres

from .legacy import HASH, Legacy, PasswordColumns, UserColumns, insert, literal

__all__ = ["_certificate", "database_authority", "mariadb", "postgres"]

ZHANG = User("42", {"name": "张三", "dept": "sales", "roles": ["clerk"]})
KINDS = ("sqlite", "postgresql", "mysql")


@pytest.fixture(params=KINDS)
async def legacy(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Legacy]:
    fixture = {"postgresql": "postgres", "mysql": "mariadb"}.get(request.param)
    server = request.getfixturevalue(fixture) if fixture else tmp_path / "legacy users.db"
    legacy = Legacy(request.param, server)
    await legacy.fill()
    yield legacy
    await legacy.close()


async def test_a_right_password_is_the_user(legacy: Legacy) -> None:
    """With claims of columns and of a JSON column."""
    assert await legacy.verifier().verify("zhang", "right") == ZHANG
    assert legacy.calls == [("password", "ok")]


@pytest.mark.parametrize(
    ("name", "password"),
    [("zhang", "wrong"), ("zhang", ""), ("zhang", HASH), ("unknown", "right"), ("nobody-yet", "right"), ("", "")],
)
async def test_whatever_else_is_a_no(legacy: Legacy, name: str, password: str) -> None:
    """A wrong password, the hash itself, an unknown name, somebody without a password (NULL)."""
    assert await legacy.verifier().verify(name, password) is None
    assert legacy.calls == [("password", "no")]


async def test_a_phone_finds_its_user(legacy: Legacy) -> None:
    """With claims; an unknown phone is nobody's."""
    resolver = legacy.resolver()
    assert await resolver.resolve("13800138000") == User("42", {"name": "张三", "roles": ["clerk"]})
    assert await resolver.resolve("13900139000") == User("43", {"name": "O'Hara"})
    assert await resolver.resolve("13600136000") is None
    assert legacy.calls == [("phone", "ok"), ("phone", "ok"), ("phone", "no")]


async def test_several_rows_are_a_fault(legacy: Legacy, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody can say who it is, so nobody is let in; the log tells the operator, without the name or the phone."""
    with pytest.raises(VerifierOutage):
        await legacy.verifier().verify("twin", "right")
    with pytest.raises(VerifierOutage):
        await legacy.resolver().resolve("13700137000")
    assert legacy.calls == [("password", "outage"), ("phone", "outage")]
    assert caplog.text.count("several rows") == 2
    assert "bind.password.sql" in caplog.text
    assert "twin" not in caplog.text
    assert "137" not in caplog.text


STRANGE = [
    "' OR '1'='1",
    "zhang' -- ",
    "zhang\\' OR 1=1 -- ",
    "\\' OR 1=1 -- ",
    "zhang'; DROP TABLE users; -- ",
    "' UNION SELECT 42, '" + HASH + "', 'x', 'x', NULL -- ",
    ":username",
    "%",
    "_hang",
    "zhan%",
    "$1",
    "%(username)s",
    "zhang\x00",
    "\x00' OR 1=1 -- ",
    "\xbf' OR 1=1 -- ",
    "縗' OR 1=1 -- ",
    '" OR ""="',
    "zhang/*",
    "😀",
    "x" * 256,
]


async def test_a_name_is_a_value_and_never_sql(legacy: Legacy) -> None:
    """It matches itself only; the table is there afterwards."""
    verifier = legacy.verifier()
    for name in STRANGE:
        assert await verifier.verify(name, "right") is None, name
    assert await verifier.verify("o'hara", "right") == User("43", {"name": "O'Hara"})
    assert await verifier.verify("zhang", "right") == ZHANG


async def test_a_name_may_be_anything(legacy: Legacy) -> None:
    """Quotes, backslashes and characters of four bytes are found as they are."""
    names = ["a\\b", "a\\'b", 'a"b', "%s", "李 四😀", "a;b", ":x"]
    escaped = [name.replace("\\", "\\\\") if legacy.kind == "mysql" else name for name in names]
    statements = [insert(100 + number, name, HASH, "n", None, None, None) for number, name in enumerate(escaped)]
    await legacy.execute(*statements)
    verifier = legacy.verifier()
    for number, name in enumerate(names):
        user = await verifier.verify(name, "right")
        assert user is not None, name
        assert user.user_id == str(100 + number)


async def test_backslashes_that_escape_nothing(mariadb: Any) -> None:
    """MySQL's NO_BACKSLASH_ESCAPES changes how quotes are hidden; the driver follows the server."""
    legacy = Legacy("mysql", mariadb)
    await legacy.fill()
    await legacy.execute("SET GLOBAL sql_mode = 'NO_BACKSLASH_ESCAPES'")
    try:
        verifier = legacy.verifier()
        for name in ("\\' OR 1=1 -- ", "' OR 1=1 -- ", "zhang\\"):
            assert await verifier.verify(name, "right") is None
        assert await verifier.verify("o'hara", "right") is not None
    finally:
        await legacy.execute("SET GLOBAL sql_mode = DEFAULT")
        await legacy.close()


async def test_the_session_can_only_read(legacy: Legacy) -> None:
    """Even as the account that owns the table, and even if the query were another."""
    database = legacy.database("SELECT 1 AS x WHERE 'a' = :username")
    assert await database.rows("a") == [{"x": 1}]
    async with database._engine.connect() as connection:
        with pytest.raises(Exception, match=r"(?i)read.?only"):
            await connection.exec_driver_sql("INSERT INTO users (id) VALUES (99)")


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM users WHERE login = :username",
        "SELECT 1 AS user_id WHERE '' = :username; DELETE FROM users",
        "INSERT INTO users (id) SELECT 99 WHERE '' = :username RETURNING id",
        "WITH gone AS (DELETE FROM users WHERE login = :username RETURNING id) SELECT id FROM gone",
        "SELECT 1) AS x; DELETE FROM users; SELECT (:username",
    ],
)
async def test_what_is_not_one_select_is_refused_by_the_database(legacy: Legacy, query: str) -> None:
    """Whatever the check of the configuration let through."""
    with pytest.raises(VerifierOutage):
        await legacy.database(query).rows("zhang")
    assert await legacy.verifier().verify("zhang", "right") == ZHANG


async def test_a_query_that_gives_everybody_is_not_read_to_its_end(legacy: Legacy) -> None:
    """Two rows tell enough."""
    assert len(await legacy.database("SELECT * FROM users WHERE :username = 'x'").rows("x")) == 2


async def test_queries_may_be_longer(legacy: Legacy) -> None:
    """Joins, orders, limits, casts and a WITH."""
    query = (
        "WITH active AS (SELECT * FROM users WHERE password IS NOT NULL)\n"
        "SELECT a.id, a.password, CAST(b.id AS CHAR(9)) AS twin, 50 % 8 AS rest FROM active a LEFT JOIN users b "
        "ON b.login = a.login AND b.id > a.id WHERE a.login = :username OR a.phone = :username ORDER BY a.id LIMIT 1"
    )
    verifier = legacy.verifier(query, columns=UserColumns("id", {"rest": "rest"}))
    assert await verifier.verify("zhang", "right") == User("42", {"rest": 2})
    assert await verifier.verify("13800138000", "right") == User("42", {"rest": 2})


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT nothing FROM users WHERE login = :username", "the database: "),
        ("SELECT id FROM missing WHERE login = :username", "the database: "),
        ("SELECT id AS uid, password, extra FROM users WHERE login = :username", "no column 'user_id'; it gives uid, "),
        ("SELECT id AS user_id FROM users WHERE login = :username", "no column 'password'; it gives user_id"),
        ("SELECT NULL AS user_id, password, extra, name, department FROM users WHERE login = :username", "'user_id'"),
        ("SELECT 'wx:1' AS user_id, password, extra, name, department FROM users WHERE login = :username", "'user_id'"),
        ("SELECT id AS user_id, password, name AS extra, name, department FROM users WHERE login = :username", "JSON"),
        ("SELECT id AS user_id, name AS password, name, extra FROM users WHERE login = :username", "no format"),
        (
            f"SELECT id AS user_id, {literal('$2b$31$' + 53 * '.')} AS password FROM users WHERE login = :username",
            "s to check",
        ),
    ],
)
async def test_a_row_that_cannot_be_used_is_an_outage(
    legacy: Legacy, query: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Not a "no"; the log says what to do, and nothing of the person."""
    with pytest.raises(VerifierOutage):
        await legacy.verifier(query).verify("zhang", "right")
    assert told in caplog.text
    assert "bind.password.sql" in caplog.text
    for secret in ("zhang", HASH, "张三", "right"):
        assert secret not in caplog.text
    assert legacy.calls == [("password", "outage")]


async def test_a_row_of_another_name_is_a_no(legacy: Legacy) -> None:
    """MySQL takes 42x for the number 42: with the name's column, each account has one spelling."""
    query = "SELECT id AS user_id, id AS login, password FROM users WHERE CAST(id AS CHAR(2)) = SUBSTR(:username, 1, 2)"
    options: dict[str, Any] = {"columns": UserColumns()}
    assert await legacy.verifier(query, **options).verify("42x", "right") is not None
    verifier = legacy.verifier(query, password=PasswordColumns(username="login"), **options)
    assert await verifier.verify("42x", "right") is None
    assert await verifier.verify("42", "right") == User("42")


async def test_salts_in_columns(legacy: Legacy) -> None:
    """Digests that say nothing are read by rules."""
    digest = hashlib.md5(hashlib.md5(b"right").hexdigest().encode() + b"s@lt").hexdigest()
    await legacy.execute(insert(50, "old", digest, "Old", "s@lt", None, None))
    rules = DigestRules("md5", "md5(password) + salt")
    verifier = legacy.verifier(password=PasswordColumns(salt="department"), digest=rules)
    user = await verifier.verify("old", "right")
    assert user is not None
    assert user.user_id == "50"
    assert await verifier.verify("old", "wrong") is None
    assert await verifier.verify("zhang", "right") is not None


def test_budgets_count_spellings_once() -> None:
    """Databases have collations: case, accents and spaces are no other name."""
    verifier = Legacy("sqlite", Path("none.db")).verifier()
    assert verifier.canonical("Zhang ") == verifier.canonical("ＺＨÄNG") == "zhang"


class Works:
    """Which hashes were computed, by their estimated cost."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.done: list[float] = []
        matches = StoredHash.matches

        def spy(stored: StoredHash, password: str) -> bool:
            self.done.append(stored.seconds)
            return matches(stored, password)

        monkeypatch.setattr(StoredHash, "matches", spy)

    def of(self) -> list[float]:
        done, self.done = self.done, []
        return done


async def test_unknown_names_take_as_long_as_wrong_passwords(legacy: Legacy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same work is done, at the cost of the hashes seen, or before that of the example."""
    works = Works(monkeypatch)
    verifier = legacy.verifier(example=None)
    await verifier.verify("zhang", "wrong")
    [cost] = works.of()
    for name in ("unknown", "nobody-yet"):
        await verifier.verify(name, "wrong")
        assert works.of() == [cost]
    fresh = legacy.verifier()
    await fresh.verify("unknown", "wrong")
    assert works.of() == [cost]
    assumed = legacy.verifier(example=None)
    await assumed.verify("unknown", "wrong")
    assert works.of() == [pytest.approx(2**10 * 50e-6)]


async def test_a_cheap_hash_among_costly_ones_is_not_told_apart(
    legacy: Legacy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table that is being moved to bcrypt: a wrong password costs what an unknown name does."""
    old = "sha1$fe76b$02d5916550edf7fc8c886f044887f4b1abf9b013"  # hashcat
    await legacy.execute(insert(51, "old", old, "Old", None, None, None))
    works = Works(monkeypatch)
    verifier = legacy.verifier()
    await verifier.verify("zhang", "wrong")
    [cost] = works.of()
    assert await verifier.verify("old", "wrong") is None
    assert cost in works.of()
    assert await verifier.verify("old", "hashcat") is not None
    await verifier.verify("unknown", "wrong")
    assert cost in works.of()


async def test_values_of_the_databases_become_claims(legacy: Legacy) -> None:
    """Numbers, truth, times; NULL is no claim."""
    boolean = "1" if legacy.kind == "sqlite" else "TRUE"
    query = (
        f"SELECT id AS user_id, name, NULL AS extra, 7 AS number, CAST(2.5 AS DECIMAL(4,2)) AS part, {boolean} AS yes, "
        "CURRENT_TIMESTAMP AS moment, department AS gone FROM users WHERE phone = :phone"
    )
    resolver = legacy.resolver(query)
    resolver._columns = UserColumns("user_id", {key: key for key in ("number", "part", "yes", "moment", "gone")})
    user = await resolver.resolve("13900139000")
    assert user is not None
    claims = dict(user.claims)
    assert str(claims.pop("moment")).startswith("20")
    assert claims == {"number": 7, "part": 2.5, "yes": 1}


async def test_what_a_column_of_numbers_cannot_hold_is_nobodys(legacy: Legacy) -> None:
    """A name of letters, where a query makes a number of it, is no fault of the database."""
    number = ":username" if legacy.kind == "mysql" else "CAST(CAST(:username AS TEXT) AS INTEGER)"
    database = legacy.database(f"SELECT id AS user_id FROM users WHERE id = {number}")
    for name in ("abc", "99999999999999999999", ""):
        assert await database.rows(name) == []
    assert await database.rows("42") == [{"user_id": 42}]


async def test_a_character_that_the_column_cannot_hold_is_in_no_name(mariadb: Any) -> None:
    """A table in GBK or Latin-1 knows no emoji."""
    legacy = Legacy("mysql", mariadb)
    await legacy.execute(
        "DROP TABLE IF EXISTS old_users",
        "CREATE TABLE old_users (login VARCHAR(20)) CHARACTER SET gbk",
        "INSERT INTO old_users VALUES ('张三')",
    )
    database = legacy.database("SELECT login FROM old_users WHERE login = :username")
    assert await database.rows("张三") == [{"login": "张三"}]
    for name in ("😀", "ü", "縗' OR 1=1 -- "):
        assert await database.rows(name) == []
    await legacy.close()
