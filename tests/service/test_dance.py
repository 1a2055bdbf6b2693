"""The silent dance on the real wire: exact redirects, one exchange, no consumption without the browser's cookie."""

import asyncio
import json
import re
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from .conftest import House, Open, claims_in, ticket_in
from .raw import Browser, target_of


async def test_the_redirect_is_word_for_word_what_wechat_demands(house: House) -> None:
    """Parameters in WeChat's order, snsapi_base, hex state of at most 128, #wechat_redirect, never cached."""
    answer = await house.browser().get("/orders")
    location = answer.get("location") or ""
    callback = quote(f"{house.origin}/_gateway/callback", safe="")
    pattern = (
        r"http://127\.0\.0\.1:\d+/connect/oauth2/authorize\?appid=wx520c15f417810387"
        rf"&redirect_uri={re.escape(callback)}&response_type=code&scope=snsapi_base"
        r"&state=([0-9a-f]{1,128})#wechat_redirect"
    )
    assert re.fullmatch(pattern, location)
    assert answer.body == b""
    assert "no-store" in (answer.get("cache-control") or "")
    cookies = answer.all("set-cookie")
    assert len(cookies) == 1
    assert re.fullmatch(r"gateway_login_\w+=[^;]+; .*", cookies[0])
    for attribute in ("HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookies[0]


async def test_login_starts_the_same_dance(house: House) -> None:
    """/login?return_to= goes to WeChat and ends on that page."""
    browser = await house.signed_in()
    browser.jar.clear()
    answer = await house.dance(browser, "/_gateway/login?return_to=%2Forders%3Fx%3D1")
    assert answer.get("location") == "/orders?x=1#"


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "application/json"},
        {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"},
        {"Accept": "*/*", "Sec-Fetch-Mode": "cors"},
        {},
    ],
)
async def test_programs_get_a_401_in_json_and_never_a_redirect(house: House, headers: dict[str, str]) -> None:
    """XHR, fetch and whatever does not ask for HTML learn where a login begins; nothing reaches the upstream."""
    referer = {"Referer": f"{house.origin}/orders?page=2"}
    answer = await house.browser().get("/orders", headers=headers | referer, page=False)
    assert answer.status == 401
    assert json.loads(answer.body) == {
        "error": "login_required",
        "login_url": f"{house.origin}/_gateway/login?return_to=/orders%3Fpage%3D2",
    }
    assert house.upstream.seen == []


async def test_wechat_on_android_counts_as_a_person(house: House) -> None:
    """Its X-Requested-With names the WeChat application on every page load."""
    answer = await house.browser().get("/orders", headers={"X-Requested-With": "com.tencent.mm"})
    assert answer.status == 302


async def test_a_posted_form_gets_a_401_page_that_can_start_again(house: House) -> None:
    """Never a redirect that would turn it into a GET and lose or replay the body."""
    answer = await house.browser().post("/orders", b"amount=1")
    assert answer.status == 401
    assert "text/html" in (answer.get("content-type") or "")
    assert b"/_gateway/login?return_to=" in answer.body
    assert house.upstream.seen == []


async def test_copies_of_a_callback_at_the_same_moment_exchange_once(house: House) -> None:
    """Ten copies with the cookie: one exchange, every copy lands on the bind page with one and the same ticket."""
    browser = house.browser()
    answer = await browser.get("/orders")
    callback = await house.authorize(answer.get("location") or "")
    jar = dict(browser.jar)
    copies = await asyncio.gather(*(Browser(house.port, jar=dict(jar)).get(callback) for _ in range(10)))
    assert house.wechat.exchanges == 1
    assert {copy.status for copy in copies} == {302}
    assert len({copy.get("location") for copy in copies}) == 1
    late = await Browser(house.port, jar=dict(jar)).get(callback)
    assert late.get("location") == copies[0].get("location")
    assert house.wechat.exchanges == 1


async def test_a_callback_without_its_cookie_consumes_nothing(house: House) -> None:
    """A stranger's copy gets a 200 page and no session, nobody is called, and the right browser still gets in."""
    browser = house.browser()
    answer = await browser.get("/orders")
    callback = await house.authorize(answer.get("location") or "")
    stranger = house.browser()
    answer = await stranger.get(callback)
    assert answer.status == 200
    assert house.wechat.exchanges == 0
    assert "gateway_session" not in stranger.jar
    answer = await browser.get(callback)
    assert answer.status == 302
    assert house.wechat.exchanges == 1


async def test_a_lost_cookie_restarts_once(house: House) -> None:
    """The page sets a cookie and leads to WeChat again; a browser that loses that one too gets an end, not a loop."""
    browser = house.browser()
    callback = await house.authorize((await browser.get("/")).get("location") or "")
    browser.jar.clear()
    answer = await browser.get(callback)
    assert answer.status == 200
    url = re.search(rb"url=([^\"]+)\"", answer.body)
    assert url
    again = await house.authorize(url[1].decode().replace("&amp;", "&"))
    keeping = Browser(house.port, jar=dict(browser.jar))
    assert (await keeping.get(again)).status == 302
    browser.jar.clear()
    assert (await browser.get(again)).status == 502


async def test_a_state_of_another_browser_signs_nobody_in(house: House) -> None:
    """Login CSRF: the attacker's callback URL in the victim's browser."""
    attacker, victim = house.browser(), house.browser()
    callback = await house.authorize((await attacker.get("/")).get("location") or "", "alice")
    await victim.get("/")
    answer = await victim.get(callback)
    assert answer.status == 200
    assert "gateway_session" not in victim.jar
    assert house.wechat.exchanges == 0


@pytest.mark.parametrize("query", ["", "?state=", "?code=a&state=b", "?code=a&code=b&state=c", "?error=access_denied"])
async def test_a_malformed_callback_is_refused(house: House, query: str) -> None:
    """Constant text, no exchange, no session."""
    answer = await house.browser().get(f"/_gateway/callback{query}")
    assert answer.status == 400
    assert house.wechat.exchanges == 0


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
async def test_only_get_ends_a_dance(house: House, method: str) -> None:
    """Link previews and prefetches do not burn the code."""
    browser = house.browser()
    callback = await house.authorize((await browser.get("/")).get("location") or "")
    assert (await browser.request(method, callback, body=b"" if method == "POST" else None)).status == 405
    assert (await browser.get(callback, headers={"Sec-Purpose": "prefetch"})).status >= 400
    assert house.wechat.exchanges == 0
    assert (await browser.get(callback)).status == 302


async def test_a_dead_code_restarts_the_dance_at_most_twice(house: House) -> None:
    """40029: two fresh dances, then a 502 that can be tried again."""
    house.wechat.switches.set("errcode", 40029, times=10)
    browser = house.browser()
    answer = await browser.get("/orders")
    for _ in range(2):
        answer = await browser.get(await house.authorize(answer.get("location") or ""))
        assert answer.status == 302
        assert "/connect/oauth2/authorize" in (answer.get("location") or "")
    answer = await browser.get(await house.authorize(answer.get("location") or ""))
    assert answer.status == 502


@pytest.mark.parametrize(("errcode", "status"), [(40125, 502), (40013, 502), (50002, 403), (45011, 503)])
async def test_errors_are_told_apart_by_number(house: House, errcode: int, status: int) -> None:
    """A configuration fault, a refused user and a quota each get their own answer, and no session."""
    house.wechat.switches.set("errcode", errcode, times=10)
    browser = house.browser()
    answer = await house.dance(browser, "/orders")
    assert answer.status == status
    assert "gateway_session" not in browser.jar


async def test_a_busy_wechat_is_asked_again(house: House) -> None:
    """-1 and then fine: the person notices nothing."""
    house.wechat.switches.set("busy", True, times=1)
    answer = await house.dance(house.browser(), "/orders")
    assert "/_gateway/bind?ticket=" in (answer.get("location") or "")


async def test_a_snapshot_identity_is_never_a_session(house: House) -> None:
    """The page asks for 使用完整服务; nothing is bound, nobody is signed in."""
    house.wechat.switches.set("snapshot", True, times=1)
    browser = house.browser()
    answer = await house.dance(browser, "/orders")
    assert answer.status == 200
    assert "使用完整服务" in answer.body.decode()
    assert "gateway_session" not in browser.jar


async def test_single_page_applications_keep_their_fragment(house: House) -> None:
    """keep_fragment: a small page carries location.hash; the callback ends on it."""
    browser = await house.signed_in()
    browser.jar.clear()
    answer = await browser.get("/spa/inbox")
    assert answer.status == 200
    assert b"location.hash" in answer.body
    assert b"/_gateway/login?return_to=%2Fspa%2Finbox" in answer.body
    answer = await house.dance(browser, "/_gateway/login?return_to=" + quote("/spa/inbox#/mail/7", safe=""))
    assert answer.get("location") == "/spa/inbox#/mail/7"


async def test_five_tabs_at_once_all_arrive(house: House) -> None:
    """Callbacks in any order, each tab on its own page."""
    await house.signed_in()
    browser = house.browser()
    starts = [await browser.get(f"/tab/{number}") for number in range(5)]
    callbacks = [await house.authorize(start.get("location") or "") for start in starts]
    for number in (3, 0, 4, 1, 2):
        answer = await browser.get(callbacks[number])
        assert answer.get("location") == f"/tab/{number}#"
    assert claims_in(await browser.get("/tab/0"))["sub"] == "1001"


async def test_a_thousand_unfinished_dances_leave_a_small_cookie_header(house: House) -> None:
    """The oldest attempts are dropped: no browser locks itself out with 431."""
    browser = house.browser()
    for number in range(60):
        assert (await browser.get(f"/page/{number}?{'x' * 200}")).status == 302
    assert len(browser.cookie_header()) < 4096


@pytest.mark.parametrize(
    "return_to", ["//evil.test/", "https://evil.test/", "/\\evil.test", "/%0d%0aX: y", "javascript:alert(1)"]
)
async def test_a_return_target_never_leaves_the_origin(house: House, return_to: str) -> None:
    """Whatever /login is told, the callback ends on our own origin."""
    await house.signed_in()
    answer = await house.dance(house.browser(), f"/_gateway/login?return_to={quote(return_to, safe='')}")
    location = answer.get("location") or ""
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))
    assert "evil" not in urlsplit(location).netloc


async def test_a_host_that_no_app_lists_is_misdirected(house: House) -> None:
    """421, and nothing of that Host in any answer."""
    browser = Browser(house.port, host="evil.test")
    answer = await browser.get("/orders")
    assert answer.status == 421
    assert b"evil" not in answer.body


async def test_a_listed_host_gets_its_own_callback(open_house: Open) -> None:
    """The callback's origin is the request's own Host where the app lists it."""
    house = await open_house(app='hosts = ["127.0.0.1", "other.test"]')
    answer = await Browser(house.port, host="other.test").get("/orders")
    query = parse_qs(urlsplit(answer.get("location") or "").query)
    assert query["redirect_uri"] == ["http://other.test/_gateway/callback"]


async def test_the_bind_page_of_one_browser_is_gone_in_another(house: House) -> None:
    """A forwarded link must never bind the attacker's WeChat to the victim's account; and it is not consumed."""
    attacker = house.browser()
    location = (await house.dance(attacker, "/orders", "alice")).get("location") or ""
    target = target_of(location, house.origin)
    victim = house.browser()
    assert (await victim.get(target)).status == 410
    await house.dance(victim, "/orders", "xiaohong")
    assert (await victim.get(target)).status == 410
    page = await attacker.get(target)
    assert page.status == 200
    assert ticket_in(page)
