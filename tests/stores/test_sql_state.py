"""The state in SQLite: what its file does not show, and races between processes."""

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.core.errors import StoreOutage
from gateway.core.identity import Subject
from gateway.sealing import Sealer
from gateway.stores.database import Timeouts
from gateway.stores.interface import BindRequest, Conflict, Ticket
from gateway.stores.sql_state import open_sql_state

RACER = Path(__file__).parent / "children" / "racer.py"
SEALER = Sealer([b"k" * 32], "state")
CANARY = Subject("main", "openid-CANARY")
WISH = BindRequest(CANARY, "user-CANARY", {"name": "CANARY"}, "pwd", "union-CANARY", "v1", frozenset(Conflict))
TICKET = Ticket(CANARY, "sid", "/return-CANARY", 0, 400, 1000, "union-CANARY", WISH)


@pytest.fixture
async def state(tmp_path):
    store = await open_sql_state(
        f"sqlite:{tmp_path}/state.db", sealer=SEALER, timeouts=Timeouts(read=0.25, write=0.25, start=5)
    )
    yield store
    await store.close()


async def test_the_file_does_not_say_who_waits(state, tmp_path):
    """OpenId, union id, return target and what was proven are sealed in it."""
    await state.put_ticket("key-hash", TICKET)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"key-hash" in written
    assert b"CANARY" not in written


async def test_without_its_key_a_ticket_is_none(state, tmp_path):
    """After its key was removed a ticket is like one that expired."""
    await state.put_ticket("key-hash", TICKET)
    other = await open_sql_state(f"sqlite:{tmp_path}/state.db", sealer=Sealer([b"x" * 32], "state"))
    assert await other.peek_ticket("key-hash", "sid", 100) is None
    await other.close()


async def test_an_older_gateways_ticket_is_good(state, tmp_path):
    """What waited for its person during an update, sealed without a place for a wish."""
    await state.put_ticket("key-hash", replace(TICKET, wish=None))
    fields = ["main", "openid-CANARY", "union-CANARY", "/return-CANARY", 0, 1000]
    with closing(sqlite3.connect(tmp_path / "state.db")) as other, other:
        other.execute("UPDATE tickets SET sealed = ?", [SEALER.seal(json.dumps(fields).encode(), now=0)])
    assert await state.take_ticket("key-hash", "sid", 100) == replace(TICKET, wish=None)


async def test_a_ticket_is_not_burnt_by_an_outage(state, tmp_path):
    """Who was told 503 still holds the ticket when the database is back."""
    await state.put_ticket("key-hash", TICKET)
    with closing(sqlite3.connect(tmp_path / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(3):
            with pytest.raises(StoreOutage):
                await state.take_ticket("key-hash", "sid", 100)
    assert await state.take_ticket("key-hash", "sid", 100) == TICKET


async def test_two_processes_share_one_state(tmp_path):
    """Every ticket, attempt, code and limit that both ask for many times at once goes to exactly one call."""
    path = tmp_path / "state.db"
    state = await open_sql_state(f"sqlite:{path}", sealer=SEALER)
    for i in range(12):
        await state.put_ticket(f"ticket-{i}", Ticket(TICKET.subject, "sid", "/", 0, 400, 1000))
        await state.put_code(f"slot-{i}", "right", 400, 5)
    await state.close()
    children = [
        subprocess.Popen([sys.executable, RACER, path, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # noqa: ASYNC220
        for name in ("a", "b")
    ]
    for child in children:
        assert child.stdout.readline() == b"ready\n"
    for child in children:
        child.stdin.write(b"go\n")
        child.stdin.flush()
    one, two = (json.loads(child.communicate(timeout=60)[0]) for child in children)
    wins = {name: [a + b for a, b in zip(one[name], two[name], strict=True)] for name in one}
    tickets = [0, 0, *[1] * 10]  # a browser holds ten
    once = [1] * 12
    assert wins == {"tickets": tickets, "claims": once, "spent": once, "codes": once, "hits": once}
