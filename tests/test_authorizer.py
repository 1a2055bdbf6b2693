"""The guard over a real SQLite store: who is identified, for how long, and what is remembered meanwhile."""

import asyncio
import json
import math
from base64 import urlsafe_b64decode
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.authorizer import Admission, Authorizer, Verdict
from gateway.core.cookies import CookieNames
from gateway.core.decision import Bind, Deny, Forward, Login
from gateway.core.errors import StoreOutage
from gateway.core.fields import request_names
from gateway.core.head import RequestHead
from gateway.core.hosts import AppHosts
from gateway.core.identity import Binding, Session, Standing, Subject
from gateway.core.policy import Access, Policy, Requirement, Route
from gateway.core.reasons import Reason
from gateway.sealing import KeyedHash, Sealer, token_hash
from gateway.signing import KeyRing, Signer, generate_pem, load_private_pem
from gateway.stores.cached import CachedBindings
from gateway.stores.interface import Actor, BindRequest, Conflict, OnConflict
from gateway.stores.sessions import SessionSealer, new_session
from gateway.stores.sql_bindings import open_sql_bindings

NOW = 1_800_000_000
IDLE, ABSOLUTE, TTL = 4000, 10_000, 120
MASTER = [bytes(range(32))]
HOST = "app.example.com"
SUBJECT = Subject("main", "oCANARY")
USER = Actor("user")
NAMES = request_names([b"X-User"])
KEYRING = KeyRing([load_private_pem(generate_pem("ES256"), "ES256")])
SEALER = SessionSealer(Sealer(MASTER, "session"), IDLE, ABSOLUTE)


class Clock:
    """Time that a test sets."""

    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


def make(bindings: CachedBindings, clock: Clock, size: int = 100) -> Authorizer:
    return Authorizer(
        cookies=CookieNames.for_scheme(True),
        sealer=SEALER,
        bindings=bindings,
        signer=Signer(KEYRING, "https://" + HOST, TTL, KeyedHash(MASTER, "a"), KeyedHash(MASTER, "b"), {"main": "wx1"}),
        identity_header="X-User",
        hosts=AppHosts({"main": [HOST, "alias.example.com"], "other": ["other.example.com"]}, "https://" + HOST),
        idle=IDLE,
        absolute=ABSOLUTE,
        clock=clock,
        size=size,
    )


class Guard:
    """An authorizer, its store and its clock."""

    def __init__(self, bindings: CachedBindings, clock: Clock) -> None:
        self.bindings = bindings
        self.clock = clock
        self.authorizer = make(bindings, clock)

    async def ask(self, route: Route, head: RequestHead) -> tuple[Verdict, bool]:
        """The verdict, and whether the store was asked."""
        verdict = self.authorizer.now(route, head)
        return (await self.authorizer.later(route, head), True) if verdict is None else (verdict, False)

    async def bind(self, user_id: str = "42", **claims: str) -> None:
        wish = BindRequest(SUBJECT, user_id, claims, "pwd", replace=frozenset(Conflict))
        await self.bindings.bind(wish, USER, int(self.clock.now))


@pytest.fixture
async def guard(tmp_path: Path) -> AsyncIterator[Guard]:
    clock = Clock()
    inner = await open_sql_bindings(
        f"sqlite:{tmp_path / 'b.db'}", per_user=0, on_conflict=OnConflict.REPLACE, names=KeyedHash(MASTER, "subjects")
    )
    bindings = CachedBindings(inner, ttl=5.0, size=1000, clock=clock)
    yield Guard(bindings, clock)
    await bindings.close()


def route(access: Access = Access.BOUND, name: str = "app", **policy: Any) -> Route:
    return Route(name, ("*",), "/", False, frozenset("*"), Policy("p", access, **policy), "legacy", "legacy")


def session(now: int = NOW, subject: Subject = SUBJECT) -> Session:
    return new_session(subject, now)


def cookie(*sessions: Session, junk: str = "") -> str:
    return "; ".join(
        [f"__Host-gateway_session={SEALER.seal(each, each.sealed_at)}" for each in sessions] + [junk] * bool(junk)
    )


def head(cookies: str | None, host: str = HOST, page: bool = False, method: bytes = b"GET") -> RequestHead:
    lines = [b"Host: " + host.encode()]
    lines += [b"Cookie: " + cookies.encode("latin-1")] if cookies is not None else []
    lines += [b"Sec-Fetch-Mode: navigate"] if page else []
    return RequestHead(method, b"/x", True, lines, NAMES)


def claims(verdict: Verdict) -> dict[str, Any]:
    token = verdict.identity.partition(b"X-User: ")[2].partition(b"\r\n")[0]
    return cast(dict[str, Any], json.loads(urlsafe_b64decode(token.split(b".")[1] + b"==")))


async def test_a_bound_session_is_identified_and_then_remembered(guard: Guard) -> None:
    """The store is asked once in the cache's time; the same verdict serves until then."""
    await guard.bind()
    request = head(cookie(session(), junk="a=1"))
    first, asked = await guard.ask(route(), request)
    assert asked
    assert claims(first)["sub"] == "42"
    assert first.cookie == b"a=1"
    assert first.set_cookie is None
    second, asked = await guard.ask(route(), request)
    assert not asked
    assert second is first
    guard.clock.now += 5.5
    third, asked = await guard.ask(route(), request)
    assert asked
    assert third.identity == first.identity  # minted once


async def test_what_happens_to_the_binding_or_the_session_takes_effect_at_once(guard: Guard) -> None:
    """Another user, none, revoked: through this process's own cache there is no delay."""
    await guard.bind("42")
    mine = session()
    request = head(cookie(mine))
    assert claims((await guard.ask(route(), request))[0])["sub"] == "42"
    await guard.bind("43")
    assert claims((await guard.ask(route(), request))[0])["sub"] == "43"
    await guard.bind("43", name="New")
    named = route(claims=("name",), name="named")
    assert claims((await guard.ask(named, request))[0])["name"] == "New"
    await guard.bindings.unbind(SUBJECT, USER, NOW)
    verdict, _ = await guard.ask(route(), request)
    assert verdict.decision == Bind(Reason.NOT_BOUND, redirect=False)
    assert verdict.identity == b""
    await guard.bind("42")
    assert (await guard.ask(route(), request))[0].identity
    await guard.bindings.revoke_session(token_hash(mine.sid), NOW + ABSOLUTE)
    verdict, _ = await guard.ask(route(), request)
    assert verdict.decision == Login(Reason.SESSION_REVOKED, redirect=False)
    assert (verdict.identity, verdict.set_cookie) == (b"", None)


async def test_another_processs_writes_take_effect_within_the_caches_time(guard: Guard) -> None:
    """A grant lives as long as the standing that it was made of, no longer."""
    await guard.bind()
    request = head(cookie(session()))
    assert (await guard.ask(route(), request))[0].identity
    await guard.bindings._inner.unbind(SUBJECT, USER, NOW)
    assert (await guard.ask(route(), request))[0].identity
    guard.clock.now += 5.5
    assert isinstance((await guard.ask(route(), request))[0].decision, Bind)


@pytest.mark.parametrize(
    ("made", "until"),
    [((NOW, NOW), NOW + IDLE), ((NOW - ABSOLUTE + 500, NOW), NOW + 500)],
    ids=["idle", "absolute"],
)
async def test_a_session_ends_at_its_limits_whatever_was_granted(
    guard: Guard, made: tuple[int, int], until: int
) -> None:
    """Idle and absolute: identified one second before, sent to sign in at the limit."""
    await guard.bind()
    request = head(cookie(replace(session(made[0]), sealed_at=made[1])))
    for moment in range(NOW, until, 3):
        guard.clock.now = moment
        assert (await guard.ask(route(), request))[0].identity
    guard.clock.now = until - 1
    assert (await guard.ask(route(), request))[0].identity
    guard.clock.now = until
    assert (await guard.ask(route(), request))[0].decision == Login(Reason.SESSION_EXPIRED, redirect=False)


async def test_a_login_that_is_too_old_for_a_policy_is_asked_for_again(guard: Guard) -> None:
    """Also when it was young enough a moment ago."""
    await guard.bind()
    request = head(cookie(session()))
    strict = route(max_age=4)
    assert (await guard.ask(strict, request))[0].identity
    guard.clock.now += 4.9
    assert (await guard.ask(strict, request))[0].decision == Login(Reason.SESSION_TOO_OLD, redirect=False)


async def test_a_token_is_replaced_when_a_tenth_of_its_life_is_left(guard: Guard) -> None:
    """Never an expired one, and never a fresh one for each request."""
    await guard.bind()
    request = head(cookie(session()))
    expiries = []
    for _ in range(300):
        guard.clock.now += 1.5
        found = claims((await guard.ask(route(), request))[0])
        assert found["iat"] <= guard.clock.now < found["exp"] - TTL * 0.1 + 1
        expiries.append(found["exp"])
    assert len(set(expiries)) == 5


async def test_an_active_users_session_is_renewed_on_pages_only(guard: Guard) -> None:
    """Past a quarter of the idle time; the absolute limit does not move; other requests never set cookies."""
    await guard.bind()
    mine = session()
    guard.clock.now = NOW + IDLE / 4 + 1
    script, page = head(cookie(mine)), head(cookie(mine), page=True)
    for _ in range(2):
        assert (await guard.ask(route(), script))[0].set_cookie is None
        renewed = (await guard.ask(route(), page))[0].set_cookie or ""
        name, _, rest = renewed.partition("=")
        assert name == "__Host-gateway_session"
        assert f"Max-Age={IDLE};" in rest
        again = SEALER.open(rest.partition(";")[0])
        assert again == replace(mine, sealed_at=int(guard.clock.now))
    fresh = head(cookie(cast(Session, again)), page=True)
    assert (await guard.ask(route(), fresh))[0].set_cookie is None


async def test_a_grant_ends_before_anything_that_it_rests_on(guard: Guard) -> None:
    """The memory of the binding, the token's renewal, the policy's max_age, the session's renewal: what comes first."""
    await guard.bind()
    mine = session()
    request = head(cookie(mine))
    assert guard.authorizer.grant(route(), request) is None  # the store must be asked first
    verdict, _ = await guard.ask(route(), request)
    grant = guard.authorizer.grant(route(), request)
    assert grant is not None
    assert grant.verdict is verdict
    assert grant.seconds == 5.0
    guard.clock.now += 4
    grant = guard.authorizer.grant(route(), request)
    assert grant is not None
    assert grant.seconds == 1.0
    guard.clock.now = NOW + TTL * 0.9 - 2
    await guard.ask(route(), request)
    grant = guard.authorizer.grant(route(), request)
    assert grant is not None
    assert grant.seconds == 2.0
    aged = route(max_age=TTL)
    guard.clock.now = NOW + TTL - 1
    await guard.ask(aged, request)
    grant = guard.authorizer.grant(aged, request)
    assert grant is not None
    assert grant.seconds == 1.0
    guard.clock.now = NOW + IDLE / 4 + 1  # due for renewal: every answer may carry a cookie
    await guard.ask(route(), request)
    assert guard.authorizer.grant(route(), request) is None


async def test_only_what_nothing_can_change_is_granted_without_end(guard: Guard) -> None:
    """Public routes, and no session where none is needed; never a refusal, nor a session that may come to be bound."""
    mine = head(cookie(session()))
    for each, request in ((Access.PUBLIC, mine), (Access.PUBLIC, head(None)), (Access.OPTIONAL, head("a=b"))):
        grant = guard.authorizer.grant(route(each), request)
        assert grant is not None
        assert grant.seconds == math.inf
        assert not grant.verdict.identity
    await guard.ask(route(Access.OPTIONAL), mine)
    assert guard.authorizer.grant(route(Access.OPTIONAL), mine) is None
    assert guard.authorizer.grant(route(), head(None)) is None
    assert guard.authorizer.grant(replace(route(Access.PUBLIC), own=True), head(None)) is None


async def test_hosts_decide_the_app(guard: Guard) -> None:
    """An alias of the app is the app; another app's host needs its own login; an unknown host is nobody's."""
    await guard.bind()
    cookies = cookie(session())
    assert (await guard.ask(route(), head(cookies)))[0].identity
    assert (await guard.ask(route(), head(cookies, host="alias.example.com")))[0].identity
    other = (await guard.ask(route(), head(cookies, host="other.example.com")))[0]
    assert other.decision == Login(Reason.SESSION_OF_OTHER_APP, redirect=False)
    for host in ("evil.example", "app.example.com.", "app.example.com:8443"):
        assert (await guard.ask(route(), head(cookies, host=host)))[0].decision == Deny(Reason.MISDIRECTED, 421)
    assert (await guard.ask(route(), head(cookies)))[0].identity


async def test_public_and_own_routes_ask_nobody(guard: Guard) -> None:
    """No identity on either; our own pages get every cookie, public routes none of ours."""
    await guard.bind()
    cookies = cookie(session(), junk="a=1")
    public = guard.authorizer.now(route(Access.PUBLIC), head(cookies))
    assert public is not None
    assert (public.identity, public.cookie) == (b"", b"a=1")
    own = guard.authorizer.now(replace(route(Access.PUBLIC), own=True), head(cookies))
    assert own is not None
    assert (own.identity, own.cookie) == (b"", cookies.encode())


async def test_the_newest_of_several_sessions_counts_and_only_a_few_are_opened(guard: Guard) -> None:
    """Browsers send one; two are a moment's overlap, many are an attack on our time."""
    await guard.bind()
    old, new = session(NOW - 100, Subject("main", "oSomebodyElse")), session(NOW - 50)
    for order in ((old, new), (new, old)):
        assert claims((await guard.ask(route(), head(cookie(*order))))[0])["sub"] == "42"
    flood = cookie(*[session(NOW - 100, Subject("main", "oX"))] * 4, new)
    assert not (await guard.ask(route(), head(flood)))[0].identity


async def test_only_sessions_are_remembered_and_not_too_many(guard: Guard) -> None:
    """Strangers choose cookies: junk and long ones are read anew each time."""
    await guard.bind()
    for number in range(50):
        await guard.ask(route(), head(f"a={number}"))
        await guard.ask(route(), head(f"__Host-gateway_session=gAAAAA{number}"))
    await guard.ask(route(), head(cookie(session(), junk="b=" + "x" * 5000)))
    assert len(guard.authorizer) == 0
    mine = cookie(session())
    for number in range(150):
        assert (await guard.ask(route(), head(f"{mine}; n={number}")))[0].identity
    assert len(guard.authorizer) == 100
    for number in range(200):
        assert (await guard.ask(route(name=f"r{number}"), head(mine)))[0].identity
    assert len(guard.authorizer._lines) <= 100
    assert all(len(known.grants) <= 64 for known in guard.authorizer._known.values())


class Scripted:
    """A store that says what it is told to. Never remembers, so that it is always asked."""

    def __init__(self, standings: dict[str, Standing], outage: bool = False) -> None:
        self.standings = standings
        self.outage = outage

    def peek(self, sid_hash: str) -> Standing | None:
        return None

    async def standing(self, subject: Subject, sid_hash: str, created: int) -> Standing:
        if self.outage:
            raise StoreOutage
        return self.standings.get(sid_hash, Standing(revoked=False, binding=None))


def scripted(store: Scripted) -> Authorizer:
    return make(cast(CachedBindings, store), Clock())


async def test_an_outage_is_a_503_and_never_a_logout() -> None:
    """Nobody is identified, nobody is sent to sign in, no cookie is touched; public pages go on."""
    authorizer = scripted(Scripted({}, outage=True))
    request = head(cookie(session()), page=True)
    assert authorizer.now(route(), request) is None
    for access in (Access.BOUND, Access.WECHAT, Access.OPTIONAL):
        with pytest.raises(StoreOutage) as outage:
            await authorizer.later(route(access), request)
        assert outage.value.status == 503
    assert isinstance((await authorizer.later(route(Access.PUBLIC), request)).decision, Forward)


def _sealed(purpose: str) -> str:
    return Sealer(MASTER, purpose).seal(b'["sid","main","oCANARY",1800000000,1800000000,1800000000]', now=NOW)


LIVE, UNBOUND, REVOKED, EXPIRED, FUTURE, OTHER = (
    replace(session(), sid=name, subject=subject, created=created, sealed_at=created)
    for name, subject, created in (
        ("live", SUBJECT, NOW - 10),
        ("unbound", Subject("main", "oNew"), NOW - 20),
        ("revoked", SUBJECT, NOW - 30),
        ("expired", SUBJECT, NOW - IDLE - 1),
        ("future", SUBJECT, NOW + 3600),
        ("other", Subject("other", "oCANARY"), NOW - 40),
    )
)
KINDS = {each.sid: each for each in (LIVE, UNBOUND, REVOKED, EXPIRED, FUTURE, OTHER)}
BINDING = Binding(SUBJECT, "42", {}, "pwd", 1, NOW - 100)
STANDINGS = {
    token_hash("live"): Standing(False, BINDING),
    token_hash("revoked"): Standing(True, BINDING),
    token_hash("expired"): Standing(False, BINDING),
    token_hash("future"): Standing(False, BINDING),
    token_hash("other"): Standing(False, replace(BINDING, subject=OTHER.subject)),
}
PAIRS = st.sampled_from(
    [
        *(("__Host-gateway_session", SEALER.seal(each, each.sealed_at)) for each in KINDS.values()),
        ("__Host-gateway_session", _sealed("attempt")),
        ("__Host-gateway_session", ""),
        ("__Host-gateway_session", "gAAAAAgarbage"),
        ("__Host-gateway_session", SEALER.seal(LIVE, LIVE.sealed_at)[:-4] + "AAA="),
        ("gateway_session", SEALER.seal(LIVE, LIVE.sealed_at)),
        ("__host-gateway_session", SEALER.seal(LIVE, LIVE.sealed_at)),
        ("a", "1"),
    ]
)


@given(
    st.lists(PAIRS, max_size=5),
    st.sampled_from(Access),
    st.sampled_from([HOST, "other.example.com", "evil.example"]),
    st.sampled_from([b"GET", b"POST", b"OPTIONS"]),
    st.booleans(),
)
def test_nobody_is_identified_without_a_live_session_of_this_app(
    pairs: list[tuple[str, str]], access: Access, host: str, method: bytes, page: bool
) -> None:
    """For any cookies, route, host and method; and a bound route only with a binding."""
    sent = "; ".join(f"{name}={value}" for name, value in pairs)
    request = head(sent or None, host, page, method)
    verdict = asyncio.run(scripted(Scripted(STANDINGS)).later(route(access), request))
    opened = [
        each
        for name, value in [pair for pair in pairs if pair[0] == "__Host-gateway_session"][:4]
        if (each := SEALER.open(value)) is not None
    ]
    newest = max(opened, key=lambda each: (each.created, each.sealed_at), default=None)
    app = {HOST: "main", "other.example.com": "other"}.get(host)
    allowed = newest is not None and newest.sid in ("live", "unbound", "other") and newest.subject.app == app
    if access is not Access.WECHAT:
        allowed = allowed and newest is not None and newest.sid != "unbound"
    expected = allowed and access is not Access.PUBLIC
    assert bool(verdict.identity) == expected
    assert isinstance(verdict.decision, Forward) == (expected or access in (Access.PUBLIC, Access.OPTIONAL))
    assert b"gateway_" not in (verdict.cookie or b"").lower()


# --- what goes on -----------------------------------------------------------------------------------------


async def admitted(guard: Guard, where: Route, request: RequestHead) -> Admission:
    """The admission of an exchange that begins now."""
    verdict, _ = await guard.ask(where, request)
    assert isinstance(verdict.decision, Forward)
    assert verdict.decision.identified
    return Admission(where, request, verdict)


async def test_an_admission_stands_as_long_as_a_new_request_would_pass(guard: Guard) -> None:
    """The same cookie, the same user: not past a limit, not after an unbind, not for somebody else."""
    await guard.bind()
    admission = await admitted(guard, route(), head(cookie(session())))
    assert await guard.authorizer.stands(admission)
    await guard.bind("42", name="Ming")  # other claims, the same user
    assert await guard.authorizer.stands(admission)
    await guard.bindings.unbind(SUBJECT, USER, NOW)
    assert not await guard.authorizer.stands(admission)
    await guard.bind("43")
    assert not await guard.authorizer.stands(admission)
    await guard.bind("42")
    assert await guard.authorizer.stands(admission)
    guard.clock.now = NOW + IDLE
    assert not await guard.authorizer.stands(admission)


async def test_a_revoked_session_admissions_nothing_more(guard: Guard) -> None:
    """By its own id, or with all of its subject."""
    await guard.bind()
    one, other = session(), session()
    admissions = [await admitted(guard, route(), head(cookie(each))) for each in (one, other)]
    await guard.bindings.revoke_session(token_hash(one.sid), NOW + ABSOLUTE)
    assert [await guard.authorizer.stands(each) for each in admissions] == [False, True]
    await guard.bindings.revoke_subject(SUBJECT, NOW + 1, NOW + ABSOLUTE)
    assert [await guard.authorizer.stands(each) for each in admissions] == [False, False]


async def test_the_policys_demands_hold_on(guard: Guard) -> None:
    """max_age and require, as they would for a new request."""
    await guard.bind("42", role="admin")
    where = route(max_age=100, require=(Requirement("role", ("admin",)),))
    admission = await admitted(guard, where, head(cookie(session())))
    await guard.bind("42", role="clerk")
    assert not await guard.authorizer.stands(admission)
    await guard.bind("42", role="admin")
    guard.clock.now = NOW + 100.0
    assert await guard.authorizer.stands(admission)
    guard.clock.now = NOW + 100.5
    assert not await guard.authorizer.stands(admission)


async def test_who_was_nobodys_user_may_become_one(guard: Guard) -> None:
    """A WeChat user who binds is the same person; one who was a user and is none now, is not."""
    where = route(Access.WECHAT)
    admission = await admitted(guard, where, head(cookie(session())))
    await guard.bind()
    assert await guard.authorizer.stands(admission)
    admission = await admitted(guard, where, head(cookie(session())))
    await guard.bindings.unbind(SUBJECT, USER, NOW)
    assert not await guard.authorizer.stands(admission)


async def test_an_outage_is_no_answer(guard: Guard) -> None:
    """Whoever asks must decide: it is neither yes nor no."""
    await guard.bind()
    admission = await admitted(guard, route(), head(cookie(session())))
    guard.clock.now += 6
    inner = guard.bindings._inner

    async def down(*_: object) -> Standing:
        raise StoreOutage

    inner.standing = down  # type: ignore[method-assign]
    with pytest.raises(StoreOutage):
        await guard.authorizer.stands(admission)
