"""Sessions: sealing, limits, and aiohttp-session over the sealed cookie."""

import json
from dataclasses import replace
from http.cookies import SimpleCookie

import aiohttp_session
import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.cookies import CookieNames
from gateway.core.errors import StoreOutage
from gateway.core.identity import HANDOVER, Session, Subject
from gateway.sealing import Sealer
from gateway.stores import sessions
from gateway.stores.sessions import SealedCookieStorage, SessionSealer, new_session

ALICE = Subject("main", "openid-alice")
SEALER = Sealer([b"k" * 32], "session")
IDLE, ABSOLUTE = 1000, 5000
LIMITS = SessionSealer(SEALER, IDLE, ABSOLUTE)
NAMES = CookieNames.for_scheme(secure=True)
SESSION = Session("sid", ALICE, auth_time=100, created=100, sealed_at=100)

# --- values -----------------------------------------------------------------------------------------


def test_a_new_session_starts_now_under_128_random_bits():
    """The sid is fresh randomness of 16 bytes, url-safe."""
    asked = []
    session = new_session(ALICE, 100, random=lambda size: asked.append(size) or "random")
    assert Session("random", ALICE, 100, 100, 100) == session
    assert asked == [16]
    assert new_session(ALICE, 100).sid != new_session(ALICE, 100).sid


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1), st.integers(), st.integers(), st.integers())
def test_what_is_sealed_opens_unchanged(sid, app, openid, auth_time, created, now):
    """Every session survives the round trip, stamped with the time of its sealing."""
    session = Session(sid, Subject(app, openid), auth_time, created, 0)
    sealer = SessionSealer(_Plain(), IDLE, ABSOLUTE)
    assert replace(session, sealed_at=now) == sealer.open(sealer.seal(session, now))


class _Plain:
    """A sealer that seals nothing, to reach the parser with any payload."""

    def seal(self, value, *, now):
        return value.decode()

    def open(self, token):
        return token.encode()


def test_a_session_let_in_lasts_eight_hours():
    """Whatever the configuration allows, and whatever it was renewed to; less where less is allowed."""
    limits = SessionSealer(SEALER, 30 * 86400, 30 * 86400)
    let_in = replace(SESSION, via=HANDOVER, sealed_at=100 + 7 * 3600)
    assert limits.open(limits.seal(let_in, let_in.sealed_at)) == let_in
    assert not limits.expired(let_in, 100 + 8 * 3600 - 1)
    assert limits.expired(let_in, 100 + 8 * 3600)
    assert let_in.ends(3600) == 3700
    assert SESSION.ends(30 * 86400) == 100 + 30 * 86400


def test_cookies_of_the_version_before_open():
    """Six fields are a session of an own dance, and such sessions are sealed so still; a seventh must be known."""
    sealer = SessionSealer(_Plain(), IDLE, ABSOLUTE)
    assert sealer.seal(SESSION, 100) == '["sid","main","openid-alice",100,100,100]'
    assert sealer.open('["sid","main","openid-alice",100,100,100]') == SESSION
    for via in ('"other"', "1", "null", "true", '["handover"]', "{}"):
        assert sealer.open(f'["sid","main","openid-alice",100,100,100,{via}]') is None


def test_the_token_hides_its_session():
    """No OpenId and no sid can be read from a cookie."""
    token = LIMITS.seal(SESSION, 100)
    assert "openid" not in token
    assert LIMITS.open(token) == SESSION


@pytest.mark.parametrize("token", ["", "junk", "ü", "gAAAAA", Sealer([b"k" * 32], "state").seal(b"[]", now=1)])
def test_a_foreign_token_is_no_session(token):
    """Junk, and what was sealed for another purpose, opens to nothing."""
    assert LIMITS.open(token) is None


def test_a_flipped_byte_is_no_session():
    """Every position is authenticated."""
    token = LIMITS.seal(SESSION, 100)
    for position in range(0, len(token) - 2, 7):
        flipped = token[:position] + ("A" if token[position] != "A" else "B") + token[position + 1 :]
        assert LIMITS.open(flipped) is None


GOOD = ["sid", "main", "openid", 100, 100, 100]


@pytest.mark.parametrize("payload", [b"", b"{}", b"null", b"[]", b"\xff", b"[" * 100_000, b'"sidsid"'])
def test_an_odd_payload_is_no_session(payload):
    """Even what carries our seal is checked for its shape."""
    assert LIMITS.open(SEALER.seal(payload, now=1)) is None


@pytest.mark.parametrize("place", range(6))
@pytest.mark.parametrize("odd", ["", None, True, 1.5, [], {}])
def test_an_odd_field_is_no_session(place, odd):
    """Wrong types, booleans for numbers and empty names are refused, in every place."""
    fields = [*GOOD[:place], odd, *GOOD[place + 1 :]]
    assert LIMITS.open(SEALER.seal(json.dumps(fields).encode(), now=1)) is None
    assert LIMITS.open(SEALER.seal(json.dumps(GOOD).encode(), now=1)) is not None


# --- limits -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sealed_at", "now", "expired"),
    [
        (100, 100, False),
        (100, 1099, False),
        (100, 1100, True),  # idle
        (4500, 5099, False),
        (4500, 5100, True),  # absolute, however active
        (100, 40, False),  # another machine's clock is a minute ahead
        (100, 39, True),  # more than that is not a clock
    ],
)
def test_sessions_end_at_the_nearer_limit(sealed_at, now, expired):
    """Idle counts from the sealing, absolute from the start; the future is not valid beyond a minute."""
    assert LIMITS.expired(replace(SESSION, sealed_at=sealed_at), now) is expired


@pytest.mark.parametrize("field", ["auth_time", "created", "sealed_at"])
def test_no_time_lies_in_the_future(field):
    """One field from the future is enough to refuse a session."""
    assert not LIMITS.expired(replace(SESSION, **{field: 160}), 100)
    assert LIMITS.expired(replace(SESSION, **{field: 161}), 100)


def test_a_session_is_due_past_a_quarter_of_idle():
    """Then a page's response carries it anew."""
    assert not LIMITS.due(SESSION, 100 + IDLE // 4)
    assert LIMITS.due(SESSION, 100 + IDLE // 4 + 1)


def test_live_sessions_come_newest_first():
    """Expired and foreign tokens are left out; only the first few tokens are opened at all."""
    old, new = replace(SESSION, sid="old"), replace(SESSION, sid="new", created=200)
    tokens = ["junk", LIMITS.seal(old, 150), LIMITS.seal(new, 200), LIMITS.seal(old, 300), LIMITS.seal(new, 400)]
    assert [replace(new, sealed_at=200), replace(old, sealed_at=300), old_sealed_at(old, 150)] == LIMITS.live(
        tokens, 300
    )
    assert [replace(new, sealed_at=200), replace(old, sealed_at=300)] == LIMITS.live(tokens, 1150)


def old_sealed_at(session, at):
    return replace(session, sealed_at=at)


# --- aiohttp-session --------------------------------------------------------------------------------


def storage(now=100, revoked=(), names=NAMES):
    async def is_revoked(session):
        return session.sid in revoked

    return SealedCookieStorage(LIMITS, names, is_revoked, clock=lambda: now + 0.9)


def request(*cookie_headers):
    from multidict import CIMultiDict

    return make_mocked_request("GET", "/", headers=CIMultiDict([("Cookie", value) for value in cookie_headers]))


def cookie(session, at=100, name=NAMES.session):
    return f"{name}={LIMITS.seal(session, at)}"


def set_cookies(response):
    return response.headers.getall("Set-Cookie", [])


async def test_the_storage_loads_a_live_session():
    """Direct call, no middleware: the jar holds the session, is not new, and its identity is the sid."""
    jar = await storage().load_session(request(f"a=1; {cookie(SESSION)}; b=2"))
    assert sessions.read(jar) == SESSION
    assert (jar.new, jar.identity, jar.created) == (False, "sid", 100)
    assert {"sid", "app", "openid", "auth_time", "created"} <= set(jar)


@pytest.mark.parametrize(
    "header", ["", "a=1", f"{NAMES.session}=junk", f"{NAMES.session}=", cookie(SESSION, name="gateway_session")]
)
async def test_without_a_session_the_jar_is_new_and_empty(header):
    """No cookie, junk, or the unprefixed spelling on https: signed out."""
    jar = await storage().load_session(request(header))
    assert (jar.new, jar.empty, sessions.read(jar)) == (True, True, None)


async def test_expired_and_revoked_sessions_are_not_loaded():
    """A copied cookie is worth nothing after logout or the idle limit."""
    assert (await storage(now=1100).load_session(request(cookie(SESSION)))).empty
    assert (await storage(revoked={"sid"}).load_session(request(cookie(SESSION)))).empty


async def test_of_several_cookies_the_newest_valid_wins():
    """A dead or planted duplicate, in one field or in two, does not hide the live session."""
    older, newer = replace(SESSION, sid="older", created=90), replace(SESSION, sid="newer")
    dead = replace(SESSION, sid="dead", created=150)
    header = "; ".join([f"{NAMES.session}=junk", cookie(older), cookie(newer)])
    jar = await storage(now=150, revoked={"dead"}).load_session(request(header, cookie(dead, 150)))
    assert sessions.read(jar) == newer


async def test_a_store_outage_is_not_a_logout():
    """When nobody knows whether a session is revoked, loading fails; it does not come back empty."""

    async def is_revoked(session):
        raise StoreOutage

    with pytest.raises(StoreOutage):
        await SealedCookieStorage(LIMITS, NAMES, is_revoked, lambda: 100).load_session(request(cookie(SESSION)))


@pytest.mark.parametrize(("created", "max_age"), [(100, IDLE), (100 - ABSOLUTE + 300, 300)])
async def test_saving_sets_the_cookie_for_as_long_as_it_may_live(created, max_age):
    """Max-Age is the nearer of both limits, and the attributes are those of our cookies."""
    response, jar = web.Response(), await storage().new_session()
    sessions.write(jar, replace(SESSION, created=created))
    await storage().save_session(request(), response, jar)
    (line,) = set_cookies(response)
    name, _, rest = line.partition("=")
    value, _, attributes = rest.partition("; ")
    assert name == "__Host-gateway_session"
    assert {f"Max-Age={max_age}", "Path=/", "HttpOnly", "SameSite=Lax", "Secure"} == set(attributes.split("; "))
    assert LIMITS.open(value) == replace(SESSION, created=created, sealed_at=100)


async def test_saving_an_empty_session_clears_the_cookie():
    """Sign-out removes it from the browser, with the same attributes."""
    response = web.Response()
    jar = await storage().load_session(request(cookie(SESSION)))
    jar.invalidate()
    await storage().save_session(request(), response, jar)
    assert [NAMES.clear_cookie(NAMES.session)] == set_cookies(response)


async def test_an_expired_session_is_cleared_not_renewed():
    """Saving never stretches the absolute limit."""
    response, jar = web.Response(), await storage().new_session()
    sessions.write(jar, replace(SESSION, created=100 - ABSOLUTE))
    await storage().save_session(request(), response, jar)
    assert [NAMES.clear_cookie(NAMES.session)] == set_cookies(response)


async def test_a_response_carries_one_session_cookie():
    """The last save counts; other cookies stay."""
    response, jar = web.Response(headers={"Set-Cookie": "other=1"}), await storage().new_session()
    for sid in ("first", "second"):
        sessions.write(jar, replace(SESSION, sid=sid))
        await storage().save_session(request(), response, jar)
    other, ours = set_cookies(response)
    assert other == "other=1"
    assert LIMITS.open(SimpleCookie(ours)[NAMES.session].value).sid == "second"


async def test_half_a_session_is_a_mistake_of_ours():
    """A jar with something but not a session is refused rather than signed."""
    jar = await storage().new_session()
    jar["sid"] = "sid"
    with pytest.raises(ValueError, match="write"):
        await storage().save_session(request(), web.Response(), jar)


async def test_under_the_middleware_a_login_rotates_and_a_logout_clears(aiohttp_client):
    """With `aiohttp_session.setup`: new id at login, read back on the next request, gone after logout."""
    names = CookieNames.for_scheme(secure=False)
    sids = iter(["first", "second"])

    async def login(request):
        jar = await aiohttp_session.new_session(request)
        sessions.write(jar, new_session(ALICE, 100, random=lambda _: next(sids)))
        raise web.HTTPFound("/me")

    async def me(request):
        session = sessions.read(await aiohttp_session.get_session(request))
        return web.Response(text=session.sid if session else "nobody")

    async def logout(request):
        (await aiohttp_session.get_session(request)).invalidate()
        return web.Response()

    app = web.Application()
    aiohttp_session.setup(app, storage(names=names))
    app.add_routes([web.get("/login", login), web.get("/me", me), web.get("/logout", logout)])
    client = await aiohttp_client(app)

    async def text(path):
        async with client.get(path) as response:
            return await response.text()

    assert await text("/me") == "nobody"
    assert await text("/login") == "first"
    assert await text("/login") == "second"
    async with client.get("/me") as response:
        assert set_cookies(response) == []  # reading alone does not write
    await text("/logout")
    assert await text("/me") == "nobody"
