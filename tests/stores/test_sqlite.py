"""The file: who may read it, how it is opened, what is said when it cannot be."""

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from gateway.core.errors import StoreOutage
from gateway.sealing import KeyedHash, Sealer
from gateway.stores import schema
from gateway.stores.database import StoreUnusable, Timeouts
from gateway.stores.interface import OnConflict
from gateway.stores.migrations import NEWEST
from gateway.stores.sql_bindings import FILE, open_sql_bindings
from gateway.stores.sql_state import open_sql_state
from gateway.stores.sqlite import open_sqlite

CHILDREN = Path(__file__).parent / "children"
KEY = b"k" * 32


async def open_bindings(path, timeouts=None):
    return await open_sql_bindings(
        f"sqlite:{path}", per_user=1, on_conflict=OnConflict.REFUSE, names=KeyedHash([KEY], "names"), timeouts=timeouts
    )


@pytest.fixture(autouse=True)
async def _driver_threads_end_before_the_loop():
    """A connection that did not open is stopped without being waited for: its thread may not outlive the loop."""
    yield
    for thread in threading.enumerate():
        if "_connection_worker_thread" in thread.name:
            await asyncio.to_thread(thread.join, 5)


async def test_only_the_owner_may_read(tmp_path):
    """Missing folders are 0700, every file 0600, whatever the umask."""
    former = os.umask(0)
    try:
        store = await open_bindings(tmp_path / "new" / "folder" / "b.db")
        await store.revoke_session("sid", 100)
    finally:
        os.umask(former)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "new").rglob("*")}
    assert modes == {"folder": 0o700, "b.db": 0o600, "b.db-wal": 0o600, "b.db-shm": 0o600, "b.db.lock": 0o600}
    await store.close()


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, True), (0o604, True), (0o620, True)])
async def test_a_file_that_others_can_open_is_a_warning(tmp_path, caplog, mode, warned):
    """It was there before us: its mode is left alone and said."""
    file = tmp_path / "b.db"
    file.touch()
    file.chmod(mode)
    await (await open_bindings(file)).close()
    assert any(str(file) in record.getMessage() for record in caplog.records) is warned
    assert stat.S_IMODE(file.stat().st_mode) == mode


@pytest.mark.parametrize(("durable", "synchronous"), [(True, 2), (False, 1)])
async def test_every_connection_has_its_pragmas(tmp_path, durable, synchronous):
    """WAL, FULL for what must last (NORMAL else), a busy timeout within the caller's, foreign keys."""
    database = await open_sqlite(
        f"sqlite:{tmp_path}/t.db", kind=FILE, durable=durable, create=lambda _: None, timeouts=Timeouts(read=2, write=5)
    )

    async def pragmas(connection):
        names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
        return [await connection.scalar(text(f"PRAGMA {name}")) for name in names]

    assert await database.read(pragmas) == ["wal", synchronous, 1600, 1]
    assert await database.write(pragmas) == ["wal", synchronous, 4000, 1]
    await database.close()


async def test_a_relative_path_is_relative_to_the_working_directory(tmp_path, monkeypatch):
    """`sqlite:data/b.db` needs no slashes before it."""
    monkeypatch.chdir(tmp_path)
    store = await open_bindings("data/b.db")
    await store.close()
    assert (tmp_path / "data" / "b.db").exists()


@pytest.mark.parametrize("url", ["postgresql://u:secret@db/x", "sqlite:", "sqlite:///x", "sqlite::memory:", "x", ""])
async def test_an_unknown_url_is_refused(url):
    """With what to write instead, and without the password that a URL may hold."""
    with pytest.raises(StoreUnusable, match="sqlite:path/to/file") as refusal:
        await open_sql_state(url, sealer=Sealer([KEY], "state"))
    assert "secret" not in str(refusal.value)


# --- schema -----------------------------------------------------------------------------------------


async def test_the_migrations_make_the_schema(tmp_path):
    """What the code queries is what the migrations create: Alembic finds no difference."""
    await (await open_bindings(tmp_path / "b.db")).close()
    database = await open_sqlite(
        f"sqlite:{tmp_path}/b.db", kind=FILE, durable=True, create=lambda _: None, timeouts=Timeouts()
    )

    def differences(connection):
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return compare_metadata(context, schema.metadata)

    assert await database.read(lambda connection: connection.run_sync(differences)) == []
    await database.close()


async def test_opening_again_changes_nothing(tmp_path):
    """The migrations run once."""
    for _ in range(2):
        await (await open_bindings(tmp_path / "b.db")).close()
    with closing(sqlite3.connect(tmp_path / "b.db")) as file:
        assert file.execute("SELECT version_num FROM alembic_version").fetchall() == [(NEWEST,)]
        assert file.execute("SELECT id, last FROM binding_sequence").fetchall() == [(1, 0)]


async def test_a_newer_schema_is_refused_untouched(tmp_path):
    """After a downgrade the gateway says so, names the file, and does not write to it."""
    path = tmp_path / "b.db"
    await (await open_bindings(path)).close()
    with closing(sqlite3.connect(path)) as file, file:
        file.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"b\.db: schema 9999 .* newer gateway"):
        await open_bindings(path)
    assert path.read_bytes() == before


def test_eight_processes_may_start_at_once(tmp_path):
    """All of them open a database that does not exist yet, and all of them can write."""
    command = [sys.executable, CHILDREN / "opener.py", tmp_path / "new" / "b.db", "8"]
    assert subprocess.run(command, timeout=60).returncode == 0
    with closing(sqlite3.connect(tmp_path / "new" / "b.db")) as file:
        assert file.execute("SELECT count(*) FROM bindings").fetchone() == (8,)


# --- whose file it is -------------------------------------------------------------------------------


async def open_state(path):
    return await open_sql_state(f"sqlite:{path}", sealer=Sealer([KEY], "state"))


STORES = [pytest.param(open_bindings, 0x57784742, id="bindings"), pytest.param(open_state, 0x57784753, id="state")]


def execute(path, statement):
    with closing(sqlite3.connect(path)) as file, file:
        return file.execute(statement).fetchall()


@pytest.mark.parametrize(("open_store", "mark"), STORES)
async def test_a_file_is_marked(tmp_path, open_store, mark):
    """A new file, an empty one and one of a version that did not mark yet carry the store's application id."""
    path = tmp_path / "x.db"
    path.touch()
    await (await open_store(path)).close()
    assert execute(path, "PRAGMA application_id") == [(mark,)]
    execute(path, "PRAGMA application_id = 0")
    await (await open_store(path)).close()
    assert execute(path, "PRAGMA application_id") == [(mark,)]


@pytest.mark.parametrize(("open_store", "mark"), STORES)
@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE notes (text)"],
        ["CREATE TABLE alembic_version (version_num)", "CREATE TABLE tickets (id)"],
        ["PRAGMA application_id = 252006673"],
        ["CREATE TABLE notes (text)", "PRAGMA application_id = 252006673"],
    ],
)
async def test_a_file_of_another_program_is_refused_untouched(tmp_path, open_store, mark, statements):
    """Whether it is marked or not, and whatever tables it shares with us by chance."""
    path = tmp_path / "notes.db"
    for statement in statements:
        execute(path, statement)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable, match=r"notes\.db: is not a .* belongs to another program: name another file"):
        await open_store(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("marked", [True, False])
async def test_the_stores_files_are_not_mixed_up(tmp_path, marked):
    """state.db is no bindings.db, nor the other way round."""
    for opened, other in ((open_state, open_bindings), (open_bindings, open_state)):
        path = tmp_path / f"{opened.__name__}.db"
        await (await opened(path)).close()
        if not marked:
            execute(path, "PRAGMA application_id = 0")
        with pytest.raises(StoreUnusable, match="belongs to another program"):
            await other(path)


# --- what cannot be opened --------------------------------------------------------------------------


async def test_a_locked_database_is_an_outage_at_the_start(tmp_path):
    """Somebody writes for too long: try again later; nobody has to repair anything."""
    path = tmp_path / "b.db"
    await (await open_bindings(path)).close()
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreOutage, match="locked"):
            await open_bindings(path, Timeouts(write=0.2))
    await (await open_bindings(path)).close()


async def test_a_start_that_another_process_blocks_is_an_outage(tmp_path):
    """A migration elsewhere that does not end is waited for, but not for ever."""
    path, loop = tmp_path / "b.db", asyncio.get_running_loop()
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def first():
        from gateway.stores.sqlite import _file_lock

        async with _file_lock(path):
            begun.set()
            await go_on.wait()

    holder = loop.create_task(first())
    await begun.wait()
    with pytest.raises(StoreOutage, match="another process"):
        await open_bindings(path, Timeouts(start=0.2))
    go_on.set()
    await holder
    await (await open_bindings(path)).close()


async def test_garbage_is_named(tmp_path):
    """A file that is no database: which file, and what to do."""
    path = tmp_path / "b.db"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(StoreUnusable, match=r"b\.db: file is not a database: restore it from a backup, or move it"):
        await open_bindings(path)
    assert path.read_bytes() == b"this is no database" * 100


async def test_a_folder_is_no_database(tmp_path):
    """Nor is a path below a file."""
    (tmp_path / "b.db").mkdir()
    with pytest.raises(StoreUnusable, match=r"b\.db: unable to open database file: the gateway must be able to"):
        await open_bindings(tmp_path / "b.db")
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnusable, match="file"):
        await open_bindings(tmp_path / "file" / "b.db")


async def test_a_read_only_file_is_named(tmp_path):
    """Without the right to write, the start says which file and which right."""
    path = tmp_path / "b.db"
    await (await open_bindings(path)).close()
    path.chmod(0o400)
    command = [sys.executable, str(CHILDREN / "opener.py"), str(path), "1"]
    if os.geteuid() == 0:  # root may write anything, until it gives that right up
        setpriv = shutil.which("setpriv")
        assert setpriv, "util-linux is missing"
        command = [setpriv, "--bounding-set=-dac_override", "--inh-caps=-dac_override", *command]
    child = subprocess.run(command, capture_output=True, text=True, timeout=60)  # noqa: ASYNC221
    assert child.returncode != 0
    assert "StoreUnusable" in child.stderr
    assert "b.db: [Errno 13] read or write permission is missing: the gateway must be able to" in child.stderr
