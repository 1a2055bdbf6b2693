"""A legacy database that is slow, frozen, gone, full or a stranger: an outage in time, and it recovers by itself."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.verifiers.interface import VerifierOutage
from tests.conftest import Authority
from tests.servers.fixtures import _certificate, database_authority, mariadb, postgres

from .legacy import Legacy, trusting

__all__ = ["_certificate", "database_authority", "mariadb", "postgres"]

KNOWN = {"user_id": 42}
QUERY = "SELECT id AS user_id FROM users WHERE login = :username"
SLOW = {
    "postgresql": "SELECT CAST(pg_sleep(30) AS text) AS x WHERE '' <> :username",
    "mysql": "SELECT SLEEP(30) AS x FROM (SELECT 1 AS one) AS once WHERE '' <> :username",
    "sqlite": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) "
    "SELECT max(x) FROM n WHERE '' <> :username",
}


@pytest.fixture(params=["postgresql", "mysql"])
async def legacy(request: pytest.FixtureRequest) -> AsyncIterator[Legacy]:
    """On a server."""
    legacy = Legacy(request.param, request.getfixturevalue({"mysql": "mariadb"}.get(request.param, "postgres")))
    await legacy.fill()
    yield legacy
    await legacy.close()


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[Legacy]:
    """In a file of SQLite."""
    legacy = Legacy("sqlite", tmp_path / "legacy.db")
    await legacy.fill()
    yield legacy
    await legacy.close()


async def outage(database: Any, within: float, name: str = "zhang") -> str:
    """What the outage says that comes within some seconds."""
    began = time.monotonic()
    with pytest.raises(VerifierOutage) as caught:
        await database.rows(name)
    assert time.monotonic() - began < within
    return str(caught.value)


async def test_a_frozen_server_is_an_outage_in_time(legacy: Legacy) -> None:
    """The kernel still takes connections; when it thaws, it is asked again by the same gateway."""
    database, fresh = legacy.database(QUERY, timeout=0.5), legacy.database(QUERY, timeout=0.5)
    assert await database.rows("zhang") == [KNOWN]
    legacy.server.freeze()  # type: ignore[union-attr]
    try:
        for asked in (database, fresh, database):
            assert "in time" in await outage(asked, 1.5)
    finally:
        legacy.server.thaw()  # type: ignore[union-attr]
    for asked in (database, fresh):
        assert await _until_answered(asked) == [KNOWN]


async def test_a_restarted_server_is_asked_again(legacy: Legacy) -> None:
    """Refused at once while it is gone; its old connections are found dead without anybody noticing."""
    database = legacy.database(QUERY, timeout=3.0)
    assert await database.rows("zhang") == [KNOWN]
    server: Any = legacy.server
    await asyncio.to_thread(server.stop)
    try:
        assert "Error" in await outage(database, 1.5)
    finally:
        await asyncio.to_thread(server.start)
    assert await database.rows("zhang") == [KNOWN]


async def _until_answered(database: Any) -> Any:
    async with asyncio.timeout(10):
        while True:
            try:
                return await database.rows("zhang")
            except VerifierOutage:
                await asyncio.sleep(0.05)


async def test_a_slow_query_is_cancelled_on_the_server(legacy: Legacy) -> None:
    """It gives up before we do, so nothing goes on there; the connection is good for the next question."""
    database = legacy.database(SLOW[legacy.kind], timeout=3.0, connections=1)
    assert "the database: " in await outage(database, 3.0)
    assert await _running(legacy) == 0


async def _running(legacy: Legacy) -> int:
    """How many of our slow queries the server still works at."""
    queries = {
        "postgresql": "SELECT count(*) AS n FROM pg_stat_activity WHERE state = 'active'"
        " AND query LIKE '%pg_sleep(30)%' AND pid <> pg_backend_pid() AND '' = :username",
        "mysql": "SELECT count(*) AS n FROM information_schema.processlist WHERE info LIKE 'SELECT * FROM%SLEEP(30)%'"
        " AND id <> connection_id() AND '' = :username",
    }
    [row] = await legacy.database(queries[legacy.kind]).rows("")
    return int(row["n"])


async def test_connections_are_bounded_and_waiting_for_one_too(legacy: Legacy) -> None:
    """Two are busy: the third waits, and is told of an outage in time; afterwards there is room."""
    query = SLOW[legacy.kind].replace("30", "0.6")
    database = legacy.database(query, timeout=1.0, connections=2)
    began = time.monotonic()
    answers = await asyncio.gather(*(database.rows("x") for _ in range(6)), return_exceptions=True)
    assert time.monotonic() - began < 1.5
    assert sum(isinstance(answer, list) for answer in answers) == 2
    assert sum(isinstance(answer, VerifierOutage) for answer in answers) == 4
    assert database._engine.pool.checkedout() <= 2  # type: ignore[attr-defined]


async def test_a_caller_that_leaves_takes_nothing_with_it(legacy: Legacy) -> None:
    """Cancelled in the middle, again and again: the connections are given back."""
    database = legacy.database(SLOW[legacy.kind].replace("30", "0.2"), timeout=2.0, connections=2)
    for _ in range(4):
        task = asyncio.get_running_loop().create_task(database.rows("x"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(await database.rows("x")) >= 1


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "wrong"}, "the user or the password is refused"),
        ({"user": "stranger"}, "the user or the password is refused"),
        ({"database": "missing"}, "there is no such database"),
        ({"port": 1}, "connection refused"),
    ],
)
async def test_a_database_that_lets_us_not_in_is_an_outage(legacy: Legacy, wrong: dict[str, Any], words: str) -> None:
    """The message says what to look at, and holds no password."""
    message = await outage(legacy.database(QUERY, **wrong), 5.0)
    assert message.startswith(f"the database: {words} (")
    assert "tester" not in message
    assert "wrong" not in message


async def test_over_a_unix_socket(legacy: Legacy) -> None:
    """Of PostgreSQL the folder is named, of MySQL the socket."""
    server: Any = legacy.server
    socket = str(server.folder if legacy.kind == "postgresql" else server.socket)
    # the socket's name has the port in it
    port = {"port": server.port if legacy.kind == "postgresql" else None}
    assert await legacy.database(QUERY, host="", socket=socket, **port).rows("zhang") == [KNOWN]


async def test_tls_is_verified(legacy: Legacy, database_authority: Authority, authority: Any) -> None:
    """Chain and name, or the chain only; a stranger's certificate is refused before the password is sent."""
    ca = database_authority.ca
    assert await legacy.database(QUERY, host="localhost", tls=trusting(ca)).rows("zhang") == [KNOWN]
    await outage(legacy.database(QUERY, host="127.0.0.1", tls=trusting(ca)), 5.0)
    assert await legacy.database(QUERY, host="127.0.0.1", tls=trusting(ca, names=False)).rows("zhang") == [KNOWN]
    await outage(legacy.database(QUERY, host="localhost", tls=trusting(authority("stranger").ca)), 5.0)


async def test_a_server_without_tls_is_not_spoken_to_in_clear(legacy: Legacy, authority: Any) -> None:
    """Nobody in between can talk us out of TLS: what it gets is no user name and no password."""
    received = bytearray()

    async def downgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if legacy.kind == "mysql":  # a greeting of MySQL 5 whose capabilities lack SSL (0x0800)
            body = b"\x0a5.7.0\0" + bytes(4) + b"12345678\0" + b"\xff\xf7" + b"\x21" + b"\x02\0" + b"\xff\xc1" + b"\x15"
            body += bytes(10) + b"123456789012\0" + b"mysql_native_password\0"
            writer.write(len(body).to_bytes(3, "little") + b"\0" + body)
        received.extend(await reader.read(4096))
        if legacy.kind == "postgresql":
            writer.write(b"N")
        received.extend(await reader.read(4096))
        writer.close()

    server = await asyncio.start_server(downgrade, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    tls = trusting(authority("any").ca)
    try:
        await outage(legacy.database(QUERY, host="localhost", port=port, tls=tls, timeout=2.0), 3.0)
    finally:
        server.close()
        await server.wait_closed()
    assert received
    assert b"tester" not in received


async def test_a_server_that_talks_nonsense_is_an_outage(legacy: Legacy) -> None:
    """Another protocol, or one that ends in the middle."""

    async def nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(nonsense, "127.0.0.1", 0)
    try:
        database = legacy.database(QUERY, port=server.sockets[0].getsockname()[1], timeout=2.0)
        for _ in range(3):
            await outage(database, 3.0)
    finally:
        server.close()
        await server.wait_closed()


# --- SQLite -------------------------------------------------------------------------------------------


async def test_a_slow_query_of_sqlite_is_interrupted(file: Legacy) -> None:
    """Its thread is free again."""
    database = file.database(SLOW["sqlite"], timeout=3.0, connections=1)
    for _ in range(2):
        assert "the database: " in await outage(database, 3.0)


async def test_a_file_that_is_replaced_is_seen(file: Legacy) -> None:
    """The next question is answered from the new one; a file that is missing is an outage and is not made."""
    database = file.database(QUERY)
    path = file.server
    assert isinstance(path, Path)
    assert await database.rows("zhang") == [KNOWN]
    path.rename(path.with_name("away.db"))
    assert "FileNotFoundError" in await outage(database, 1.0)
    assert not path.exists()
    await file.fill()
    await file.execute("UPDATE users SET id = 77 WHERE login = 'zhang'")
    assert await database.rows("zhang") == [{"user_id": 77}]


async def test_a_file_that_is_no_database(file: Legacy) -> None:
    """An outage."""
    assert isinstance(file.server, Path)
    file.server.write_bytes(b"users: zhang\n" * 1000)
    assert "NOTADB" in await outage(file.database(QUERY), 1.0)


async def test_a_locked_file_is_an_outage_in_time(file: Legacy) -> None:
    """Somebody holds it exclusively."""
    assert isinstance(file.server, Path)
    database = file.database(QUERY, timeout=0.5)
    holder = sqlite3.connect(file.server, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        await outage(database, 1.0)
    finally:
        holder.close()
    assert await database.rows("zhang") == [KNOWN]


async def test_it_is_closed_while_a_question_is_open(legacy: Legacy) -> None:
    """In time, and the caller has an answer of some kind."""
    database = legacy.database(SLOW[legacy.kind], timeout=5.0)
    task = asyncio.get_running_loop().create_task(database.rows("x"))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    await database.close()
    assert time.monotonic() - began < 3.0
    with pytest.raises((VerifierOutage, asyncio.CancelledError)):
        await task
