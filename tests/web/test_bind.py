"""GET and POST /bind."""

import asyncio
import dataclasses
import re

import pytest

from gateway.core.errors import StoreOutage
from gateway.verifiers.interface import User
from gateway.web.parts import Limits
from gateway.wechat.interface import Failure


async def test_the_page_is_shown_without_consuming(house, browser):
    """Any number of GETs leave the ticket good: WeChat's servers fetch addresses again."""
    ticket = await browser.ticket()
    for _ in range(3):
        page = await browser.get(f"/_gateway/bind?ticket={ticket}")
        assert (page.status, page.ticket) == (200, ticket)
    assert (await browser.bind(ticket)).status == 303


async def test_right_password_binds_and_returns(house, browser):
    """303 to the page first asked for; the session has a new id and the old one is dead."""
    ticket = await browser.ticket(return_to="/app?a=1#/x")
    before, old = house.session(browser), dict(browser.jar)
    house.clock.now += 60
    answer = await browser.bind(ticket)
    assert (answer.status, answer.location, answer.body) == (303, "/app?a=1#/x", b"")
    after = house.session(browser)
    assert after.sid != before.sid
    assert (after.subject, after.auth_time, after.created) == (before.subject, before.auth_time, before.created)
    me = await browser.get("/_gateway/me", Accept="application/json")
    assert me.json == {"signed_in": True, "bound": True, "user_id": "42", "claims": {"name": "Ann"}}
    browser.jar = old
    assert (await browser.get("/_gateway/me")).status == 401
    assert house.audit() == [("bind", "42")]


async def test_a_spent_ticket_is_gone(house, browser):
    """A second POST asks nobody."""
    ticket = await browser.ticket()
    await browser.bind(ticket)
    answer = await browser.bind(ticket)
    assert (answer.status, len(house.legacy.asked)) == (410, 1)
    assert "已经绑定好了" in answer.text
    answer = await browser.send("GET", f"/_gateway/bind?ticket={ticket}", headers={"Accept": "application/json"})
    assert (answer.status, answer.json["error"]) == (410, "ticket_gone")


async def test_of_concurrent_posts_one_wins(house, browser):
    """Twenty POSTs of one ticket: one binding, one question to the verifier, the others 410."""
    ticket = await browser.ticket()
    fields = {"ticket": ticket, "username": "ann", "password": "secret-ann", "consent": "1"}
    own = {"Origin": "https://app.example.com"}
    posts = [browser.send("POST", "/_gateway/bind", data=fields, headers=own, keep=False) for _ in range(20)]
    statuses = sorted([answer.status for answer in await asyncio.gather(*posts)])
    assert statuses == [303] + [410] * 19
    assert len(house.legacy.asked) == 1


async def test_wrong_password_gets_a_fresh_ticket(house, browser):
    """401 with the form, the name as typed, never the password; the old ticket is spent."""
    ticket = await browser.ticket()
    answer = await browser.bind(ticket, 'ann"><script>', "SECRET-CANARY")
    assert answer.status == 401
    assert answer.ticket != ticket
    assert "账号或密码不正确" in answer.text
    assert "CANARY" not in answer.text
    assert "<script>" not in answer.text
    assert 'value="ann&#34;&gt;&lt;script&gt;"' in answer.text
    assert (await browser.bind(ticket)).status == 410
    assert (await browser.bind(answer.ticket)).status == 303
    assert house.audit() == [("refused", ""), ("bind", "42")]


async def test_unknown_and_wrong_are_told_alike(house, browser):
    """The page does not tell whether the name exists."""
    ticket = await browser.ticket()
    wrong = await browser.bind(ticket, "ann", "x")
    unknown = await browser.bind(wrong.ticket, "cat", "x")
    assert wrong.status == unknown.status == 401
    assert wrong.text.replace(wrong.ticket, "").replace("ann", "cat") == unknown.text.replace(unknown.ticket, "")


async def test_after_five_wrong_tries_the_verifier_is_not_asked(house, browser):
    """Five 401s with fresh tickets; the sixth is 429 without one, even with the right password."""
    ticket = await browser.ticket()
    for _ in range(5):
        answer = await browser.bind(ticket, "ann", "wrong")
        assert answer.status == 401
        ticket = answer.ticket
    answer = await browser.bind(ticket)
    assert answer.status == 429
    assert 'name="ticket"' not in answer.text
    assert len(house.legacy.asked) == 5
    assert (await browser.bind(ticket)).status == 410


async def test_no_consent_costs_no_try(house, browser):
    """422 with a fresh ticket, as often as one likes; nobody is asked."""
    ticket = await browser.ticket()
    for consent in ("", "0", "off", "false", "", ""):
        answer = await browser.bind(ticket, consent=consent)
        assert answer.status == 422
        ticket = answer.ticket
    assert house.legacy.asked == []
    assert (await browser.bind(ticket)).status == 303


async def test_an_outage_costs_no_try(house, browser):
    """503 with a fresh ticket and Retry-After, more often than there are tries."""
    ticket = await browser.ticket()
    house.legacy.down = True
    for _ in range(6):
        answer = await browser.bind(ticket)
        assert (answer.status, answer.headers["Retry-After"]) == (503, "10")
        ticket = answer.ticket
    house.legacy.down = False
    assert (await browser.bind(ticket)).status == 303


async def test_a_store_outage_while_binding_costs_no_try(house, browser, monkeypatch):
    """The person tries again under a fresh ticket."""
    ticket = await browser.ticket()
    with monkeypatch.context() as patch:

        async def down(*_: object) -> None:
            raise StoreOutage("down")

        patch.setattr(house.parts.bindings, "bind", down)
        answer = await browser.bind(ticket)
    assert answer.status == 503
    assert (await browser.bind(answer.ticket)).status == 303


async def test_conflicts_are_told_by_kind(house, browser):
    """409 with a fresh ticket: this user has another WeChat."""
    await browser.bind(await browser.ticket())
    other = house.browser()
    answer = await other.bind(await other.ticket("code-bob"))
    assert answer.status == 409
    assert "该账号已绑定其他微信" in answer.text
    assert (await other.bind(answer.ticket, "bob", "secret-bob")).status == 303
    assert house.audit() == [("bind", "42"), ("conflict", "42"), ("bind", "43")]


async def test_a_bound_wechat_is_not_bound_to_another_user(house, browser):
    """409: this WeChat was bound in another window meanwhile."""
    other = house.browser()
    ticket = await browser.ticket()
    await other.bind(await other.ticket("code-ann-again"))
    answer = await browser.bind(ticket, "bob", "secret-bob")
    assert answer.status == 409
    assert "当前微信已绑定其他账号" in answer.text


async def test_a_ticket_of_another_browser_is_gone(house, browser):
    """A forwarded link shows and binds nothing, and stays good for its owner."""
    ticket = await browser.ticket("code-ann")
    victim = house.browser()
    await victim.sign_in("code-bob")
    assert (await victim.get(f"/_gateway/bind?ticket={ticket}")).status == 410
    assert (await victim.bind(ticket)).status == 410
    stranger = house.browser()
    assert (await stranger.get(f"/_gateway/bind?ticket={ticket}")).status == 410
    assert (await stranger.bind(ticket)).status == 410
    assert house.legacy.asked == []
    assert (await browser.bind(ticket)).status == 303


async def test_a_ticket_lives_five_minutes(house, browser):
    """Good at 299 seconds, gone at 300."""
    ticket = await browser.ticket()
    house.clock.now += 299
    assert (await browser.get(f"/_gateway/bind?ticket={ticket}")).status == 200
    house.clock.now += 1
    assert (await browser.get(f"/_gateway/bind?ticket={ticket}")).status == 410
    assert (await browser.bind(ticket)).status == 410
    assert house.legacy.asked == []


async def test_renewals_end_with_the_chain(house, browser):
    """Fifteen minutes after the dance there is no fresh ticket any more."""
    ticket = await browser.ticket()
    for _ in range(3):
        house.clock.now += 290
        answer = await browser.bind(ticket, consent="")
        ticket = answer.ticket
    house.clock.now += 29
    assert (await browser.get(f"/_gateway/bind?ticket={ticket}")).status == 200
    house.clock.now += 1
    assert (await browser.get(f"/_gateway/bind?ticket={ticket}")).status == 410


async def test_tickets_are_random(house, browser):
    """256 bits, unlike one another, and nothing to read in them."""
    tickets = {await browser.ticket(f"code-ann-{number}") for number in range(5)}
    assert len(tickets) == 5
    assert {len(ticket) for ticket in tickets} == {43}


async def test_the_session_mints_a_ticket(house, browser):
    """GET /bind?return_to= of an unbound session: 303 to the form of a fresh ticket that returns there."""
    await browser.sign_in(return_to="/open")
    answer = await browser.get("/_gateway/bind?return_to=/app/7")
    assert answer.status == 303
    answer = await browser.bind(answer.query["ticket"])
    assert answer.location == "/app/7#"


async def test_the_bound_need_no_ticket(house, browser):
    """GET /bind?return_to= of a bound session goes there at once."""
    await browser.bind(await browser.ticket())
    answer = await browser.get("/_gateway/bind?return_to=/app/7")
    assert (answer.status, answer.location) == (302, "/app/7#")


async def test_the_signed_out_sign_in_first(house, browser):
    """GET /bind?return_to= without a session dances, and comes back to the bind page."""
    answer = await browser.get("/_gateway/bind?return_to=/open/7")
    assert (answer.status, answer.location) == (
        302,
        "/_gateway/login?return_to=%2F_gateway%2Fbind%3Freturn_to%3D%252Fopen%252F7",
    )
    answer = await browser.get(answer.location)
    answer = await browser.get(f"/_gateway/callback?code=code-ann&state={answer.query['state']}")
    answer = await browser.get(answer.location)
    answer = await browser.bind(answer.query["ticket"])
    assert answer.location == "/open/7#"


async def test_programs_get_words(house, browser):
    """JSON for Accept: application/json: the error as a word and the fresh ticket; at the end, where to go."""
    ticket = await browser.ticket()

    async def post(**fields: str):
        headers = {"Accept": "application/json", "Origin": "https://app.example.com"}
        return await browser.post("/_gateway/bind", headers, **({"ticket": ticket, "consent": "1"} | fields))

    answer = await post(username="ann", password="x")
    assert (answer.status, answer.json["error"]) == (401, "wrong_credentials")
    ticket = answer.json["ticket"]
    answer = await post(username="ann", password="secret-ann", consent="")
    assert (answer.status, answer.json["error"]) == (422, "consent_required")
    ticket = answer.json["ticket"]
    answer = await post(username="ann", password="secret-ann")
    assert (answer.status, answer.json) == (200, {"ok": True, "location": "/app#"})
    answer = await post(username="ann", password="secret-ann")
    assert (answer.status, answer.json["error"]) == (410, "ticket_gone")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://app.example.com"}, 303),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 303),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({}, 303),  # the ticket is the page's session-bound token
        ({"Origin": "null"}, 303),
        ({"Origin": "https://evil.test"}, 403),
        ({"Origin": "https://evil.test", "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Origin": "http://app.example.com"}, 403),
        ({"Origin": "https://app.example.com", "Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
    ],
)
async def test_cross_site_posts_are_refused(house, browser, headers, status):
    """A foreign origin is refused even with a good ticket, which stays good."""
    ticket = await browser.ticket()
    fields = {"ticket": ticket, "username": "ann", "password": "secret-ann", "consent": "1"}
    answer = await browser.post("/_gateway/bind", headers, **fields)
    assert answer.status == status
    if status == 403:
        assert house.legacy.asked == []
        assert (await browser.bind(ticket)).status == 303


@pytest.mark.parametrize(
    ("data", "content_type", "status"),
    [
        (b'{"ticket":"x"}', "application/json", 415),
        (b"--x\r\n", "multipart/form-data; boundary=x", 415),
        (b"ticket=x", "application/x-www-form-urlencoded; charset=gbk", 415),
        (b"ticket=x", "", 415),
        (b"ticket=x&username=" + b"a" * 65536, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"f%d=x" % number for number in range(101)), "application/x-www-form-urlencoded", 400),
        (b"ticket=x&ticket=y", "application/x-www-form-urlencoded", 400),
        (b"ticket=x&consent=0&consent=1", "application/x-www-form-urlencoded", 400),
        (b"ticket=%FF", "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 400),
        (b"username=ann", "application/x-www-form-urlencoded", 400),
        (b"ticket=x&method=openid", "application/x-www-form-urlencoded", 400),
        (b"ticket=x&openid=o&user_id=42&appid=y", "application/x-www-form-urlencoded", 410),
    ],
)
async def test_bodies_are_read_strictly(house, browser, data, content_type, status):
    """What is not our form is refused by kind; fields that we do not know mean nothing."""
    await browser.sign_in()
    headers = {"Origin": "https://app.example.com", "Content-Type": content_type}
    answer = await browser.send("POST", "/_gateway/bind", data=data, headers=headers)
    assert (answer.status, house.legacy.asked) == (status, [])


async def test_unproven_posts_without_a_ticket_are_refused(browser):
    """No header and no token proves our page: 403."""
    answer = await browser.post("/_gateway/bind", {}, username="ann")
    assert answer.status == 403


@pytest.mark.parametrize(("username", "password"), [("a" * 257, "x"), ("a\x00b", "x"), ("ann", "p" * 1025)])
async def test_impossible_credentials_are_wrong_ones(house, browser, username, password):
    """They look like any other wrong try; the verifier is not bothered."""
    answer = await browser.bind(await browser.ticket(), username, password)
    assert (answer.status, house.legacy.asked) == (401, [])


@pytest.mark.parametrize(("username", "password"), [("", "x"), ("ann", ""), ("", "")])
async def test_what_is_left_empty_costs_no_try(house, browser, username, password):
    """A browser without scripts sends it: the page says so, keeps the rest, and nobody is asked."""
    ticket = await browser.ticket()
    for _ in range(7):
        answer = await browser.bind(ticket, username, password)
        assert (answer.status, house.legacy.asked) == (422, [])
        assert "请填写完整。" in answer.text
        assert f'name="username" type="text" value="{username}"' in answer.text
        ticket = answer.ticket
    assert (await browser.bind(ticket)).status == 303


async def test_fields_of_others_change_nothing(house, browser):
    """A form that names an openid or a user binds whoever signed in, as whom the verifier says."""
    ticket = await browser.ticket()
    await browser.bind(ticket, openid="oEVIL", user_id="1", app="other")
    me = await browser.get("/_gateway/me", Accept="application/json")
    assert me.json["user_id"] == "42"


@pytest.mark.parametrize("budget", ["failures_per_subject", "failures_per_ip", "failures_in_all"])
async def test_failure_budgets(open_house, budget):
    """Over an hour's budget: 429 with Retry-After and constant text, nobody asked, the ticket still good."""
    house = await open_house(limits=dataclasses.replace(Limits(), **{budget: 2}))
    browser = house.browser()
    ticket = await browser.ticket()
    for _ in range(2):
        ticket = (await browser.bind(ticket, "ann", "wrong")).ticket
    answer = await browser.bind(ticket)
    assert (answer.status, answer.headers["Retry-After"], len(house.legacy.asked)) == (429, "3600", 2)
    house.clock.now += 3600
    assert (await browser.bind(await browser.ticket("code-ann-later"))).status == 303


async def test_concurrent_tries_stay_within_the_budgets(open_house, monkeypatch):
    """A try is counted before the verifier is asked: while twenty of one address are judged, all others get 429."""
    house = await open_house(limits=dataclasses.replace(Limits(), failures_per_ip=20))
    asked, judge, full = [], asyncio.Event(), asyncio.Event()

    async def verify(username: str, password: str) -> User | None:
        asked.append(password)
        if len(asked) == 20:
            full.set()
        await judge.wait()
        return User("42", {}) if password == "secret-ann" else None

    monkeypatch.setattr(house.legacy, "verify", verify)
    browsers = [house.browser() for _ in range(40)]
    tickets = [await browser.ticket(f"code-u{number}") for number, browser in enumerate(browsers)]
    tries = list(zip(browsers, tickets, strict=True))
    judged = asyncio.gather(*(browser.bind(ticket, "ann", "wrong") for browser, ticket in tries[:20]))
    await full.wait()
    async with asyncio.timeout(20):
        refused = await asyncio.gather(*(browser.bind(ticket) for browser, ticket in tries[20:]))
    judge.set()
    assert {(answer.status, answer.headers["Retry-After"]) for answer in refused} == {(429, "3600")}
    assert [answer.status for answer in await judged] == [401] * 20
    assert asked == ["wrong"] * 20
    assert {event for event, _ in house.audit()} == {"refused"}


async def test_tickets_of_one_session_share_its_tries(house, browser):
    """Eight tickets minted beforehand and used at once give five tries; a new dance starts anew."""
    await browser.sign_in(return_to="/open")
    tickets = [(await browser.get("/_gateway/bind?return_to=/")).query["ticket"] for _ in range(8)]
    answers = await asyncio.gather(*(browser.bind(ticket, f"name-{ticket}", "wrong") for ticket in tickets))
    assert sorted(answer.status for answer in answers) == [401] * 5 + [429] * 3
    assert len(house.legacy.asked) == 5
    assert all('name="ticket"' not in answer.text for answer in answers if answer.status == 429)
    answer = await browser.get("/_gateway/bind?return_to=/app/7")
    assert (answer.status, answer.headers["Retry-After"]) == (429, "900")
    assert "/_gateway/login?return_to=%2Fapp%2F7" in answer.text
    assert (await browser.bind(await browser.ticket("code-ann-again"))).status == 303


async def test_a_session_may_try_again_after_a_quarter_of_an_hour(house, browser):
    """The five tries are of fifteen minutes."""
    ticket = await browser.ticket()
    for _ in range(5):
        ticket = (await browser.bind(ticket, "ann", "wrong")).ticket
    house.clock.now += 900
    assert (await browser.bind((await browser.get("/_gateway/bind")).query["ticket"])).status == 303


async def test_what_is_no_failure_costs_no_budget(open_house):
    """With one failure allowed: outages and conflicts, then a right password, then the one failure."""
    one = {"failures_per_account": 1, "failures_per_subject": 1, "failures_per_ip": 1, "failures_in_all": 1}
    house = await open_house(limits=dataclasses.replace(Limits(), **one))
    other, browser = house.browser(), house.browser()
    assert (await other.bind(await other.ticket("code-bob"), "bob", "secret-bob")).status == 303
    ticket = await browser.ticket()
    for status, down in ((503, True), (409, False), (503, True), (409, False)):
        house.legacy.down = down
        answer = await browser.bind(ticket, "bob", "secret-bob")
        assert answer.status == status
        ticket = answer.ticket
    assert (await browser.bind(ticket, "bob", "wrong")).status == 401


async def test_a_bind_stands_though_its_try_cannot_be_given_back(house, browser, monkeypatch):
    """The store of counters fails after the bind: the person is bound and told so."""

    async def down(*_: object) -> None:
        raise StoreOutage("down")

    ticket = await browser.ticket()
    monkeypatch.setattr(house.parts.state, "give_back", down)
    assert (await browser.bind(ticket)).status == 303


async def test_spellings_of_a_name_share_a_lock(open_house):
    """Wide letters, capitals, accents and what nobody sees do not give more tries."""
    spellings = ["ANN", "ａｎｎ", "Ánn", "a\u0301\ufe00nn", "\u3164ann", "an\u034fn", "a\u20ddnn", " a n n "]
    house = await open_house(limits=dataclasses.replace(Limits(), failures_per_account=len(spellings)))
    for number, name in enumerate(spellings):
        browser = house.browser()
        assert (await browser.bind(await browser.ticket(f"code-{number}"), name, "wrong")).status == 401
    browser = house.browser()
    assert (await browser.bind(await browser.ticket("code-last"))).status == 401
    assert len(house.legacy.asked) == len(spellings)


@pytest.mark.parametrize("address", ["", "unknown"])
async def test_unknown_addresses_share_no_budget(open_house, address):
    """Behind a Unix socket everybody has the same: nobody is counted by it."""
    house = await open_house(limits=dataclasses.replace(Limits(), failures_per_ip=1, dead_codes_per_ip=1))
    house.wechat.failures = [Failure.RESTART] * 2
    browser = house.browser()
    browser.ip = address
    for number in range(2):
        assert (await browser.sign_in(f"code-{number}")).status == 302
    ticket = await browser.ticket()
    for _ in range(2):
        answer = await browser.bind(ticket, "ann", "wrong")
        assert answer.status == 401
        ticket = answer.ticket


async def test_success_costs_no_budget(open_house):
    """Only failures are counted on an address that thousands share."""
    house = await open_house(limits=dataclasses.replace(Limits(), failures_per_ip=1))
    for name in ("ann", "bob"):
        browser = house.browser()
        assert (await browser.bind(await browser.ticket(f"code-{name}"), name, f"secret-{name}")).status == 303


async def test_only_configured_methods_exist(open_house):
    """Without a sender there is no SMS form and no way to use it; without any method no bind page."""
    house = await open_house(sms=None)
    browser = house.browser()
    ticket = await browser.ticket()
    page = await browser.get(f"/_gateway/bind?ticket={ticket}&method=sms")
    assert 'value="password"' in page.text
    assert "method=sms" not in page.text
    assert (await browser.bind(ticket, method="sms")).status == 400
    assert (await browser.post("/_gateway/bind/sms", ticket=ticket, phone="13800138000")).status == 404
    none = (await open_house(sms=None, password=None)).browser()
    await none.sign_in(return_to="/open")
    assert (await none.get("/_gateway/bind")).status == 404
    assert "/_gateway/bind" not in (await none.get("/_gateway/me")).text


async def test_two_tickets_in_one_query_are_refused(browser):
    """Ambiguity is a 400."""
    ticket = await browser.ticket()
    assert (await browser.get(f"/_gateway/bind?ticket={ticket}&ticket=x")).status == 400


async def test_the_page_names_the_privacy_policy(browser):
    """The box is not ticked, says what is agreed to, and links to the policy."""
    page = await browser.get(f"/_gateway/bind?ticket={await browser.ticket()}")
    assert '<a href="/privacy">' in page.text
    assert not re.search(r'id="consent"[^>]* checked', page.text)


async def test_the_consent_and_the_union_id_are_kept_with_the_binding(house, browser, tmp_path):
    """The version of the text that was agreed to is in the audit; the UnionID of the dance in the binding."""
    import sqlite3

    await browser.bind(await browser.ticket())
    (file,) = tmp_path.rglob("bindings.db")
    with sqlite3.connect(file) as db:
        assert db.execute("select consent, request_id, ip from audit").fetchall() == [("v1", "req-1", "203.0.113.7")]
        assert db.execute("select union_id, method from bindings").fetchall() == [("uCANARY", "pwd")]


async def test_empty_names_share_no_budget(open_house):
    """Typing nothing is nobody's account: others who do so are not kept out."""
    house = await open_house(limits=dataclasses.replace(Limits(), failures_per_account=1))
    browser = house.browser()
    ticket = await browser.ticket()
    for _ in range(3):
        answer = await browser.bind(ticket, " ")
        assert answer.status == 401
        ticket = answer.ticket


async def test_one_tap_starts_again(house, browser):
    """From an expired ticket: the dance, and behind it the bind page with a fresh one."""
    ticket = await browser.ticket()
    house.clock.now += 300
    page = await browser.bind(ticket)
    assert page.status == 410
    again = re.search(r'href="(/_gateway/login\?return_to=[^"]+)"', page.text)[1]
    state = (await browser.get(again)).query["state"]
    landed = await browser.get(f"/_gateway/callback?code=code-ann-2&state={state}")
    fresh = await browser.get(landed.location)
    assert (fresh.status, fresh.location.startswith("/_gateway/bind?ticket=")) == (303, True)
    assert (await browser.bind(fresh.query["ticket"])).status == 303


async def test_wrong_words_fit_a_wrong_an_unknown_and_a_locked_account(browser):
    """The one text does not say which it was, in any language."""
    ticket = await browser.ticket()
    for language, words in (
        ("zh-CN", "需要过一段时间才能再试"),
        ("zh-TW", "需要過一段時間才能再試"),
        ("en", "a pause"),
    ):
        browser.language = language
        page = await browser.bind(ticket, "ann", "wrong")
        assert words in page.text
        ticket = page.ticket


async def test_who_signs_out_during_a_try_does_not_come_back_by_it(house, browser, monkeypatch):
    """A logout while the verifier thinks ends the session for good: no bind, and no new session in its place."""
    ticket = await browser.ticket()
    session = house.session(browser)
    verify = house.legacy.verify

    async def slow(username, password):
        await house.parts.bindings.revoke_session(house.sid_hash(browser), session.created + 30 * 86400)
        return await verify(username, password)

    monkeypatch.setattr(house.legacy, "verify", slow)
    answer = await browser.bind(ticket)
    assert answer.status == 410
    assert house.parts.cookies.session not in answer.cookies
    assert not [row for row in house.audit() if row[0] == "bind"]
