"""What every binding store promises of sessions: the registry, tombstones, not-befores, and forgetting them."""

import asyncio

from gateway.core.identity import Standing, Subject
from gateway.stores.interface import Actor, BindRequest, Bound, SessionRow

ALICE = Subject("main", "openid-alice")
BOB = Subject("main", "openid-bob")
ACTOR = Actor("user")


async def bind(store, subject):
    outcome = await store.bind(BindRequest(subject, "42", {}, "pwd"), ACTOR, 100)
    assert isinstance(outcome, Bound)
    return outcome


def row(sid, subject=ALICE, created=100, expires=1000):
    return SessionRow(sid, subject, created, expires, "iPhone")


async def test_sessions_are_listed_newest_first(bindings):
    """A subject sees its own live sessions; noting one twice, as two copies of a callback do, changes nothing."""
    rows = [row("s1", created=100), row("s2", created=300), row("s3", created=200)]
    for one in [*rows, rows[0], row("s4", BOB), row("s5", expires=500)]:
        await bindings.register_session(one)
    assert [rows[1], rows[2], rows[0]] == list(await bindings.sessions(ALICE, 500))


async def test_a_revoked_session_is_dead_and_no_other(bindings):
    """A tombstone ends one session, whatever its binding; it leaves the list."""
    outcome = await bind(bindings, ALICE)
    for sid in ("s1", "s2"):
        await bindings.register_session(row(sid))
        assert not (await bindings.standing(ALICE, sid, 100)).revoked
    await bindings.revoke_session("s1", 1000)
    await bindings.revoke_session("s1", 500)
    assert (await bindings.standing(ALICE, "s1", 100)).revoked
    assert Standing(False, outcome.binding) == await bindings.standing(ALICE, "s2", 100)
    assert [row("s2")] == list(await bindings.sessions(ALICE, 200))


async def test_log_out_everywhere_ends_what_began_until_then(bindings):
    """Sessions of the subject created at or before the not-before are dead; later ones and other people's live."""
    await bind(bindings, ALICE)
    for sid, subject, created in [("old", ALICE, 200), ("new", ALICE, 201), ("bob", BOB, 100)]:
        await bindings.register_session(row(sid, subject, created))
        assert not (await bindings.standing(subject, sid, created)).revoked
    await bindings.revoke_subject(ALICE, 200, 1000)
    assert (await bindings.standing(ALICE, "old", 200)).revoked
    assert not (await bindings.standing(ALICE, "new", 201)).revoked
    assert not (await bindings.standing(BOB, "bob", 100)).revoked
    assert [row("new", created=201)] == list(await bindings.sessions(ALICE, 300))


async def test_a_not_before_is_never_lowered(bindings):
    """An older wish to log out everywhere that arrives late revives nobody."""
    await bindings.revoke_subject(ALICE, 200, 1000)
    await bindings.revoke_subject(ALICE, 150, 900)
    assert (await bindings.standing(ALICE, "sid", 180)).revoked
    await bindings.prune(950)
    assert (await bindings.standing(ALICE, "sid-2", 180)).revoked


async def test_unbinding_revives_nobody(bindings):
    """A revoked session stays revoked across unbind and bind."""
    await bind(bindings, ALICE)
    await bindings.revoke_session("s1", 1000)
    await bindings.unbind(ALICE, ACTOR, 200)
    await bind(bindings, ALICE)
    assert (await bindings.standing(ALICE, "s1", 100)).revoked


async def test_prune_forgets_only_what_is_over(open_bindings):
    """Tombstones, not-befores and registry rows live until their time, bindings for ever."""
    store = await open_bindings()
    await bind(store, ALICE)
    await store.register_session(row("s1", expires=1000))
    await store.revoke_session("dead", 1000)
    await store.revoke_subject(BOB, 200, 1000)
    await store.prune(999)
    assert [row("s1", expires=1000)] == list(await store.sessions(ALICE, 500))
    assert (await store.standing(ALICE, "dead", 100)).revoked
    assert (await store.standing(BOB, "sid", 100)).revoked
    await store.prune(1000)
    later = await open_bindings()  # another process remembers nothing in its cache
    assert list(await later.sessions(ALICE, 500)) == []
    assert not (await later.standing(ALICE, "dead", 100)).revoked
    assert not (await later.standing(BOB, "sid", 100)).revoked
    assert (await later.standing(ALICE, "sid", 100)).binding is not None


async def test_prune_ends_a_long_backlog(bindings):
    """More rows than one transaction takes are all forgotten."""
    await asyncio.gather(*(bindings.revoke_session(f"s{i}", 1000) for i in range(550)))
    await bindings.prune(1000)
    assert not (await bindings.standing(ALICE, "s0", 100)).revoked
    assert not (await bindings.standing(ALICE, "s549", 100)).revoked


async def test_a_rotated_key_forgets_nobody(open_bindings):
    """What an older key named is found under the newer ones, as long as the older key is still known."""
    old, new = b"o" * 32, b"n" * 32
    before = await open_bindings(keys=(old,))
    await before.register_session(row("s1"))
    await before.register_session(row("s2", created=300))
    await before.revoke_subject(ALICE, 200, 1000)
    after = await open_bindings(keys=(new, old))
    assert [row("s2", created=300)] == list(await after.sessions(ALICE, 500))
    assert (await after.standing(ALICE, "s1", 100)).revoked
    await after.revoke_subject(ALICE, 250, 1000)
    assert (await after.standing(ALICE, "s3", 250)).revoked
    assert not (await after.standing(ALICE, "s4", 251)).revoked
