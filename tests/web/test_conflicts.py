"""Somebody is in the way of a bind: what is said, what is offered, and what a confirmation does."""

import asyncio

import pytest

from gateway.core.errors import StoreOutage
from gateway.stores.interface import OnConflict
from gateway.verifiers.interface import User

JSON = {"Accept": "application/json", "Origin": "https://app.example.com"}


@pytest.fixture
async def replacing(open_house):
    """A house where a person may replace what is in the way."""
    return await open_house(on_conflict=OnConflict.REPLACE)


async def bound(house, code="code-ann", username="ann"):
    """A browser of somebody bound."""
    browser = house.browser()
    assert (await browser.bind(await browser.ticket(code), username, f"secret-{username}")).status == 303
    return browser


async def clashing(house):
    """Ann is bound; another WeChat has just proven to be Ann. The browser, and what it was told."""
    first = await bound(house)
    other = house.browser()
    return first, other, await other.bind(await other.ticket("code-bob"))


async def me(browser):
    return (await browser.get("/_gateway/me", Accept="application/json")).json


# --- where the rule is to refuse --------------------------------------------------------------------


async def test_a_taken_user_is_told_what_to_do(house):
    """409 with its own words: unbind in the other WeChat, help, or another account under the fresh ticket."""
    _, other, page = await clashing(house)
    assert page.status == 409
    for words in ("该账号已绑定其他微信", "请用原来的微信打开「我的账号」解除绑定", 'href="/help"', "换一个账号"):
        assert words in page.text
    assert "/_gateway/bind/replace" not in page.text
    assert "oCANARY" not in page.text
    form = await other.get(f"/_gateway/bind?ticket={page.ticket}")
    assert (form.status, form.ticket) == (200, page.ticket)
    assert (await other.bind(page.ticket, "bob", "secret-bob")).status == 303


async def test_a_taken_wechat_can_be_unbound_here_or_kept(house):
    """409: the way to unbind, and the way on with the account that is bound."""
    browser, second = house.browser(), house.browser()
    ticket = await browser.ticket(return_to="/app?a=1")
    await second.bind(await second.ticket("code-ann-2"))
    page = await browser.bind(ticket, "bob", "secret-bob")
    assert page.status == 409
    for words in ("当前微信已绑定其他账号", 'href="/_gateway/me"', 'href="/app?a=1#"', "继续使用原账号"):
        assert words in page.text


async def test_conflicts_show_only_after_proof(house):
    """Who does not know the password learns nothing of whose account is bound."""
    await bound(house)
    other = house.browser()
    page = await other.bind(await other.ticket("code-bob"), "ann", "guess")
    assert page.status == 401
    assert "绑定其他" not in page.text


async def test_programs_are_told_as_before(house):
    """{"error","ticket"}; no address to replace at, for nothing may be replaced."""
    await bound(house)
    other = house.browser()
    fields = {"ticket": await other.ticket("code-bob"), "username": "ann", "password": "secret-ann", "consent": "1"}
    answer = await other.post("/_gateway/bind", JSON, **fields)
    assert (answer.status, answer.json.keys(), answer.json["error"]) == (409, {"error", "ticket"}, "user_taken")
    assert (await other.post("/_gateway/bind/replace", JSON, ticket=answer.json["ticket"])).status == 410


# --- where the rule is to replace -------------------------------------------------------------------


async def test_nothing_is_replaced_in_silence(replacing):
    """The right password alone replaces nobody: there is a page that asks."""
    first, other, page = await clashing(replacing)
    assert page.status == 409
    assert 'action="/_gateway/bind/replace"' in page.text
    assert "原来的微信立即解除绑定" in page.text
    assert (await me(first))["bound"] is True
    assert (await me(other))["bound"] is False


async def test_a_confirmation_replaces_without_another_proof(replacing):
    """303 to the page first asked for; the older WeChat is out at once; the verifier was asked once; all is audited."""
    first, other, page = await clashing(replacing)
    asked = len(replacing.legacy.asked)
    before = replacing.session(other)
    answer = await other.post("/_gateway/bind/replace", ticket=page.ticket)
    assert (answer.status, answer.location) == (303, "/app#")
    assert len(replacing.legacy.asked) == asked
    assert ((await me(other))["user_id"], (await me(first))["bound"]) == ("42", False)
    assert replacing.session(other).sid != before.sid
    assert replacing.audit() == [("bind", "42"), ("conflict", "42"), ("unbind", "42"), ("bind", "42")]


async def test_a_confirmation_works_once(replacing):
    """Of twenty at the same moment one replaces, the others find the ticket spent; later ones, too."""
    _, other, page = await clashing(replacing)
    jar = dict(other.jar)
    posts = [
        other.send("POST", "/_gateway/bind/replace", data={"ticket": page.ticket}, headers=JSON, keep=False)
        for _ in range(20)
    ]
    statuses = sorted([answer.status for answer in await asyncio.gather(*posts)])
    assert statuses == [200] + [410] * 19
    other.jar = jar
    assert (await other.post("/_gateway/bind/replace", ticket=page.ticket)).status == 410
    assert replacing.audit().count(("bind", "42")) == 2


async def test_a_confirmation_is_of_its_own_browser(replacing):
    """A ticket that carries a proof is nothing in another browser, also one of the same WeChat."""
    first, other, page = await clashing(replacing)
    stranger, twin = replacing.browser(), replacing.browser()
    await twin.sign_in("code-bob-2")
    for thief in (stranger, twin, first):
        assert (await thief.post("/_gateway/bind/replace", ticket=page.ticket)).status == 410
    assert (await me(first))["user_id"] == "42"
    assert (await other.post("/_gateway/bind/replace", ticket=page.ticket)).status == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.test"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Origin": "null"}, 303),  # the ticket proves the page
        ({}, 303),
    ],
)
async def test_another_site_confirms_nothing(replacing, headers, status):
    """A foreign origin is refused whatever it knows."""
    _, other, page = await clashing(replacing)
    assert (await other.post("/_gateway/bind/replace", headers, ticket=page.ticket)).status == status


async def test_without_a_proof_there_is_nothing_to_confirm(replacing):
    """The form's ticket confirms nothing and stays good for the form."""
    browser = replacing.browser()
    ticket = await browser.ticket()
    assert (await browser.post("/_gateway/bind/replace", ticket=ticket)).status == 410
    assert (await browser.post("/_gateway/bind/replace")).status == 400
    assert (await browser.bind(ticket)).status == 303


async def test_a_proof_is_forgotten_when_another_account_is_tried(replacing):
    """The ticket behind a wrong password does not carry the proof before it."""
    _, other, page = await clashing(replacing)
    wrong = await other.bind(page.ticket, "bob", "wrong")
    assert (await other.post("/_gateway/bind/replace", ticket=wrong.ticket)).status == 410
    assert (await me(other))["bound"] is False


async def test_a_confirmation_is_for_five_minutes(replacing):
    """Like every ticket."""
    first, other, page = await clashing(replacing)
    replacing.clock.now += 300
    assert (await other.post("/_gateway/bind/replace", ticket=page.ticket)).status == 410
    assert (await me(first))["bound"] is True


async def test_a_wechat_changes_its_user_when_the_person_says_so(replacing):
    """The page names the account masked; the old user is free."""
    replacing.legacy.users["cat"] = ("secret-cat", User("employee-1234", {}))
    browser, second = replacing.browser(), replacing.browser()
    ticket = await browser.ticket()
    await second.bind(await second.ticket("code-ann-2"))
    page = await browser.bind(ticket, "cat", "secret-cat")
    assert (page.status, "em•••34" in page.text, "employee-1234" in page.text) == (409, True, False)
    assert (await browser.post("/_gateway/bind/replace", ticket=page.ticket)).status == 303
    assert (await me(browser))["user_id"] == "employee-1234"


async def test_all_that_goes_is_named(replacing):
    """This WeChat has an account and that account another WeChat: the page says both before both go."""
    await bound(replacing, "code-bob", "bob")
    browser, second = replacing.browser(), replacing.browser()
    ticket = await browser.ticket()
    await second.bind(await second.ticket("code-ann-2"))
    page = await browser.bind(ticket, "bob", "secret-bob")
    assert "当前微信已绑定另一个账号" in page.text
    assert "该账号已绑定另一个微信" in page.text
    assert (await browser.post("/_gateway/bind/replace", ticket=page.ticket)).status == 303
    assert replacing.audit()[-3:] == [("unbind", "42"), ("unbind", "43"), ("bind", "43")]


async def test_who_came_in_the_way_meanwhile_is_asked_about_first(replacing):
    """A confirmation covers what the page said, not what has happened since."""
    browser, second = replacing.browser(), replacing.browser()
    await bound(replacing, "code-bob", "bob")
    ticket = await browser.ticket()
    page = await browser.bind(ticket, "bob", "secret-bob")
    assert "当前微信已绑定" not in page.text
    await second.bind(await second.ticket("code-ann-2"))
    again = await browser.post("/_gateway/bind/replace", ticket=page.ticket)
    assert again.status == 409
    assert "当前微信已绑定另一个账号" in again.text
    assert again.ticket != page.ticket
    assert (await me(second))["user_id"] == "42"
    assert (await browser.post("/_gateway/bind/replace", ticket=again.ticket)).status == 303


async def test_what_left_the_way_needs_no_confirmation_any_more(replacing):
    """The other WeChat was unbound meanwhile: the confirmation just binds."""
    first, other, page = await clashing(replacing)
    await first.post("/_gateway/unbind")
    assert (await other.post("/_gateway/bind/replace", ticket=page.ticket)).status == 303
    assert (await me(other))["user_id"] == "42"


async def test_an_outage_does_not_burn_the_confirmation(replacing, monkeypatch):
    """503 with Retry-After, the same question again, and a ticket that still carries the proof."""
    _, other, page = await clashing(replacing)
    with monkeypatch.context() as patch:

        async def down(*_):
            raise StoreOutage("down")

        patch.setattr(replacing.parts.bindings, "bind", down)
        again = await other.post("/_gateway/bind/replace", ticket=page.ticket)
    assert (again.status, again.headers["Retry-After"]) == (503, "10")
    assert "原来的微信立即解除绑定" in again.text
    assert (await other.post("/_gateway/bind/replace", ticket=again.ticket)).status == 303


async def test_programs_learn_where_to_confirm(replacing):
    """`replace_url` beside error and ticket; the answer is as after a bind. During an outage, when to ask again."""
    await bound(replacing)
    other = replacing.browser()
    fields = {"ticket": await other.ticket("code-bob"), "username": "ann", "password": "secret-ann", "consent": "1"}
    told = await other.post("/_gateway/bind", JSON, **fields)
    assert (told.status, told.json["error"], told.json["replace_url"]) == (409, "user_taken", "/_gateway/bind/replace")
    answer = await other.post(told.json["replace_url"], JSON, ticket=told.json["ticket"])
    assert (answer.status, answer.json) == (200, {"ok": True, "location": "/app#"})


async def test_the_last_try_may_be_confirmed(replacing):
    """Four wrong passwords and then a right one that clashes: it was proven, so it can be confirmed."""
    await bound(replacing)
    other = replacing.browser()
    ticket = await other.ticket("code-bob")
    for _ in range(4):
        ticket = (await other.bind(ticket, "ann", "wrong")).ticket
    page = await other.bind(ticket)
    assert page.status == 409
    assert (await other.post("/_gateway/bind/replace", ticket=page.ticket)).status == 303


async def test_the_outcomes_are_counted(replacing):
    """`user_taken` when told, `replaced` when done."""
    _, other, page = await clashing(replacing)
    await other.post("/_gateway/bind/replace", ticket=page.ticket)
    exposition = replacing.parts.metrics.exposition().decode()
    assert 'gateway_binds_total{outcome="user_taken"} 1.0' in exposition
    assert 'gateway_binds_total{outcome="replaced"} 1.0' in exposition
