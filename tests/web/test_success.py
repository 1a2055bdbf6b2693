"""What follows a bind: where one goes, and what the legacy system hears."""

import pytest

from gateway.stores.interface import OnConflict

JSON = {"Accept": "application/json", "Origin": "https://app.example.com"}


@pytest.fixture
async def paged(open_house):
    """A house with a page behind a bind."""
    return await open_house(success_page=True)


async def test_the_page_shows_where_one_goes_next(paged):
    """303 to a page that a reload shows again: masked account, the way on with query and fragment, and /me."""
    browser = paged.browser()
    answer = await browser.bind(await browser.ticket(return_to="/app?a=1#/x"))
    assert (answer.status, answer.location.partition("?")[0]) == (303, "/_gateway/bind/done")
    for _ in range(2):
        page = await browser.get(answer.location)
        assert page.status == 200
        for words in ("绑定成功", 'href="/app?a=1#/x"', 'href="/_gateway/me"', "•••"):
            assert words in page.text
        assert "CANARY" not in page.text


async def test_programs_are_told_the_way_as_before(paged):
    """`location` is the page first asked for, whatever people are shown."""
    browser = paged.browser()
    fields = {"ticket": await browser.ticket(), "username": "ann", "password": "secret-ann", "consent": "1"}
    answer = await browser.post("/_gateway/bind", JSON, **fields)
    assert (answer.status, answer.json) == (200, {"ok": True, "location": "/app#"})


async def test_the_page_is_for_the_bound(paged):
    """Others are sent to bind; a target that leaves the origin becomes /."""
    browser = paged.browser()
    assert (await browser.get("/_gateway/bind/done?return_to=/app")).location == "/_gateway/bind?return_to=%2Fapp"
    await browser.sign_in(return_to="/open")
    assert (await browser.get("/_gateway/bind/done")).location == "/_gateway/bind?return_to=%2F"
    await browser.bind(await browser.ticket("code-ann-2"))
    page = await browser.get("/_gateway/bind/done?return_to=https://evil.test/")
    assert "evil.test" not in page.text
    assert 'href="/#"' in page.text


# --- what is told -----------------------------------------------------------------------------------


def events(house):
    return [(told.event, told.user_id) for told in house.told]


async def test_a_bind_and_an_unbind_are_told(house, browser):
    """Who, how, when, for which app, under which request; never an OpenId; each under an id of its own."""
    await browser.bind(await browser.ticket())
    house.clock.now += 5
    await browser.post("/_gateway/unbind")
    bound, unbound = [told.document() for told in house.told]
    assert bound.pop("id") != unbound.pop("id")
    rest = {"user_id": "42", "app": "main", "method": "pwd", "request_id": "req-1"}
    assert bound == {"event": "bound", "at": 1_800_000_000, **rest}
    assert unbound == {"event": "unbound", "at": 1_800_000_005, **rest}
    assert "CANARY" not in repr(house.told) + str(bound)


async def test_what_changed_nothing_is_not_told(house, browser):
    """A refusal, a conflict, a bind that repeats another, an unbind of nothing."""
    second = house.browser()
    ticket = await browser.ticket()
    ticket = (await browser.bind(ticket, "ann", "wrong")).ticket
    await second.bind(await second.ticket("code-ann-2"))
    assert events(house) == [("bound", "42")]
    assert (await browser.bind(ticket)).status == 303
    other = house.browser()
    assert (await other.bind(await other.ticket("code-bob"))).status == 409
    await other.post("/_gateway/unbind")
    assert events(house) == [("bound", "42")]


async def test_a_replacement_is_told_to_all_whom_it_concerns(open_house):
    """The same user's other WeChat: rebound. A WeChat that goes to another user: unbound for the one who loses it."""
    house = await open_house(on_conflict=OnConflict.REPLACE)
    first, second, third = house.browser(), house.browser(), house.browser()
    await first.bind(await first.ticket())
    page = await second.bind(await second.ticket("code-bob"))
    await second.post("/_gateway/bind/replace", ticket=page.ticket)
    assert events(house) == [("bound", "42"), ("rebound", "42")]
    ticket = await third.ticket("code-cat")
    fourth = house.browser()
    await fourth.bind(await fourth.ticket("code-cat-2"), "bob", "secret-bob")
    page = await third.bind(ticket)
    await third.post("/_gateway/bind/replace", ticket=page.ticket)
    assert events(house)[2:] == [("bound", "43"), ("unbound", "43"), ("rebound", "42")]
