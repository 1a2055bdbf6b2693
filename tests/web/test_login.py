"""GET /login."""

import pytest


async def test_login_redirects_to_wechat_without_a_body(house, browser):
    """302 with an empty body, never cached, and one attempt's cookie."""
    answer = await browser.get("/_gateway/login?return_to=%2Fapp%3Fa%3D1")
    assert (answer.status, answer.body) == (302, b"")
    assert answer.location.startswith("https://open.weixin.qq.com/")
    assert answer.location.endswith("#wechat_redirect")
    assert answer.query["redirect_uri"] == "https://app.example.com/_gateway/callback"
    assert answer.headers["Cache-Control"] == "no-store"
    (cookie,) = answer.cookies.values()
    assert cookie.startswith("__Host-gateway_login_")
    for attribute in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert attribute in cookie
    assert (
        house.parts.dance.find(answer.query["state"], list(browser.jar.items()), house.clock.now).return_to
        == "/app?a=1"
    )


async def test_head_starts_a_dance_as_get_does(browser):
    """HEAD is answered as GET is."""
    answer = await browser.send("HEAD", "/_gateway/login")
    assert (answer.status, len(answer.cookies)) == (302, 1)


@pytest.mark.parametrize("header", ["Sec-Purpose", "Purpose", "X-Moz"])
async def test_a_guessing_browser_starts_nothing(browser, header):
    """A prefetch gets no cookie and no redirect."""
    answer = await browser.send("GET", "/_gateway/login", headers={header: "prefetch;prerender"})
    assert (answer.status, answer.cookies) == (403, {})


async def test_a_host_without_an_app_is_misdirected(browser):
    """421 for a Host that no app names."""
    browser.host = "evil.test"
    answer = await browser.get("/_gateway/login")
    assert (answer.status, answer.cookies) == (421, {})


async def test_another_listed_host_is_its_own_callback_origin(browser):
    """The callback comes back to the Host that was asked, if an app names it."""
    browser.host = "two.example.com"
    answer = await browser.get("/_gateway/login")
    assert answer.query["redirect_uri"] == "https://two.example.com/_gateway/callback"


@pytest.mark.parametrize(
    "query",
    [
        "return_to=https://evil.test/",
        "return_to=//evil.test/",
        "return_to=/%5Cevil.test",
        "return_to=/_gateway/login",
        "return_to=/_gateway/callback%3Fcode%3Dx",
        "return_to=/_gateway/logout",
        "return_to=/_gateway/%256cogout/",
        "return_to=/a&return_to=/b",
        "",
    ],
)
async def test_unsafe_return_targets_become_the_root(house, browser, query):
    """Nothing off the origin, nothing that would sign in or out again, nothing ambiguous."""
    answer = await browser.get(f"/_gateway/login?{query}")
    attempt = house.parts.dance.find(answer.query["state"], list(browser.jar.items()), house.clock.now)
    assert attempt.return_to == "/"


async def test_plain_http_uses_plain_names(open_house):
    """Without https there is no Secure, no __Host- prefix and no HSTS."""
    house = await open_house(secure=False)
    answer = await house.browser().get("/_gateway/login")
    (cookie,) = answer.cookies.values()
    assert cookie.startswith("gateway_login_")
    assert "Secure" not in cookie
    assert "Strict-Transport-Security" not in answer.headers
