"""What every binding store promises."""

import asyncio
from dataclasses import replace

import pytest

from gateway.core.identity import Binding, Standing, Subject
from gateway.stores.interface import (
    Actor,
    AuditEvent,
    Bindings,
    BindRequest,
    Bound,
    Conflict,
    OnConflict,
    Refused,
)

ALICE = Subject("main", "openid-alice")
BOB = Subject("main", "openid-bob")
CAROL = Subject("main", "openid-carol")
ACTOR = Actor("user", request_id="r1", ip="192.0.2.1", user_agent="MicroMessenger")
NOBODY = Standing(revoked=False, binding=None)


ANY = frozenset(Conflict)


def wish(subject, user_id="42", claims=None, method="pwd", consent="", going=frozenset()):
    return BindRequest(subject, user_id, claims or {}, method, None, consent, going)


async def bind(store, *args, now=100, **fields):
    outcome = await store.bind(wish(*args, **fields), ACTOR, now)
    assert isinstance(outcome, Bound)
    return outcome


async def binding_of(store: Bindings, subject: Subject) -> Binding | None:
    return (await store.standing(subject, f"sid of {subject.openid}", 100)).binding


async def user_of(store: Bindings, subject: Subject) -> str | None:
    binding = await binding_of(store, subject)
    return binding and binding.user_id


# --- one binding ------------------------------------------------------------------------------------


async def test_a_stranger_is_neither_bound_nor_revoked(bindings):
    """Nothing is known of a subject that never bound."""
    assert await bindings.standing(ALICE, "sid", 100) == NOBODY


async def test_a_binding_is_read_back_as_it_was_made(bindings):
    """User, claims of any JSON shape, method and time come back unchanged."""
    claims = {
        "name": "张三",
        "roles": ["a", "b"],
        "nested": {"n": [1, 1.5, True, None]},
        "emoji": "🦆",
        "lone": "\ud800",
    }
    outcome = await bind(bindings, ALICE, "42", claims, "sms", now=123)
    assert outcome.created
    assert outcome.binding == replace(outcome.binding, subject=ALICE, user_id="42", claims=claims, method="sms")
    assert outcome.binding.bound_at == 123
    assert outcome.binding == await binding_of(bindings, ALICE)


async def test_an_openid_means_nothing_without_its_app(bindings):
    """The same OpenId of another app is somebody else."""
    await bind(bindings, ALICE)
    assert await binding_of(bindings, Subject("other", ALICE.openid)) is None


@pytest.mark.parametrize("odd", ["Openid-alice", "openid-alice ", "openid-alicе", "' OR 1=1 --", "%", "*", "o\r\n\0x"])
async def test_identifiers_match_exactly(bindings, odd):
    """No case folding, padding, wildcard, or reading of an identifier as a query: it is a value of its own."""
    await bind(bindings, ALICE, "admin")
    twin = Subject("main", odd)
    assert await binding_of(bindings, twin) is None
    await bind(bindings, twin, "Admin")
    assert await user_of(bindings, ALICE) == "admin"
    assert await user_of(bindings, twin) == "Admin"


async def test_binding_the_same_user_again_changes_nothing(bindings):
    """A repeated bind, as after a lost answer, stands under the same version."""
    first = await bind(bindings, ALICE, claims={"a": 1, "b": 2}, now=100)
    again = await bind(bindings, ALICE, claims={"b": 2, "a": 1}, now=200)
    assert again == Bound(first.binding, created=False)
    assert first.binding == await binding_of(bindings, ALICE)


@pytest.mark.parametrize("fields", [{"claims": {"admin": True}}, {"claims": {"admin": 1}, "method": "sms"}, {}])
async def test_new_claims_or_another_method_make_a_new_version(bindings, fields):
    """What was derived from the older claims can be told apart, also where Python thinks 1 == True."""
    first = await bind(bindings, ALICE, claims={"admin": 1}, now=100)
    again = await bind(bindings, ALICE, **fields, now=200)
    assert not again.created
    assert again.binding.version > first.binding.version
    assert again.binding.bound_at == 100
    assert again.binding == await binding_of(bindings, ALICE)


async def test_unbind_ends_the_binding_once(bindings):
    """The one that ended it learns what it was, others that nothing was."""
    bound = await bind(bindings, ALICE, claims={"a": 1}, consent="v1")
    assert await bindings.unbind(ALICE, ACTOR, 200) == bound.binding
    assert await bindings.unbind(ALICE, ACTOR, 200) is None
    assert await bindings.standing(ALICE, "sid", 100) == NOBODY


async def test_a_rebind_never_reuses_a_version(bindings):
    """After an unbind the same user gets a version never seen before."""
    seen = set()
    for _ in range(3):
        outcome = await bind(bindings, ALICE)
        assert outcome.binding.version not in seen
        seen.add(outcome.binding.version)
        await bindings.unbind(ALICE, ACTOR, 200)


# --- somebody is in the way -------------------------------------------------------------------------


async def test_a_taken_wechat_is_refused(bindings):
    """A WeChat that is another user's stays so."""
    await bind(bindings, ALICE, "42")
    assert Refused(Conflict.WECHAT_TAKEN) == await bindings.bind(wish(ALICE, "43"), ACTOR, 200)
    assert await user_of(bindings, ALICE) == "42"


async def test_a_taken_user_is_refused(bindings):
    """A user that holds its one WeChat gets no second."""
    await bind(bindings, ALICE, "42")
    assert Refused(Conflict.USER_TAKEN) == await bindings.bind(wish(BOB, "42"), ACTOR, 200)
    assert await user_of(bindings, ALICE) == "42"
    assert await user_of(bindings, BOB) is None


async def test_an_unbound_user_is_free_again(bindings):
    """An unbind makes room."""
    await bind(bindings, ALICE, "42")
    await bindings.unbind(ALICE, ACTOR, 200)
    await bind(bindings, BOB, "42")


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 0])
async def test_per_user_counts_wechats(open_bindings, limit):
    """As many as the limit are let in, the next is not; zero is no limit."""
    store = await open_bindings(per_user=limit)
    wechats = [Subject("main", f"wechat-{i}") for i in range(6)]
    outcomes = [await store.bind(wish(wechat), ACTOR, 100) for wechat in wechats]
    allowed = limit or len(wechats)
    assert all(isinstance(outcome, Bound) for outcome in outcomes[:allowed])
    assert outcomes[allowed:] == [Refused(Conflict.USER_TAKEN)] * (len(wechats) - allowed)


async def test_replace_gives_the_wechat_to_its_new_user(open_bindings):
    """The old user loses this WeChat and keeps no trace of it; the version is new."""
    store = await open_bindings(on_conflict=OnConflict.REPLACE)
    old = await bind(store, ALICE, "42")
    assert old.binding == await binding_of(store, ALICE)
    new = await bind(store, ALICE, "43", going={Conflict.WECHAT_TAKEN})
    assert new.created
    assert new.replaced == (old.binding,)
    assert new.binding.version > old.binding.version
    assert new.binding == await binding_of(store, ALICE)


async def test_replace_ends_the_oldest_binding_of_the_user(open_bindings):
    """The limit holds after the replacement; the oldest goes, even if its claims were refreshed last; at once."""
    store = await open_bindings(per_user=2, on_conflict=OnConflict.REPLACE)
    for subject in (ALICE, BOB):
        await bind(store, subject, "42")
        assert await user_of(store, subject) == "42"
    await bind(store, ALICE, "42", {"new": "claims"})
    await bind(store, CAROL, "42", going=ANY)
    assert [await user_of(store, subject) for subject in (ALICE, BOB, CAROL)] == [None, "42", "42"]


async def test_replace_may_end_both_sides(open_bindings):
    """Alice moves from 42 to 43, who was Bob: both old bindings are gone, 42 is free."""
    store = await open_bindings(on_conflict=OnConflict.REPLACE)
    await bind(store, ALICE, "42")
    await bind(store, BOB, "43")
    assert await user_of(store, BOB) == "43"
    outcome = await bind(store, ALICE, "43", going=ANY)
    assert [(old.subject, old.user_id) for old in outcome.replaced] == [(ALICE, "42"), (BOB, "43")]
    assert [await user_of(store, subject) for subject in (ALICE, BOB)] == ["43", None]


async def test_nothing_is_replaced_that_the_person_was_not_told_of(open_bindings):
    """Whoever is in the way is named, and goes only when the wish names them; less than all of them is not enough."""
    store = await open_bindings(on_conflict=OnConflict.REPLACE)
    await bind(store, ALICE, "42")
    await bind(store, BOB, "43")
    both = Refused(Conflict.WECHAT_TAKEN, Conflict.USER_TAKEN, replaceable=True)
    for going in (frozenset(), {Conflict.WECHAT_TAKEN}, {Conflict.USER_TAKEN}):
        assert both == await store.bind(wish(ALICE, "43", going=going), ACTOR, 200)
    assert both.conflicts == ANY
    assert [await user_of(store, subject) for subject in (ALICE, BOB)] == ["42", "43"]


async def test_refuse_means_refuse(bindings):
    """A wish to replace counts for nothing where the rule is to refuse."""
    await bind(bindings, ALICE, "42")
    assert Refused(Conflict.USER_TAKEN) == await bindings.bind(wish(BOB, "42", going=ANY), ACTOR, 200)
    assert await user_of(bindings, BOB) is None


async def test_of_many_replacements_each_ends_the_one_before(open_bindings):
    """Twelve wishes for one user at once: all stand in some order, one is left, and eleven were ended."""
    store = await open_bindings(on_conflict=OnConflict.REPLACE)
    rivals = [Subject("main", f"rival-{i}") for i in range(12)]
    outcomes = await asyncio.gather(*(store.bind(wish(rival, going=ANY), ACTOR, 100) for rival in rivals))
    ended = [old.subject for outcome in outcomes for old in outcome.replaced]
    (left,) = [rival for rival in rivals if await user_of(store, rival)]
    assert sorted([*ended, left], key=lambda subject: subject.openid) == sorted(rivals, key=lambda s: s.openid)


# --- consent ----------------------------------------------------------------------------------------


async def test_the_consent_is_kept_with_its_date(bindings):
    """Which text was agreed to and when; the same text again keeps its first date, another takes its place."""
    bound = await bind(bindings, ALICE, consent="v1", now=100)
    assert (bound.binding.consent, bound.binding.consented_at) == ("v1", 100)
    for consent, now, kept in [("v1", 200, ("v1", 100)), ("", 300, ("v1", 100)), ("v2", 400, ("v2", 400))]:
        again = (await bind(bindings, ALICE, consent=consent, now=now)).binding
        assert kept == (again.consent, again.consented_at)
        assert again == await binding_of(bindings, ALICE)
        assert again.version == bound.binding.version


async def test_who_was_not_asked_has_not_agreed(bindings):
    """A binding that a program made has no consent and no date of one."""
    bound = await bind(bindings, ALICE)
    assert (bound.binding.consent, bound.binding.consented_at) == ("", None)
    assert bound.binding == await binding_of(bindings, ALICE)


async def test_a_lower_limit_takes_effect_at_the_next_bind(open_bindings):
    """Bindings from a more generous time go until the user is within the limit."""
    generous = await open_bindings(per_user=0)
    for subject in (ALICE, BOB):
        await bind(generous, subject)
    strict = await open_bindings(per_user=1, on_conflict=OnConflict.REPLACE)
    await bind(strict, CAROL, going=ANY)
    assert [await user_of(strict, subject) for subject in (ALICE, BOB, CAROL)] == [None, None, "42"]


async def test_of_many_wechats_one_gets_the_user(bindings):
    """Concurrent binds of one user: one stands, the others are refused."""
    rivals = [Subject("main", f"rival-{i}") for i in range(12)]
    outcomes = await asyncio.gather(*(bindings.bind(wish(rival), ACTOR, 100) for rival in rivals))
    assert sum(isinstance(outcome, Bound) for outcome in outcomes) == 1
    assert outcomes.count(Refused(Conflict.USER_TAKEN)) == 11
    assert sum([await user_of(bindings, rival) is not None for rival in rivals]) == 1


async def test_of_many_users_one_gets_the_wechat(bindings):
    """Concurrent binds of one WeChat: one stands, the others are refused."""
    outcomes = await asyncio.gather(*(bindings.bind(wish(ALICE, str(i)), ACTOR, 100) for i in range(12)))
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Bound)]
    assert outcomes.count(Refused(Conflict.WECHAT_TAKEN)) == 11
    assert winner.binding == await binding_of(bindings, ALICE)


async def test_a_refusal_can_be_noted(bindings):
    """An audit row for what changed nothing changes nothing."""
    await bindings.audit(AuditEvent.REFUSED, ALICE, "pwd", ACTOR, 100)
    await bindings.audit(AuditEvent.LOGOUT, ALICE, "", ACTOR, 100, "everywhere")
    assert await bindings.standing(ALICE, "sid", 100) == NOBODY


# --- serving ----------------------------------------------------------------------------------------


async def test_what_is_acknowledged_is_there_after_a_restart(open_bindings):
    """A second opening of the same store reads what the first wrote."""
    first = await open_bindings()
    bound = await bind(first, ALICE)
    await first.close()
    assert bound.binding == await binding_of(await open_bindings(), ALICE)


async def test_a_serving_store_answers_the_ping_and_closes_twice(bindings):
    """Readiness is silence; close may be called again."""
    await bindings.ping()
    await bindings.close()
    await bindings.close()
