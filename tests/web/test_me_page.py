"""What /me shows to a person: the binding, the consent, the sessions; and what ends from there."""

import re

import pytest

from gateway.core.errors import StoreOutage

OWN = {"Origin": "https://app.example.com"}
JSON = OWN | {"Accept": "application/json"}
ANDROID = {"User-Agent": "Mozilla/5.0 (Linux; Android 14) MicroMessenger/8.0.50"}


def handles(page) -> list[str]:
    return re.findall(r'name="session" value="([^"]+)"', page.text)


async def bound(browser, code="code-ann"):
    assert (await browser.bind(await browser.ticket(code))).status == 303


async def second_device(house, code="code-ann-2"):
    """Ann's other phone."""
    other = house.browser()
    state = await other.depart()
    answer = await other.send("GET", f"/_gateway/callback?code={code}&state={state}", headers=ANDROID)
    assert answer.location == "/app#"
    return other


def logouts(house):
    return [row for row in house.audit() if row[0] == "logout"]


# --- what is shown ----------------------------------------------------------------------------------


async def test_what_is_kept_is_shown(house, browser):
    """Masked account, since when, how it was proven, consent with version and date, claims by name; no OpenId."""
    house.clock.now = 1_800_000_000  # 2027-01-15
    await bound(browser)
    page = await browser.get("/_gateway/me")
    assert page.status == 200
    for words in ("•••", "2027-01-15", "密码", "您的同意", "版本 v1", "name", 'href="/privacy"', "解除绑定即撤回同意"):
        assert words in page.text
    for secret in ("CANARY", "Ann", ">42<"):
        assert secret not in page.text


async def test_a_binding_that_nobody_agreed_to_shows_no_consent(house, browser):
    """One that an administrator imported: the method by its name, and no row of a consent."""
    from gateway.core.identity import Subject
    from gateway.stores.interface import Actor, BindRequest

    await house.parts.bindings.bind(
        BindRequest(Subject("main", "oCANARYann"), "42", {}, "import"), Actor("admin"), int(house.clock())
    )
    await browser.sign_in(return_to="/open")
    page = await browser.get("/_gateway/me")
    assert "import" in page.text
    assert "您的同意" not in page.text


async def test_the_consent_is_kept_with_the_binding(house, browser):
    """The version on the page at the time, and the time."""
    await bound(browser)
    session = house.session(browser)
    binding = (await house.parts.bindings.standing(session.subject, house.sid_hash(browser), session.created)).binding
    assert (binding.consent, binding.consented_at) == ("v1", house.clock.now)


async def test_sessions_of_mine_are_listed(house, browser):
    """Family of device and time of each, this one marked and without a button; nobody else's."""
    await bound(browser)
    house.clock.now += 3600
    other = await second_device(house)
    await house.browser().sign_in("code-bob", "/open")
    page = await browser.get("/_gateway/me")
    rows = re.findall(r"<li class.*?</li>", page.text, re.DOTALL)
    assert [("Android" in row, "iPhone" in row, "本机" in row, "me/end" in row) for row in rows] == [
        (True, False, False, True),
        (False, True, True, False),
    ]
    assert house.sid_hash(browser) not in page.text
    assert house.sid_hash(other) not in page.text
    assert re.findall(r'datetime="([^"]+)"', rows[0]) == ["2027-01-15T09:00:00Z"]


# --- ending one other session -----------------------------------------------------------------------


async def test_another_session_is_ended_from_here(house, browser):
    """It is dead at once, this one lives; an audit row says so."""
    await bound(browser)
    other = await second_device(house)
    page = await browser.get("/_gateway/me")
    (handle,) = handles(page)
    answer = await browser.post("/_gateway/me/end", session=handle)
    assert (answer.status, answer.location) == (303, "/_gateway/me")
    assert (await other.get("/_gateway/me")).status == 401
    page = await browser.get("/_gateway/me")
    assert (page.status, handles(page)) == (200, [])
    assert len(logouts(house)) == 1
    assert (await browser.post("/_gateway/me/end", JSON, session=handle)).json == {"ok": True}
    assert len(logouts(house)) == 1


async def test_nobody_elses_session_can_be_ended(house, browser):
    """A name that another person's page gave, or none, ends nothing."""
    await bound(browser)
    await second_device(house)
    bob = house.browser()
    await bob.sign_in("code-bob", "/open")
    (handle,) = handles(await browser.get("/_gateway/me"))
    for name in (handle, "", "x", house.sid_hash(browser)):
        assert (await bob.post("/_gateway/me/end", session=name)).status == 303
    assert handles(await browser.get("/_gateway/me")) == [handle]
    assert logouts(house) == []


async def test_ending_this_session_by_its_name_is_a_logout(house, browser):
    """No page offers it; whoever asks for it loses the cookies, too."""
    await bound(browser)
    other = await second_device(house)
    (mine,) = handles(await other.get("/_gateway/me"))
    answer = await browser.post("/_gateway/me/end", session=mine)
    assert (answer.status, answer.location, browser.jar) == (303, "/_gateway/logout", {})


# --- logging out everywhere -------------------------------------------------------------------------


async def test_log_out_everywhere_ends_every_session_of_mine(house, browser):
    """Three devices are out at once, copies of cookies included; other people and the binding stay."""
    await bound(browser)
    others = [await second_device(house), await second_device(house, "code-ann-3")]
    bob = house.browser()
    await bob.sign_in("code-bob", "/open")
    thief = house.browser()
    thief.jar = dict(browser.jar)
    house.clock.now += 60
    answer = await browser.post("/_gateway/logout/everywhere")
    assert (answer.status, answer.location, browser.jar) == (303, "/_gateway/logout?everywhere", {})
    assert "已在所有设备退出" in (await browser.get(answer.location)).text
    for each in (*others, thief):
        assert (await each.get("/_gateway/me")).status == 401
    assert (await bob.get("/_gateway/me")).status == 200
    assert len(logouts(house)) == 1
    house.clock.now += 1
    assert (await browser.sign_in("code-ann-4")).location == "/app#"
    assert (await browser.get("/_gateway/me")).status == 200


async def test_a_session_from_a_machine_whose_clock_is_ahead_ends_too(house, browser):
    """What began "later" than this machine's now is no newer than the wish to end it."""
    await bound(browser)
    house.clock.now += 50
    other = await second_device(house)
    house.clock.now -= 50
    await browser.post("/_gateway/logout/everywhere")
    house.clock.now += 51
    assert (await other.get("/_gateway/me")).status == 401


async def test_programs_log_out_everywhere(house, browser):
    """{"ok": true}; signed out, 401."""
    await bound(browser)
    assert (await browser.post("/_gateway/logout/everywhere", JSON)).json == {"ok": True}
    answer = await browser.post("/_gateway/logout/everywhere", JSON)
    assert (answer.status, answer.json["error"]) == (401, "login_required")


# --- unbinding --------------------------------------------------------------------------------------


async def test_unbinding_asks_first(house, browser):
    """A page with a form, no script needed; looking at it changes nothing; cancelling leads back."""
    await bound(browser)
    assert 'href="/_gateway/me/unbind"' in (await browser.get("/_gateway/me")).text
    page = await browser.get("/_gateway/me/unbind")
    assert (page.status, page.cookies) == (200, {})
    for words in ("解除绑定？", "撤回您对此的同意", 'action="/_gateway/unbind"', 'href="/_gateway/me"'):
        assert words in page.text
    me = await browser.get("/_gateway/me", Accept="application/json")
    assert me.json["bound"] is True


async def test_there_is_nothing_to_unbind(house, browser):
    """Signed out: 401 with the way in. Not bound: back to /me."""
    assert (await browser.get("/_gateway/me/unbind")).status == 401
    await browser.sign_in(return_to="/open")
    assert (await browser.get("/_gateway/me/unbind")).location == "/_gateway/me"


async def test_unbinding_withdraws_the_consent(house, browser):
    """Nothing of it is kept with the person; the audit says which version ended."""
    await bound(browser)
    await browser.post("/_gateway/unbind")
    session = house.session(browser)
    standing = await house.parts.bindings.standing(session.subject, house.sid_hash(browser), session.created)
    assert standing.binding is None
    page = await browser.get("/_gateway/me")
    assert "版本 v1" not in page.text
    assert "/_gateway/me/unbind" not in page.text


# --- who may do so ----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/_gateway/me/end", "/_gateway/logout/everywhere"])
@pytest.mark.parametrize(
    ("headers", "with_token", "status"),
    [
        (OWN, False, 303),
        ({"Origin": "null"}, True, 303),
        ({}, False, 403),
        ({"Origin": "null"}, False, 403),
        ({"Origin": "https://evil.test"}, True, 403),
        ({"Sec-Fetch-Site": "cross-site"}, True, 403),
    ],
)
async def test_posts_come_from_our_own_pages(house, browser, path, headers, with_token, status):
    """As for unbind and logout: own origin, or the page's token; a foreign origin is refused whatever else."""
    await bound(browser)
    other = await second_device(house)
    page = await browser.get("/_gateway/me")
    token = {"token": re.search(r'name="token" value="([^"]+)"', page.text)[1]} if with_token else {}
    (handle,) = handles(page)
    assert (await browser.post(path, headers, session=handle, **token)).status == status
    assert (await other.get("/_gateway/me")).status == (401 if status == 303 else 200)


@pytest.mark.parametrize("path", ["/_gateway/me/end", "/_gateway/logout/everywhere", "/_gateway/bind/replace"])
async def test_get_changes_nothing(browser, path):
    """405 with Allow."""
    answer = await browser.get(path)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_nothing_ends_unseen(house, browser, monkeypatch):
    """Without its audit row a logout does not happen: 503, and every session lives."""
    await bound(browser)
    other = await second_device(house)
    (handle,) = handles(await browser.get("/_gateway/me"))
    with monkeypatch.context() as patch:

        async def down(*_):
            raise StoreOutage("down")

        patch.setattr(house.parts.bindings, "audit", down)
        for path in ("/_gateway/logout", "/_gateway/logout/everywhere", "/_gateway/me/end"):
            answer = await browser.post(path, session=handle)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    for each in (browser, other):
        assert (await each.get("/_gateway/me")).status == 200
