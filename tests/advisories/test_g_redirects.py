"""Class G: the way back after the login led to another site."""

import re
from urllib.parse import parse_qs, quote, urlsplit

from tests.service.conftest import House
from tests.service.raw import Browser

from .asking import ask, request


def leaves(location: str) -> bool:
    """Whether a browser (URL Standard: tabs and line ends removed, backslashes are slashes) goes to another origin."""
    seen = re.sub(r"[\t\r\n]", "", location.strip()).replace("\\", "/")
    return not seen.startswith("/") or seen.startswith("//")


async def landing(house: House, return_to: str) -> str:
    """Where the callback sends a browser that asked /login for `return_to`."""
    answer = await house.dance(house.browser(), f"/_gateway/login?return_to={quote(return_to, safe='')}", "alice")
    assert answer.status == 302
    return answer.get("location") or ""


async def stays(house: House, *targets: str) -> None:
    """None of the targets leads off, and nothing of them is left."""
    await house.signed_in("alice")
    assert await landing(house, "/orders?x=1") == "/orders?x=1#"
    for target in targets:
        location = await landing(house, target)
        assert not leaves(location), (target, location)
        assert location == "/#", (target, location)


async def test_GHSA_qqxw_m5fj_f7gv_a_backslash_is_a_slash(house: House) -> None:
    """oauth2-proxy took "/\\evil.test" for a path (CVE-2020-5233); browsers read it as "//evil.test"."""
    await stays(house, "/\\evil.test", "/\\/evil.test", "\\\\evil.test", "/\\\\evil.test/x")


async def test_GHSA_5m6c_jp6f_2vcv_whitespace_and_backslashes_together(house: House) -> None:
    """oauth2-proxy's next check still missed mixtures of them (CVE-2020-4037)."""
    await stays(
        house, "/\t\\evil.test", "/ /evil.test/..//evil.test", "/\n/evil.test", "/\v/evil.test", "/./\\evil.test"
    )


async def test_GHSA_j7px_6hwj_hpjg_encoded_whitespace(house: House) -> None:
    """oauth2-proxy decoded after its check (CVE-2020-11053): "/%09/evil.test" became "//evil.test"."""
    await stays(house, "/%09/evil.test", "/%0a/evil.test", "/%0d%0a/evil.test", "/%5cevil.test", "/%2f/evil.test")


async def test_GHSA_4mf2_f3wh_gvf2_no_host_is_ever_right(house: House) -> None:
    """oauth2-proxy's allowed domains matched "badexample.com" too (CVE-2021-21291); we take no host at all."""
    own = f"127.0.0.1:{house.port}"
    names = (
        f"http://{own}.evil.test/",
        f"http://{own}@evil.test/",
        f"//evil{own}/",
        f"http://{own}/orders",
        f"//{own}/",
    )
    await stays(house, *names)


async def test_CVE_2022_23527_a_tab_behind_the_slash(house: House) -> None:
    """mod_auth_openidc let "/\\t/evil.test" pass its logout; ours takes no return address at all."""
    await stays(house, "/\t/evil.test", "/\t\t/evil.test")
    browser = await house.signed_in("alice")
    answer = await browser.post("/_gateway/logout?return_to=%2F%09%2Fevil.test&logout=//evil.test", b"")
    assert "evil.test" not in (answer.get("location") or "")


async def test_caddy_security_trail_of_bits_the_callback_is_not_of_the_clients_making(house: House) -> None:
    """caddy-security built addresses of X-Forwarded-Host and reflected the path; ours come from the configuration."""
    browser = house.browser()
    answer = await browser.get("/orders", headers={"X-Forwarded-Host": "evil.test", "Forwarded": "host=evil.test"})
    query = parse_qs(urlsplit(answer.get("location") or "").query)
    assert query["redirect_uri"] == [f"{house.origin}/_gateway/callback"]
    page = await ask(
        house, request("/orders/<script>alert(1)</script>", "Accept: text/html", "Sec-Fetch-Mode: navigate")
    )
    assert b"<script>alert" not in page.body
    assert "<script>alert" not in str(page.fields)


async def test_caddy_security_trail_of_bits_a_logout_ends_the_session(house: House) -> None:
    """caddy-security's logout only cleared the cookie; a copy of ours is dead afterwards."""
    browser = await house.signed_in()
    copy = Browser(house.port, jar=dict(browser.jar))
    await browser.post("/_gateway/logout", b"")
    assert (await copy.get("/orders")).status == 302


async def test_CVE_2026_48895_the_host_does_not_choose_where_wechat_sends_the_code(house: House) -> None:
    """APISIX's cas-auth built its service address from Host; a Host that no app lists starts no login."""
    answer = await Browser(house.port, host="evil.test").get("/orders")
    assert answer.status == 421
    assert "evil.test" not in str(answer.fields)


async def test_CVE_2026_44915_the_way_back_is_not_in_a_cookie_that_anybody_can_write(house: House) -> None:
    """APISIX's cas-auth redirected to what its cookie said; ours is sealed, and a changed one starts nothing."""
    await house.signed_in("alice")
    browser = house.browser()
    callback = await house.authorize((await browser.get("/orders")).get("location") or "", "alice")
    [(name, value)] = browser.jar.items()
    for forged in (value[:-8] + "AAAAAAAA", "https://evil.test/", quote("//evil.test", safe="")):
        thief = Browser(house.port, jar={name: forged})
        answer = await thief.get(callback)
        assert "evil.test" not in (answer.get("location") or "")
        assert "gateway_session" not in thief.jar
    assert (await browser.get(callback)).get("location") == "/orders#"
