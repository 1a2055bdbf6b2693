"""[bind.password.sql] and [bind.sms.sql]: where the database is, what may be asked of it, and what hashes are."""

from typing import Any

import pytest

from gateway.config.databases import DatabaseUrl

SQL = """
[bind.password]
verifier = "sql"
[bind.password.sql]
url = { env = "DATABASE" }
query = "SELECT id AS user_id, password FROM users WHERE login = :username"
"""
QUERY = 'query = "SELECT id AS user_id, password FROM users WHERE login = :username"'
URL = "postgresql://gate:p%40ss%2Fw%C3%B6rd@db.internal:5433/legacy"


@pytest.fixture
def folder(folder: Any) -> Any:
    """With a sql verifier instead of the http one."""
    folder.set('[bind.password]\nverifier = "http"\nurl = "http://127.0.0.1:9000/verify"\n', SQL)
    folder.env["DATABASE"] = URL
    return folder


def table(folder: Any) -> Any:
    return folder.load().settings.bind.password.sql


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, DatabaseUrl("postgresql", None, "db.internal", 5433, "", "gate", "p@ss/wörd", "legacy")),
        ("mysql://u:p@127.0.0.1/db", DatabaseUrl("mysql", None, "127.0.0.1", None, "", "u", "p", "db")),
        ("mariadb://u@[::1]:3307/db", DatabaseUrl("mysql", None, "::1", 3307, "", "u", "", "db")),
        ("postgres://u@/db?host=/run/pg", DatabaseUrl("postgresql", None, "", None, "/run/pg", "u", "", "db")),
        ("mysql://u@/db?unix_socket=/run/m.sock", DatabaseUrl("mysql", None, "", None, "/run/m.sock", "u", "", "db")),
    ],
)
def test_urls_of_databases(folder: Any, url: str, expected: DatabaseUrl) -> None:
    """Percent-encoded parts are decoded; the password shows nowhere."""
    folder.env["DATABASE"] = url
    found = table(folder).url
    assert found == expected
    assert "wörd" not in repr(found)


def test_a_file_of_sqlite(folder: Any) -> None:
    """Relative to gateway.toml; without a password it may stand there."""
    folder.set('{ env = "DATABASE" }', '"sqlite:legacy/users.db"')
    assert table(folder).url.path == folder.path / "legacy/users.db"
    folder.set("sqlite:legacy/users.db", "sqlite:////var/lib/users.db")
    assert str(table(folder).url.path) == "/var/lib/users.db"


@pytest.mark.parametrize(
    "url",
    [
        "oracle://u:canary@h/db",
        "postgresql+psycopg2://u:canary@h/db",
        "postgresql:u:canary@h/db",
        "postgresql://u:ca/nary@h/db",
        "postgresql://u:canary@h:99999/db",
        "postgresql://u:canary@h:0/db",
        "postgresql://u:canary@h",
        "postgresql://:canary@h/db",
        "postgresql://u:canary@/db",
        "postgresql://u:canary@h/db?sslmode=disable",
        "postgresql://u:canary@h/db?host=/run/pg",
        "mysql://u:canary@h/db#x",
        "mysql://u:canary%ff@h/db",
        "mysql://u:canary@/db?unix_socket=relative",
        "sqlite:",
        "sqlite::memory:",
        "sqlite:users.db?canary",
    ],
)
def test_what_is_no_url_of_a_database(folder: Any, url: str) -> None:
    """One problem, at its key, which quotes nothing of the secret."""
    folder.env["DATABASE"] = url
    problem = folder.problem()
    assert problem.key == "bind.password.sql.url"
    for part in ("canary", "ca/nary", "'ca'"):
        assert part not in problem.message


def test_a_password_does_not_stand_in_the_file(folder: Any) -> None:
    """A URL without one may, and in development any."""
    folder.set('{ env = "DATABASE" }', '"mysql://u:canary@127.0.0.1/db"')
    problem = folder.problem()
    assert problem.key == "bind.password.sql.url"
    assert "canary" not in problem.message
    folder.set("u:canary@", "u@")
    assert table(folder).url.user == "u"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("UPDATE users SET x = :username", "must be a SELECT"),
        ("SELECT 1 WHERE login = :username; DELETE FROM users", "one statement"),
        ("SELECT 1 -- :username", "comments"),
        ("SELECT 1 /*! INTO OUTFILE */ = :username", "comments"),
        ("SELECT 1) x; SELECT (:username", "semicolon"),
        ("SELECT 1) x UNION SELECT (:username", "parentheses"),
        ("WITH x AS (DELETE FROM users WHERE login = :username RETURNING id) SELECT id FROM x", "'DELETE'"),
        ("SELECT id INTO other FROM users WHERE login = :username", "'INTO'"),
        ("SELECT id FROM users WHERE login = :username FOR UPDATE", "'UPDATE'"),
        ("SELECT id FROM users WHERE login = ':username'", "in quotes"),
        ("SELECT id FROM users", "must use :username"),
        ("SELECT id FROM users WHERE login = :name", "must use :username"),
        ("SELECT id FROM users WHERE login = :username AND x = :y", "no other parameter"),
        ("SELECT id FROM users WHERE login LIKE :username", "pattern"),
        ("SELECT id FROM users WHERE login ilike   :username", "pattern"),
        ("SELECT id FROM users WHERE login ~* :username", "pattern"),
    ],
)
def test_what_is_not_one_select_for_one_name(folder: Any, query: str, message: str) -> None:
    """Each message says what is wrong with it."""
    folder.set(QUERY, f'query = "{query}"')
    problem = folder.problem()
    assert problem.key == "bind.password.sql.query"
    assert message in problem.message


@pytest.mark.parametrize(
    "query",
    [
        "select id from users where login = :username and note <> '; -- delete'",
        "WITH a AS (SELECT 1) SELECT id::text, data #>> '{a}' FROM users WHERE login = lower(:username)",
        "SELECT replace(x, '-', ''), `update`, updated_at FROM users WHERE a = :username OR b = :username LIMIT 1",
    ],
)
def test_what_a_select_may_be(folder: Any, query: str) -> None:
    """Texts and quoted names may hold anything."""
    folder.set(QUERY, f"query = '''{query}'''")
    assert table(folder).query == query


@pytest.mark.parametrize(
    ("url", "more", "tls"),
    [
        (URL, "", "verify-full"),
        (URL, 'tls = "off"', "off"),
        ("mysql://u:p@127.0.0.1/db", "", "off"),
        ("mysql://u:p@localhost/db", 'tls = "verify-full"', "verify-full"),
        ("postgresql://u@/db?host=/run/pg", "", "off"),
    ],
)
def test_tls_is_verified_unless_nobody_is_between(folder: Any, url: str, more: str, tls: str) -> None:
    """By default: on for every other machine, off on this one; off to another one is a warning."""
    folder.env["DATABASE"] = url
    folder.set(QUERY, f"{QUERY}\n{more}")
    assert table(folder).tls == tls
    warned = [warning for warning in folder.load().warnings if "bind.password.sql.tls" in warning]
    assert len(warned) == (url == URL and tls == "off")


@pytest.mark.parametrize(
    ("url", "more", "key"),
    [
        (URL, 'tls = "verify-ca"', "tls_ca"),
        (URL, 'tls = "prefer"', "tls"),
        (URL, 'tls_ca = "missing.pem"', "tls_ca"),
        (URL, 'tls_ca = "cookie.key"', "tls_ca"),
        ("mysql://u@/db?unix_socket=/run/m.sock", 'tls = "verify-full"', "tls"),
        ("mysql://u:p@127.0.0.1/db", 'tls_ca = "cookie.key"', "tls_ca"),
        (URL, "connections = 0", "connections"),
        (URL, 'timeout = "31s"', "timeout"),
        (URL, 'user_id = "a;b\'"', "user_id"),
        (URL, 'claims = { "a b" = "c" }', "claims"),
        (URL, 'digest = { algorithm = "crc32" }', "digest.algorithm"),
        (URL, 'digest = { algorithm = "md5", layout = "salt" }', "digest.layout"),
        (URL, 'digest = { algorithm = "md5", layout = "password + username" }', "digest.layout"),
        (URL, 'digest = { algorithm = "md5", layout = "salt + password" }', "digest"),
        (URL, 'salt = "salt"\ndigest = { algorithm = "md5" }', "digest"),
        (
            URL,
            'salt = "salt"\ndigest = { algorithm = "md5", layout = "salt + password", stored = "salt:digest" }',
            "digest",
        ),
        (URL, 'digest = { algorithm = "sha1", encoding = "hex16" }', "digest.encoding"),
        (URL, 'digest = { algorithm = "sha1", encoding = "raw", stored = "salt:digest" }', "digest.stored"),
        (URL, 'digest = { algorithm = "sha1", stored = "salt" }', "digest.stored"),
    ],
)
def test_what_does_not_fit_together(folder: Any, url: str, more: str, key: str) -> None:
    """One problem, at its key."""
    folder.env["DATABASE"] = url
    folder.set(QUERY, f"{QUERY}\n{more}")
    assert folder.problem().key == f"bind.password.sql.{key}"


def test_phones(folder: Any) -> None:
    """The same with :phone; and phones of a users file, whose absence is a warning."""
    folder.text += """
[bind]
methods = ["sms"]
[bind.sms]
sender = "http"
sender_url = "https://sms.example.com/send"
resolver = "sql"
[bind.sms.sql]
url = "sqlite:users.db"
query = "SELECT id FROM users WHERE phone = :phone"
user_id = "id"
"""
    assert folder.load().settings.bind.sms.sql.user_id == "id"
    folder.set(":phone", ":username")
    assert folder.problem().key == "bind.sms.sql.query"
    folder.set(':username"\nuser_id', ':phone"\nuser_id')
    folder.set('resolver = "sql"', 'resolver = "file"\nresolver_file = "users.toml"')
    [warning] = folder.load().warnings
    assert "bind.sms.resolver_file" in warning
