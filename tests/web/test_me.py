"""GET /me, POST /unbind, /logout."""

import re

import pytest

OWN = {"Origin": "https://app.example.com"}


def token(page) -> str:
    return re.search(r'name="token" value="([^"]+)"', page.text)[1]


async def sign_in_bound(browser) -> None:
    assert (await browser.bind(await browser.ticket())).status == 303


async def test_me_of_the_signed_out(browser):
    """401: a page that offers to sign in, JSON with the whole summary for programs."""
    page = await browser.get("/_gateway/me")
    assert page.status == 401
    assert "/_gateway/login?return_to=%2F_gateway%2Fme" in page.text
    answer = await browser.get("/_gateway/me", Accept="application/json")
    assert answer.status == 401
    assert answer.json == {
        "signed_in": False,
        "bound": False,
        "user_id": None,
        "claims": {},
        "error": "login_required",
        "login_url": "https://app.example.com/_gateway/login?return_to=%2F",
    }


async def test_me_of_the_unbound(browser):
    """Signed in, not bound; the page leads to the bind page."""
    await browser.sign_in(return_to="/open")
    answer = await browser.get("/_gateway/me", Accept="application/json")
    assert (answer.status, answer.json) == (200, {"signed_in": True, "bound": False, "user_id": None, "claims": {}})
    page = await browser.get("/_gateway/me")
    assert "/_gateway/bind?return_to=%2F_gateway%2Fme" in page.text
    assert "/_gateway/unbind" not in page.text


async def test_the_page_masks_the_user_id(house, browser):
    """People look over one's shoulder."""
    house.legacy.users["ann"] = ("secret-ann", house.legacy.users["ann"][1].__class__("employee-1234", {}))
    await sign_in_bound(browser)
    page = await browser.get("/_gateway/me")
    assert "em•••34" in page.text
    assert "employee-1234" not in page.text


async def test_unbind_ends_the_binding_only(house, browser):
    """The visitor stays signed in; there is an audit row."""
    await sign_in_bound(browser)
    answer = await browser.post("/_gateway/unbind")
    assert (answer.status, answer.location) == (303, "/_gateway/me")
    me = await browser.get("/_gateway/me", Accept="application/json")
    assert (me.json["signed_in"], me.json["bound"]) == (True, False)
    assert house.audit() == [("bind", "42"), ("unbind", "42")]


async def test_unbind_of_the_signed_out(browser):
    """401, nothing to end."""
    answer = await browser.post("/_gateway/unbind")
    assert answer.status == 401


async def test_a_signed_out_program_learns_where_to_sign_in(browser):
    """An absolute address, as from /me."""
    answer = await browser.post("/_gateway/unbind", OWN | {"Accept": "application/json"})
    assert (answer.status, answer.json["error"]) == (401, "login_required")
    assert answer.json["login_url"] == "https://app.example.com/_gateway/login?return_to=%2F_gateway%2Fme"


async def test_logout_ends_every_copy_of_the_session(house, browser):
    """303 to a signed-out page; all our cookies are cleared, and a copied one is dead."""
    await sign_in_bound(browser)
    await browser.depart()
    thief = house.browser()
    thief.jar = dict(browser.jar)
    answer = await browser.post("/_gateway/logout")
    assert (answer.status, answer.location) == (303, "/_gateway/logout")
    assert browser.jar == {}
    for line in answer.cookies.values():
        assert "Max-Age=0" in line
        for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
            assert attribute in line
    assert (await thief.get("/_gateway/me")).status == 401
    page = await browser.get(answer.location)
    assert page.status == 200
    assert "/_gateway/login?return_to=%2F" in page.text
    assert "refresh" not in page.text


async def test_logout_clears_sixteen_login_cookies_at_most(house, browser):
    """A jar full of them does not make an answer with more fields than a client takes; the session is cleared."""
    await browser.sign_in(return_to="/open")
    browser.jar |= {f"__Host-gateway_login_{number:x}": "x" for number in range(195)}
    answer = await browser.post("/_gateway/logout")
    cleared = answer.headers.getall("Set-Cookie")
    assert (answer.status, sum("gateway_login_" in line for line in cleared)) == (303, 16)
    assert "__Host-gateway_session" not in browser.jar


async def test_logout_keeps_the_binding(browser):
    """The next login needs no password."""
    await sign_in_bound(browser)
    await browser.post("/_gateway/logout")
    assert (await browser.sign_in("code-ann-again")).location == "/app#"


async def test_get_logout_only_asks(browser):
    """A link cannot sign anybody out: there is a form."""
    await sign_in_bound(browser)
    page = await browser.get("/_gateway/logout")
    assert (page.status, page.cookies) == (200, {})
    assert 'action="/_gateway/logout"' in page.text
    assert (await browser.get("/_gateway/me")).status == 200


async def test_programs_get_json(browser):
    """{"ok": true} for unbind and logout."""
    await sign_in_bound(browser)
    headers = OWN | {"Accept": "application/json"}
    for path in ("/_gateway/unbind", "/_gateway/logout"):
        answer = await browser.post(path, headers)
        assert (answer.status, answer.json) == (200, {"ok": True})


@pytest.mark.parametrize("path", ["/_gateway/unbind", "/_gateway/logout"])
@pytest.mark.parametrize(
    ("headers", "with_token", "status"),
    [
        (OWN, False, 303),
        ({"Sec-Fetch-Site": "same-origin"}, False, 303),
        ({"Origin": "null"}, True, 303),
        ({}, True, 303),
        ({}, False, 403),
        ({"Origin": "null"}, False, 403),
        ({"Sec-Fetch-Site": "none"}, False, 403),
        ({"Sec-Fetch-Site": "same-site"}, False, 403),
        ({"Origin": "https://evil.test"}, True, 403),
        ({"Sec-Fetch-Site": "cross-site"}, True, 403),
    ],
)
async def test_posts_come_from_our_own_pages(house, browser, path, headers, with_token, status):
    """Own origin, same-origin, or the page's token; a foreign origin is refused whatever else."""
    await sign_in_bound(browser)
    fields = {"token": token(await browser.get("/_gateway/me"))} if with_token else {}
    answer = await browser.post(path, headers, **fields)
    assert answer.status == status
    if status == 403:
        me = await browser.get("/_gateway/me", Accept="application/json")
        assert me.json["bound"] is True


async def test_a_token_is_of_its_session(house, browser):
    """The token of somebody else's page proves nothing."""
    await sign_in_bound(browser)
    other = house.browser()
    await other.sign_in("code-bob", "/open")
    foreign = token(await other.get("/_gateway/me"))
    assert (await browser.post("/_gateway/logout", {}, token=foreign)).status == 403


@pytest.mark.parametrize("path", ["/_gateway/unbind", "/_gateway/bind/sms"])
async def test_get_changes_nothing(browser, path):
    """405 with Allow for a GET of what only a POST may do."""
    answer = await browser.get(path)
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_a_store_outage_is_not_a_logout(house, browser, monkeypatch):
    """503 with Retry-After; the cookie stays."""
    from gateway.core.errors import StoreOutage

    await browser.sign_in(return_to="/open")

    async def down(*_: object) -> None:
        raise StoreOutage("down")

    with monkeypatch.context() as patch:
        patch.setattr(house.parts.bindings, "standing", down)
        for answer in (await browser.get("/_gateway/me"), await browser.post("/_gateway/logout")):
            assert (answer.status, answer.headers["Retry-After"], answer.cookies) == (503, "5", {})
    assert (await browser.get("/_gateway/me")).status == 200


async def test_a_session_of_another_app_is_nobodys(open_house):
    """A cookie that another app's dance made says nothing on this Host."""
    house = await open_house()
    browser = house.browser()
    await browser.sign_in(return_to="/open")
    other = await open_house(app_of_host=lambda host: "second", providers={"second": house.wechat})
    stranger = other.browser()
    stranger.jar = dict(browser.jar)
    assert (await stranger.get("/_gateway/me")).status == 401
