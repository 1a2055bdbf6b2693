"""GET /callback."""

import asyncio
import dataclasses
import html
import re

import pytest

from gateway.core.errors import StoreOutage
from gateway.sealing import token_hash
from gateway.web.parts import Limits
from gateway.wechat.interface import Failure


def path(state: str, code: str = "code-ann") -> str:
    return f"/_gateway/callback?code={code}&state={state}"


async def bound(browser) -> None:
    """Ann signs in and binds."""
    assert (await browser.bind(await browser.ticket())).status == 303


async def test_a_bound_visitor_lands_on_the_page_asked_for(house, browser):
    """302 to the clean page with an explicit fragment, a new session, and the attempt's cookie for a minute more."""
    await bound(browser)
    former = browser.jar["__Host-gateway_session"]
    answer = await browser.sign_in("code-ann-again", "/app?a=1")
    assert (answer.status, answer.location, answer.body) == (302, "/app?a=1#", b"")
    session = answer.cookies.pop("__Host-gateway_session")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in session
    assert browser.jar["__Host-gateway_session"] != former
    (login,) = [line for name, line in answer.cookies.items() if "login" in name]
    assert "Max-Age=60" in login


async def test_a_fragment_of_the_target_is_kept(browser):
    """A single-page application comes back to its own place."""
    answer = await browser.sign_in(return_to="/open#/orders/7")
    assert answer.location == "/open#/orders/7"


async def test_an_unbound_visitor_of_a_bound_page_goes_to_the_bind_page(house, browser):
    """With a ticket, and with a session that the ticket belongs to."""
    answer = await browser.sign_in()
    assert answer.status == 302
    assert answer.location.startswith("/_gateway/bind?ticket=")
    assert answer.location.endswith("#")
    page = await browser.get(answer.location)
    assert page.status == 200


async def test_an_unbound_visitor_of_another_page_just_lands(browser):
    """Where no binding is needed nobody is asked for one."""
    answer = await browser.sign_in(return_to="/open")
    assert answer.location == "/open#"
    assert "__Host-gateway_session" in answer.cookies


async def test_login_registers_the_session_and_its_device(house, browser):
    """One row for "my sessions", with the family of the device only."""
    await browser.sign_in()
    session = house.session(browser)
    (row,) = await house.parts.bindings.sessions(session.subject, house.clock.now)
    assert (row.sid_hash, row.device, row.expires) == (
        house.sid_hash(browser),
        "iPhone",
        house.clock.now + house.parts.absolute,
    )


async def test_the_session_before_the_login_is_dead(house, browser):
    """A new id at login; the old cookie, copied, opens nothing any more."""
    await browser.sign_in(return_to="/open")
    thief = house.browser()
    thief.jar = dict(browser.jar)
    assert (await thief.get("/_gateway/me")).status == 200
    await browser.sign_in("code-ann-again", "/open")
    assert (await thief.get("/_gateway/me")).status == 401
    assert (await browser.get("/_gateway/me")).status == 200


async def test_an_outage_during_a_login_ends_no_session(house, browser, monkeypatch):
    """The old session lives until the new one stands; a won callback then ends it."""
    await browser.sign_in(return_to="/open")
    old = house.browser()
    old.jar = dict(browser.jar)

    async def down(*_: object) -> None:
        raise StoreOutage("down")

    with monkeypatch.context() as patched:
        patched.setattr(house.parts.bindings, "register_session", down)
        assert (await browser.sign_in("code-ann-again", "/open")).status == 503
    assert (await old.get("/_gateway/me")).status == 200
    assert (await browser.sign_in("code-ann-third", "/open")).status == 302
    assert (await old.get("/_gateway/me")).status == 401


async def test_copies_at_the_same_moment_exchange_once(house, browser):
    """Every copy that carries the cookie gets the same session and the same page."""
    state = await browser.depart("/open/a")
    house.wechat.gate = asyncio.Event()

    async def open_gate() -> None:
        await house.wechat.called.wait()
        house.wechat.gate.set()

    copies = [browser.send("GET", path(state), keep=False) for _ in range(5)]
    *answers, _ = await asyncio.gather(*copies, open_gate())
    assert {(answer.status, answer.location) for answer in answers} == {(302, "/open/a#")}
    cookies = [answer.cookies["__Host-gateway_session"].split("=", 1)[1].split(";")[0] for answer in answers]
    assert len({house.sealer.open(cookie).sid for cookie in cookies}) == 1
    assert house.wechat.exchanged == ["code-ann"]


async def test_a_copy_within_a_minute_exchanges_nothing(house, browser):
    """The second callback, even with another code, gives the same session and the same ticket."""
    state = await browser.depart()
    first = await browser.get(path(state))
    house.clock.now += 59
    again = await browser.get(path(state))
    other = await browser.get(path(state, "code-other"))
    assert first.location == again.location == other.location
    assert house.session(browser).subject.openid == "oCANARYann"
    assert house.wechat.exchanged == ["code-ann"]


async def test_a_copy_waits_for_another_worker(open_house):
    """A worker that finds the attempt claimed elsewhere looks into the store until the result is there."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            there.wechat.gate.set()
            await landed.wait()

    there = await open_house()
    here = await open_house(state=there.parts.state, bindings=there.parts.bindings, sleep=sleep)
    one, two, landed = there.browser(), here.browser(), asyncio.Event()
    state = await one.depart("/open")
    two.jar = dict(one.jar)
    there.wechat.gate = asyncio.Event()

    async def win() -> None:
        await one.get(path(state))
        landed.set()

    async def copy():
        await there.wechat.called.wait()
        return await two.get(path(state))

    _, answer = await asyncio.gather(win(), copy())
    assert answer.location == "/open#"
    assert here.session(two).sid == there.session(one).sid
    assert (len(waits), here.wechat.exchanged) == (3, [])


async def test_a_winner_that_never_settles_is_an_outage(open_house):
    """A copy waits for so long and no longer."""

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    waits: list[float] = []
    house = await open_house(sleep=sleep)
    browser = house.browser()
    state = await browser.depart()
    now = house.clock.now
    await house.parts.state.claim_attempt(token_hash(state), token_hash("code-ann"), now, now + 600)
    answer = await browser.get(path(state))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
    assert sum(waits) == pytest.approx(house.parts.limits.exchange_wait, abs=0.2)


async def test_a_copy_does_not_undo_a_logout(house, browser):
    """A late copy of the callback gives no session back that was ended."""
    state = await browser.depart("/open")
    await browser.get(path(state))
    login = {name: value for name, value in browser.jar.items() if "login" in name}
    await browser.post("/_gateway/logout")
    browser.jar |= login
    answer = await browser.get(path(state))
    assert (answer.location, "__Host-gateway_session" in answer.cookies) == ("/open#", False)


async def test_a_copy_after_the_bind_goes_to_the_page(house, browser):
    """The bind replaced the session: the copy neither brings the old one back nor shows the spent ticket."""
    state = await browser.depart()
    first = await browser.get(path(state))
    await browser.bind(first.query["ticket"])
    session = browser.jar["__Host-gateway_session"]
    answer = await browser.get(path(state))
    assert answer.location == "/app#"
    assert browser.jar["__Host-gateway_session"] == session


async def test_without_the_cookie_nothing_is_consumed_and_nobody_called(house, browser):
    """Another browser's callback gets one page that starts over; the rightful browser still succeeds."""
    state = await browser.depart("/open")
    stranger = house.browser()
    answer = await stranger.get(path(state))
    assert answer.status == 200
    assert len(answer.cookies) == 1
    assert "<script" not in answer.text
    refresh = html.unescape(re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', answer.text)[1])
    assert refresh.startswith("https://open.weixin.qq.com/")
    assert html.unescape(re.search(r'<a class="[^"]+" href="([^"]+)"', answer.text)[1]) == refresh
    assert house.wechat.exchanged == []
    assert (await browser.get(path(state))).location == "/open#"


async def test_a_lost_cookie_restarts_once(house, browser):
    """The count is in the state: a browser that keeps losing cookies gets 502, not a loop."""
    state = await browser.depart()
    browser.jar.clear()
    answer = await browser.get(path(state))
    second = re.search(r"state=([0-9a-f]+)", answer.text)[1]
    browser.jar.clear()
    answer = await browser.get(path(second))
    assert (answer.status, answer.cookies, house.wechat.exchanged) == (502, {}, [])


async def test_the_restarted_dance_succeeds(house, browser):
    """The page's own cookie is enough."""
    state = await browser.depart()
    browser.jar.clear()
    answer = await browser.get(path(state))
    second = re.search(r"state=([0-9a-f]+)", answer.text)[1]
    answer = await browser.get(path(second))
    assert answer.status == 302
    assert house.wechat.exchanged == ["code-ann"]


async def test_a_signed_in_visitor_with_a_stale_callback_goes_home(house, browser):
    """The Back button after a minute: to the root, without another dance."""
    state = await browser.depart("/open")
    await browser.get(path(state))
    browser.jar = {name: value for name, value in browser.jar.items() if "session" in name}
    answer = await browser.get(path(state))
    assert (answer.status, answer.location, answer.cookies) == (302, "/#", {})


@pytest.mark.parametrize(
    "query",
    [
        "",
        "code=code-ann",
        "code=code-ann&state=",
        "code=code-ann&state=00",
        "code=code-ann&state={state}&state={state}",
        "code=code-ann&code=b&state={state}",
        "code[]=code-ann&state={state}",
        "code=&state={state}",
        "code=a%20b&state={state}",
        "code=%3Cscript%3E&state={state}",
        "code=" + "a" * 513 + "&state={state}",
        "error=access_denied&error_description=%3Cscript%3E&state={state}",
        "error=access_denied&code=code-ann&state={state}",
    ],
)
async def test_malformed_callbacks_call_nobody(house, browser, query):
    """400 with constant text; the attempt is still good afterwards."""
    state = await browser.depart("/open")
    answer = await browser.get("/_gateway/callback?" + query.replace("{state}", state))
    assert (answer.status, house.wechat.exchanged) == (400, [])
    assert "<script>" not in answer.text
    assert "/_gateway/login?return_to=%2F" in answer.text
    assert (await browser.get(path(state))).location == "/open#"


async def test_a_changed_state_is_refused(house, browser):
    """Every digit of the state is under its MAC."""
    state = await browser.depart()
    for position in range(0, len(state), 7):
        digit = "1" if state[position] != "1" else "2"
        answer = await browser.get(path(state[:position] + digit + state[position + 1 :]))
        assert answer.status == 400
    assert house.wechat.exchanged == []


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "OPTIONS"])
async def test_only_get_ends_a_dance(house, browser, method):
    """405 with Allow; nothing is consumed."""
    state = await browser.depart("/open")
    answer = await browser.send(method, path(state))
    assert (answer.status, answer.headers["Allow"]) == (405, "GET")
    assert (await browser.get(path(state))).location == "/open#"


async def test_a_prefetch_consumes_nothing(house, browser):
    """A browser that guesses does not burn the code."""
    state = await browser.depart("/open")
    answer = await browser.get(path(state), Sec_Purpose="prefetch")
    assert (answer.status, house.wechat.exchanged) == (403, [])
    assert (await browser.get(path(state))).location == "/open#"


async def test_an_old_attempt_starts_over(house, browser):
    """Eleven minutes later the cookie counts for nothing."""
    state = await browser.depart()
    house.clock.now += 660
    answer = await browser.get(path(state))
    assert (answer.status, house.wechat.exchanged) == (200, [])


async def test_a_code_is_never_taken_twice(house, browser):
    """The same code under another state dances again instead of calling WeChat."""
    await browser.sign_in("code-ann", "/open")
    other = house.browser()
    answer = await other.sign_in("code-ann", "/open")
    assert answer.location.startswith("https://open.weixin.qq.com/")
    assert house.wechat.exchanged == ["code-ann"]


async def test_a_dead_code_restarts_at_most_twice(house, browser):
    """Two restarts that keep the target, then 502."""
    house.wechat.failures = [Failure.RESTART] * 3
    state = await browser.depart("/open")
    for attempt in range(2):
        answer = await browser.get(path(state, f"code-{attempt}"))
        assert answer.location.startswith("https://open.weixin.qq.com/")
        state = answer.query["state"]
    last = await browser.get(path(state, "code-2"))
    assert last.status == 502
    assert "/_gateway/login?return_to=%2Fopen" in last.text


async def test_the_third_dance_may_succeed(house, browser):
    """It ends where the first was meant to."""
    house.wechat.failures = [Failure.RESTART] * 2
    answer = await browser.sign_in("code-0", "/open/x")
    answer = await browser.get(path(answer.query["state"], "code-1"))
    answer = await browser.get(path(answer.query["state"], "code-2"))
    assert answer.location == "/open/x#"


@pytest.mark.parametrize(
    ("failure", "status", "retry_after"),
    [
        (Failure.CONFIG, 502, None),
        (Failure.REFUSED, 403, None),
        (Failure.QUOTA, 503, "10"),
        (Failure.OUTAGE, 503, "10"),
    ],
)
async def test_other_failures_end_the_attempt(house, browser, failure, status, retry_after):
    """A page by kind, no session; copies get the same answer without another exchange."""
    house.wechat.failures = [failure]
    state = await browser.depart()
    for _ in range(2):
        answer = await browser.get(path(state))
        assert (answer.status, answer.headers.get("Retry-After")) == (status, retry_after)
        assert "__Host-gateway_session" not in answer.cookies
    assert len(house.wechat.exchanged) == 1


async def test_a_snapshot_is_nobody(house, browser):
    """200 with the hint to use the full service; no session, no row."""
    house.wechat.snapshot = True
    answer = await browser.sign_in()
    assert answer.status == 200
    assert "使用完整服务" in answer.text
    assert "/_gateway/login?return_to=%2Fapp" in answer.text
    assert "__Host-gateway_session" not in answer.cookies
    assert (await browser.get("/_gateway/me")).status == 401


async def test_five_tabs_end_on_their_own_pages(house, browser):
    """Each attempt has its own cookie; callbacks may come in any order."""
    states = {number: await browser.depart(f"/open/{number}") for number in range(5)}
    for number in (3, 0, 4, 1, 2):
        answer = await browser.get(path(states[number], f"code-ann{number}"))
        assert answer.location == f"/open/{number}#"


async def test_the_openid_is_nowhere(house, browser):
    """Not in any page, header or cookie that the browser sees."""
    answers = [await browser.sign_in()]
    answers.append(await browser.get(answers[0].location))
    answers.append(await browser.get("/_gateway/me"))
    answers.append(await browser.get("/_gateway/me", Accept="application/json"))
    for answer in answers:
        assert b"CANARY" not in answer.body
        assert "CANARY" not in str(answer.headers)


async def test_made_up_codes_have_a_budget(open_house):
    """Codes that WeChat refuses are counted by network: over it 429, no call, and the attempt is not touched."""
    house = await open_house(limits=dataclasses.replace(Limits(), dead_codes_per_ip=2))
    house.wechat.failures = [Failure.RESTART] * 2
    for number in range(2):
        answer = await house.browser().sign_in(f"code-dead{number}")
        assert answer.location.startswith("https://open.weixin.qq.com/")
    browser = house.browser()
    state = await browser.depart("/open")
    answer = await browser.get(path(state))
    assert (answer.status, answer.headers["Retry-After"], len(house.wechat.exchanged)) == (429, "3600", 2)
    assert "/_gateway/login?return_to=%2Fopen" in answer.text
    assert await house.parts.state.attempt(token_hash(state), house.clock.now) is None
    browser.ip = "198.51.100.7"
    assert (await browser.get(path(state))).location == "/open#"


async def test_made_up_codes_at_once_stay_within_the_budget(open_house):
    """A code is counted before WeChat is asked: while two are out, the third waits."""
    house = await open_house(limits=dataclasses.replace(Limits(), dead_codes_per_ip=2))
    house.wechat.failures = [Failure.RESTART] * 10
    house.wechat.gate = asyncio.Event()
    browsers = [house.browser() for _ in range(10)]
    states = [await browser.depart() for browser in browsers]
    calls = [browser.get(path(s, f"code-{n}")) for n, (browser, s) in enumerate(zip(browsers, states, strict=True))]
    statuses = []
    for finished in asyncio.as_completed(calls):
        statuses.append((await finished).status)
        if len(statuses) == 8:
            house.wechat.gate.set()
    assert statuses == [429] * 8 + [302] * 2
    assert len(house.wechat.exchanged) == 2


async def test_sign_ins_and_outages_cost_no_budget_of_codes(open_house):
    """Thousands sign in from one address of a carrier, and WeChat may be down; only dead codes count."""
    house = await open_house(limits=dataclasses.replace(Limits(), dead_codes_per_ip=1))
    assert (await house.browser().sign_in("code-ann")).status == 302
    house.wechat.failures = [Failure.OUTAGE, Failure.QUOTA]
    assert [(await house.browser().sign_in(f"code-{n}")).status for n in range(2)] == [503, 503]
    assert (await house.browser().sign_in("code-bob")).status == 302
