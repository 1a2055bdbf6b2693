"""Bindings in SQLite: the audit, what the file shows, durability, and a model to compare with."""

import asyncio
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import event

from gateway.core.identity import Subject
from gateway.sealing import KeyedHash
from gateway.stores import schema
from gateway.stores.interface import Actor, AuditEvent, BindRequest, Bound, Conflict, OnConflict, Refused, SessionRow
from gateway.stores.sql_bindings import open_sql_bindings

BINDER = Path(__file__).parent / "children" / "binder.py"
NAMES = KeyedHash([b"k" * 32], "names")
ALICE, BOB = Subject("main", "openid-alice"), Subject("main", "openid-bob")
ACTOR = Actor("user", request_id="r1", ip="192.0.2.1", user_agent="MicroMessenger")


async def open_bindings(path, per_user=1, on_conflict=OnConflict.REFUSE):
    return await open_sql_bindings(f"sqlite:{path}", per_user=per_user, on_conflict=on_conflict, names=NAMES)


def wish(subject, user_id, **fields):
    return BindRequest(subject, user_id, {}, "pwd", **fields)


def query(path, sql):
    with closing(sqlite3.connect(path)) as file:
        return file.execute(sql).fetchall()


# --- the audit --------------------------------------------------------------------------------------


async def test_every_change_and_refusal_leaves_its_row(tmp_path):
    """Bind, repeated bind, conflict, refusal and unbind: who, whom, how, when, in order."""
    store = await open_bindings(tmp_path / "b.db")
    await store.bind(wish(ALICE, "42", consent="v3"), ACTOR, 100)
    await store.bind(wish(ALICE, "42"), ACTOR, 101)
    await store.bind(wish(ALICE, "43"), ACTOR, 102)
    await store.bind(wish(BOB, "42"), ACTOR, 103)
    await store.audit(AuditEvent.REFUSED, BOB, "sms", ACTOR, 104)
    await store.unbind(ALICE, Actor("admin"), 105)
    await store.unbind(ALICE, Actor("admin"), 106)
    await store.audit(AuditEvent.LOGOUT, ALICE, "", ACTOR, 107, "everywhere")
    await store.close()
    alice, bob = NAMES.name("main", "openid-alice"), NAMES.name("main", "openid-bob")
    by_user = ("user", "r1", "192.0.2.1", "MicroMessenger")
    columns = "at, event, detail, app, subject, user_id, method, consent, actor, request_id, ip, user_agent"
    assert query(tmp_path / "b.db", f"SELECT {columns} FROM audit ORDER BY id") == [
        (100, "bind", "created", "main", alice, "42", "pwd", "v3", *by_user),
        (101, "bind", "refreshed", "main", alice, "42", "pwd", "", *by_user),
        (102, "conflict", "wechat_taken", "main", alice, "43", "pwd", "", *by_user),
        (103, "conflict", "user_taken", "main", bob, "42", "pwd", "", *by_user),
        (104, "refused", "", "main", bob, None, "sms", "", *by_user),
        (105, "unbind", "", "main", alice, "42", "pwd", "v3", "admin", "", "", ""),
        (107, "logout", "everywhere", "main", alice, None, "", "", *by_user),
    ]


async def test_a_replacement_leaves_a_row_for_each_side(tmp_path):
    """The bindings that ended for the new one are in the audit before it."""
    store = await open_bindings(tmp_path / "b.db", on_conflict=OnConflict.REPLACE)
    await store.bind(wish(ALICE, "42"), ACTOR, 100)
    await store.bind(wish(BOB, "43"), ACTOR, 100)
    await store.bind(wish(ALICE, "43"), ACTOR, 150)
    await store.bind(wish(ALICE, "43", replace=frozenset(Conflict)), ACTOR, 200)
    await store.close()
    alice, bob = NAMES.name("main", "openid-alice"), NAMES.name("main", "openid-bob")
    rows = query(tmp_path / "b.db", "SELECT event, detail, subject, user_id FROM audit WHERE at > 100 ORDER BY id")
    assert rows == [
        ("conflict", "wechat_taken", alice, "43"),
        ("unbind", "replaced", alice, "42"),
        ("unbind", "replaced", bob, "43"),
        ("bind", "created", alice, "43"),
    ]


async def test_a_stranger_cannot_fill_the_audit(tmp_path):
    """What a client sends is cut to its column."""
    store = await open_bindings(tmp_path / "b.db")
    actor = Actor("user", request_id="r" * 9999, ip="i" * 9999, user_agent="u" * 9999)
    await store.bind(wish(ALICE, "42"), actor, 100)
    await store.close()
    lengths = "SELECT length(request_id), length(ip), length(user_agent) FROM audit"
    assert query(tmp_path / "b.db", lengths) == [(128, 64, 256)]


async def test_an_unbound_openid_is_nowhere_in_the_tables(tmp_path):
    """Audit and registry name people by keyed hash, so that after an unbind no row holds the OpenId."""
    store = await open_bindings(tmp_path / "b.db")
    await store.bind(wish(ALICE, "42"), ACTOR, 100)
    await store.register_session(SessionRow("sid", ALICE, 100, 1000, "iPhone"))
    await store.revoke_subject(ALICE, 100, 1000)
    assert "openid-alice" in dump(tmp_path / "b.db")
    await store.unbind(ALICE, ACTOR, 200)
    await store.close()
    assert "openid-alice" not in dump(tmp_path / "b.db")


def dump(path):
    with closing(sqlite3.connect(path)) as file:
        return "\n".join(file.iterdump())


# --- cost -------------------------------------------------------------------------------------------


async def test_a_standing_is_one_statement_on_indexes(tmp_path):
    """The miss path of every request: one round trip, no table scanned, no transaction around it."""
    store = await open_bindings(tmp_path / "b.db")
    seen = []
    engine = store._database._reader.engine.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *call: seen.append((call[2], call[3])))
    await store.standing(ALICE, "sid", 100)
    ((sql, parameters),) = seen
    await store.close()
    with closing(sqlite3.connect(tmp_path / "b.db")) as file:
        plan = [row[3] for row in file.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    searches = [step for step in plan if step.startswith("SEARCH")]
    assert len(searches) == 3
    assert all("INDEX" in step for step in searches)
    assert not [step for step in plan for table in schema.metadata.tables if step.startswith(f"SCAN {table}")]


# --- durability -------------------------------------------------------------------------------------


def test_what_is_acknowledged_survives_kill_9(tmp_path):
    """Ten times a process binds as fast as it can and is killed; no acknowledged row is missing, none is half."""
    path = tmp_path / "b.db"
    acknowledged = set()
    with subprocess.Popen([sys.executable, BINDER, path, "10"], stdout=subprocess.PIPE, text=True) as binder:
        for generation in range(10):
            victim = int(binder.stdout.readline().removeprefix("pid "))
            acknowledged |= {binder.stdout.readline().strip() for _ in range(5 + 3 * generation)}
            os.kill(victim, signal.SIGKILL)
            acknowledged |= {line.strip() for line in iter(binder.stdout.readline, "dead\n")}
    assert binder.returncode == 0
    assert len(acknowledged) >= 185
    assert query(path, "PRAGMA integrity_check") == [("ok",)]
    rows = query(path, "SELECT user_id, openid FROM bindings")
    assert acknowledged <= {user for user, _ in rows}
    assert all(user == openid for user, openid in rows)
    assert len(rows) == query(path, "SELECT count(*) FROM audit WHERE event = 'bind'")[0][0]


# --- a model ----------------------------------------------------------------------------------------

SUBJECTS = st.sampled_from([Subject("main", name) for name in "abcd"] + [Subject("other", "a")])
USERS = st.sampled_from(["1", "2", "3"])


class AgainstADict(RuleBasedStateMachine):
    """Any order of binds and unbinds leaves what a dict in order of binding would hold."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.model = {}
        self.versions = set()
        self.store = None

    @initialize(per_user=st.integers(0, 2), on_conflict=st.sampled_from(OnConflict))
    def open(self, per_user, on_conflict):
        self.per_user, self.on_conflict = per_user, on_conflict
        path = Path(self.folder.name) / "b.db"
        shutil.copy(_empty_database(), path)
        self.store = self.runner.run(open_bindings(path, per_user, on_conflict))

    def teardown(self):
        if self.store:
            self.runner.run(self.store.close())
        self.runner.close()
        self.folder.cleanup()

    def in_the_way(self, subject, user):
        of_user = [other for other, owner in self.model.items() if owner == user]
        surplus = of_user[: max(0, len(of_user) - self.per_user + 1)] if self.per_user else []
        return [subject, *surplus] if subject in self.model else surplus

    def conflicts(self, subject, in_the_way):
        """In the order in which they are named."""
        held = [Conflict.WECHAT_TAKEN] if subject in self.model else []
        return [*held, Conflict.USER_TAKEN] if len(in_the_way) > len(held) else held

    @rule(subject=SUBJECTS, user=USERS, going=st.frozensets(st.sampled_from(Conflict)))
    def bind(self, subject, user, going):
        outcome = self.runner.run(self.store.bind(wish(subject, user, replace=going), ACTOR, 100))
        if self.model.get(subject) == user:
            assert isinstance(outcome, Bound)
            assert not outcome.created
            return
        in_the_way = self.in_the_way(subject, user)
        conflicts, replaceable = self.conflicts(subject, in_the_way), self.on_conflict is OnConflict.REPLACE
        if conflicts and not (replaceable and going.issuperset(conflicts)):
            assert outcome == Refused(*conflicts, replaceable=replaceable)
            return
        for other in in_the_way:
            del self.model[other]
        self.model[subject] = user
        assert isinstance(outcome, Bound)
        assert outcome.created
        assert [old.subject for old in outcome.replaced] == in_the_way
        assert outcome.binding.version not in self.versions
        self.versions.add(outcome.binding.version)

    @rule(subject=SUBJECTS)
    def unbind(self, subject):
        was_bound = self.model.pop(subject, None) is not None
        assert (self.runner.run(self.store.unbind(subject, ACTOR, 100)) is not None) is was_bound

    @invariant()
    def holds_what_the_model_holds(self):
        if self.store:
            path = Path(self.folder.name) / "b.db"
            rows = query(path, "SELECT app, openid, user_id FROM bindings ORDER BY id")
            assert [(s.app, s.openid, user) for s, user in self.model.items()] == rows


_template = []


def _empty_database():
    """A migrated file to copy: to migrate one for each example takes too long."""
    if not _template:
        folder = tempfile.TemporaryDirectory()
        path = Path(folder.name) / "b.db"

        async def make():
            await (await open_bindings(path)).close()

        asyncio.run(make())
        _template.append((folder, path))
    return _template[0][1]


AgainstADict.TestCase.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
test_any_order_of_binds_and_unbinds = AgainstADict.TestCase
