"""Who the upstream believes to see: X-User by policy, sessions that end, bindings that end."""

import asyncio
import json
import re
import time
from urllib.parse import urlencode

import pytest

from .conftest import PASSWORD, House, Open, claims_in, ticket_in
from .raw import PATIENCE, Browser, target_of

SPELLINGS = ("X-User", "x-user", "X_User", "X-USER", "x.user", "X~User", "X-User-Name", "x_user_name")


async def post(browser: Browser, target: str) -> int:
    """A form without fields, from our own page."""
    return (await browser.post(target, b"")).status


async def test_claims_are_the_contract(house: House) -> None:
    """Exactly the claims of the contract, and those that the policy names; never the OpenId."""
    browser = await house.signed_in("alice")
    claims = claims_in(await browser.get("/"))
    registered = {"iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid", "app", "bound", "amr", "auth_time", "route"}
    assert set(claims) == registered | {"name", "roles"}
    assert claims["iss"] == house.origin
    assert claims["aud"] == "legacy"
    assert claims["app"] == "main"
    assert claims["route"] == "app"
    assert 0 < claims["exp"] - claims["iat"] <= 300
    assert abs(claims["auth_time"] - time.time()) < 60
    openid = claims_in(await browser.get("/openid/x"))["openid"]
    assert openid not in json.dumps(claims)


async def test_a_token_is_minted_once_for_a_session_and_route(house: House) -> None:
    """The same token is reused; another route gets another."""
    browser = await house.signed_in()
    first = claims_in(await browser.get("/a"))["jti"]
    assert claims_in(await browser.get("/b"))["jti"] == first
    assert claims_in(await browser.get("/api/x"))["jti"] != first


@pytest.mark.parametrize("path", ["/public/x", "/optional/x", "/", "/wechat/x"])
async def test_no_spelling_of_an_identity_header_survives(house: House, path: str) -> None:
    """On public and other routes, with and without a session, also OPTIONS and with Connection naming ours."""
    spoofed = dict.fromkeys(SPELLINGS, "spoofed") | {"Connection": "close, X-User"}
    for browser in (house.browser(), await house.signed_in()):
        for method in ("GET", "OPTIONS"):
            house.upstream.seen.clear()
            await browser.request(method, path, headers=spoofed)
            for seen in house.upstream.seen:
                assert "spoofed" not in json.dumps(seen.fields)
                assert len(seen.all("x-user")) == (1 if seen.claims else 0)


async def test_public_routes_never_carry_identity_or_our_cookies(house: House) -> None:
    """Even with a session."""
    browser = await house.signed_in()
    browser.jar["theirs"] = "1"
    await browser.get("/public/x")
    seen = house.upstream.seen[-1]
    assert seen.all("x-user") == []
    assert seen.get("cookie") == "theirs=1"


async def test_optional_routes_identify_only_the_bound(house: House) -> None:
    """Strangers pass without X-User and are never redirected."""
    assert claims_in(await house.browser().get("/optional/x")) is None
    browser = await house.signed_in()
    assert claims_in(await browser.get("/optional/x"))["sub"] == "1001"


async def test_wechat_routes_know_the_unbound_by_a_pseudonym(house: House) -> None:
    """`sub` is wx: and a keyed hash, `bound` false; no bind page on the way."""
    browser = house.browser()
    answer = await house.dance(browser, "/wechat/x")
    assert answer.get("location") == "/wechat/x#"
    claims = claims_in(await browser.get("/wechat/x"))
    assert re.fullmatch(r"wx:[A-Za-z0-9_-]{20,}", claims["sub"])
    assert claims["bound"] is False
    assert claims["amr"] == ["wechat"]


async def test_a_signed_in_stranger_is_led_to_the_bind_page(house: House) -> None:
    """A page redirects there and back; a program gets a 403 that says where."""
    browser = house.browser()
    await house.dance(browser, "/wechat/x")
    answer = await browser.get("/orders")
    assert answer.status == 302
    location = answer.get("location") or ""
    assert location == "/_gateway/bind?return_to=/orders"
    answer = await browser.get(location)
    assert answer.status in (302, 303)
    answer = await house.bind(browser, answer.get("location") or "")
    assert answer.get("location") == "/orders#"
    other = house.browser()
    await house.dance(other, "/wechat/x", "alice")
    refused = await other.get("/api/x", headers={"Accept": "application/json"}, page=False)
    assert refused.status == 403
    assert json.loads(refused.body) == {
        "error": "binding_required",
        "bind_url": f"{house.origin}/_gateway/bind?return_to=/",
    }


async def test_require_is_a_403(house: House) -> None:
    """Only users with the claim pass."""
    assert (await (await house.signed_in("xiaoming")).get("/admin/x")).status == 403
    assert (await (await house.signed_in("alice")).get("/admin/x")).status == 200


async def test_expose_openid_and_plain_headers_are_opt_in(house: House) -> None:
    """WeChat Pay needs the OpenId; old backends need a plain name, percent-encoded."""
    browser = await house.signed_in()
    claims = claims_in(await browser.get("/openid/x"))
    assert claims["openid"].startswith("o")
    assert claims["app_id"] == "wx520c15f417810387"
    await browser.get("/plain/x")
    assert house.upstream.seen[-1].get("x-user-name") == "Xiaoming"


async def test_a_session_is_new_at_login_and_at_bind(house: House) -> None:
    """A planted or older cookie is dead afterwards."""
    browser = house.browser()
    answer = await house.dance(browser, "/orders")
    before = browser.jar["gateway_session"]
    await house.bind(browser, answer.get("location") or "")
    assert browser.jar["gateway_session"] != before
    old = Browser(house.port, jar={"gateway_session": before})
    assert (await old.get("/wechat/x")).status == 302


async def test_logout_ends_on_a_signed_out_page_and_kills_copies(house: House) -> None:
    """The silent dance would undo it otherwise; a copied cookie is dead at once here, elsewhere within cache_ttl."""
    browser = await house.signed_in()
    copy = Browser(house.port, jar=dict(browser.jar))
    assert (await copy.get("/orders")).status == 200
    answer = await browser.post("/_gateway/logout", b"")
    assert answer.status == 303
    assert "gateway_session" not in browser.jar
    page = await browser.get(target_of(answer.get("location") or "", house.origin))
    assert page.status == 200
    assert page.get("location") is None
    assert (await copy.get("/orders")).status == 302


async def test_unbind_takes_effect_on_live_sessions(house: House) -> None:
    """The next request is led to the bind page again."""
    browser = await house.signed_in()
    other = await house.signed_in()
    assert (await other.get("/orders")).status == 200
    assert (await browser.post("/_gateway/unbind", b"")).status in (200, 303)
    assert (await other.get("/orders")).status == 302


async def test_me_says_who_is_here(house: House) -> None:
    """As JSON for programs; 401 when signed out."""
    program = {"Accept": "application/json"}
    assert (await house.browser().get("/_gateway/me", headers=program, page=False)).status == 401
    browser = await house.signed_in()
    answer = await browser.get("/_gateway/me", headers=program, page=False)
    me = json.loads(answer.body)
    assert me == {
        "signed_in": True,
        "bound": True,
        "user_id": "1001",
        "claims": {"name": "Xiaoming", "roles": ["member"]},
    }


async def test_foreign_posts_are_refused(house: House) -> None:
    """CSRF on unbind and logout: a foreign Origin, cross-site, or null alone."""
    browser = await house.signed_in()
    for headers in (
        {"Origin": "https://evil.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": f"http://127.0.0.1:{house.port}"},
    ):
        for page in ("logout", "unbind"):
            answer = await browser.post(f"/_gateway/{page}", b"", headers=headers)
            assert answer.status == 403
    assert (await browser.get("/orders")).status == 200


async def test_a_tampered_cookie_is_no_session(house: House) -> None:
    """Any flipped character: a new dance, never an error."""
    browser = await house.signed_in()
    value = browser.jar["gateway_session"]
    for position in range(0, len(value), 7):
        flipped = "A" if value[position] != "A" else "B"
        forged = Browser(house.port, jar={"gateway_session": value[:position] + flipped + value[position + 1 :]})
        assert (await forged.get("/orders")).status == 302


async def test_a_cookie_of_another_purpose_is_no_session(house: House) -> None:
    """A login cookie's value as the session's."""
    browser = house.browser()
    await browser.get("/orders")
    [value] = browser.jar.values()
    assert (await Browser(house.port, jar={"gateway_session": value}).get("/orders")).status == 302


async def test_idle_and_absolute_limits_end_a_session(open_house: Open) -> None:
    """After the absolute limit nothing helps."""
    house = await open_house(session='idle = "1s"\nabsolute = "1s"')
    browser = await house.signed_in()
    async with asyncio.timeout(PATIENCE):
        while (await browser.get("/orders")).status == 200:  # each visit renews the idle limit, not the absolute one
            pass
    assert (await browser.get("/orders")).status == 302


async def test_one_ticket_posted_fifty_times_binds_once(house: House) -> None:
    """One winner, one row; the others are 410 and the verifier is not asked."""
    browser = house.browser()
    location = (await house.dance(browser, "/orders")).get("location") or ""
    page = await browser.get(target_of(location, house.origin))
    form = {"ticket": ticket_in(page), "username": "xiaoming", "password": PASSWORD, "consent": "1"}
    body = urlencode(form).encode()
    copies = [Browser(house.port, jar=dict(browser.jar)) for _ in range(50)]
    answers = await asyncio.gather(*(copy.post("/_gateway/bind", body) for copy in copies))
    statuses = sorted(answer.status for answer in answers)
    assert statuses == [303] + [410] * 49


async def test_an_account_bound_to_another_wechat_is_a_conflict(house: House) -> None:
    """409 after proof, with a fresh ticket; the first binding stands."""
    await house.signed_in("xiaoming")
    thief = house.browser()
    location = (await house.dance(thief, "/orders", "alice")).get("location") or ""
    answer = await house.bind(thief, location, "xiaoming")
    assert answer.status == 409
    assert ticket_in(answer)


async def test_secrets_are_nowhere(house: House) -> None:
    """Codes, states, tickets, cookies, OpenIds, passwords, secrets: in no log line, metric, page or upstream byte."""
    browser = house.browser()
    start = await browser.get("/orders?q=canaryquery")
    callback = await house.authorize(start.get("location") or "")
    code = re.search(r"code=([^&]+)", callback)
    state = re.search(r"state=([^&]+)", callback)
    assert code
    assert state
    cookies = list(browser.jar.values())
    landed = await browser.get(callback)
    page = await browser.get(target_of(landed.get("location") or "", house.origin))
    ticket = ticket_in(page)
    wrong = await house.bind(browser, landed.get("location") or "", "nobody-canary")
    assert wrong.status == 401
    form = {"ticket": ticket_in(wrong), "username": "xiaoming", "password": PASSWORD, "consent": "1"}
    done = await browser.post("/_gateway/bind", urlencode(form).encode())
    assert done.status == 303
    final = await browser.get("/orders")
    openid = claims_in(await browser.get("/openid/x"))["openid"]
    cookies += list(browser.jar.values())
    token = house.upstream.seen[-1].get("x-user")
    metrics = await _metrics(house)
    await house.gateway.stop()
    log = house.log.read_text()
    assert '"route":"app"' in log
    for secret in (code[1], state[1], ticket, PASSWORD, openid, token, "canaryquery", "c4nary5ecret", *cookies):
        assert secret
        assert secret not in log
        assert secret not in metrics
    for secret in (openid, PASSWORD, "c4nary5ecret"):
        for answer in (start, landed, page, wrong, done):
            assert secret not in json.dumps([answer.fields, answer.body.decode()])
    for cookie in cookies:
        assert cookie.encode() not in bytes(house.upstream.raw)
    assert openid not in json.dumps(final.fields)


async def _metrics(house: House) -> str:
    port = int(house.gateway.admin_address.rpartition(":")[2])
    return (await Browser(port).get("/metrics")).body.decode()


async def test_health_readiness_and_metrics_are_on_the_admin_listener_only(house: House) -> None:
    """What the gateway counted: decisions by route and reason, WeChat's calls by outcome."""
    await house.signed_in()
    port = int(house.gateway.admin_address.rpartition(":")[2])
    admin = Browser(port)
    assert (await admin.get("/healthz")).status == 200
    assert (await admin.get("/readyz")).status == 200
    metrics = await _metrics(house)
    assert re.search(r'gateway_requests_total\{[^}]*reason="no_session"[^}]*route="app"[^}]*\} 1\.0', metrics)
    assert re.search(r'gateway_wechat_calls_total\{app="main",outcome="ok"\} 1\.0', metrics)
    for path in ("/healthz", "/metrics"):
        assert (await house.browser().get(path)).status == 302
