"""Browsers that are not WeChat's, on the real wire: each way that an app may answer them."""

import json
import re
from urllib.parse import urlencode

import pytest

from gateway.config import load

from .carrying import until
from .conftest import APP_SECRET, House, Open, claims_in, ticket_in
from .handing import desktop_of
from .raw import Browser, target_of

WEBSITE = """
outside = "wechat_website"
outside_app = "site"
[[apps]]
id = "site"
provider = "wechat_website"
app_id = "wx7d0b3a95c61e82f4"
secret = { file = "wechat.secret" }
authorize_base = "{wechat}"
api_base = "{wechat}"
"""
ANDROID = "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 Chrome/140.0.0.0 Mobile Safari/537.36"


@pytest.fixture
async def house(open_house: Open) -> House:
    """As it is by default outside development."""
    opened: House = await open_house(app='outside = "qr"')
    return opened


async def test_the_address_as_a_code(house: House) -> None:
    """Nothing is asked of WeChat; the page holds the address, as squares and as text; nothing on it is inline."""
    desktop = desktop_of(house)
    answer = await desktop.get("/orders?x=1")
    assert answer.status == 302
    assert answer.get("location") == "/_gateway/login?return_to=/orders%3Fx%3D1"
    assert desktop.jar == {}
    page = await desktop.get(answer.get("location") or "")
    assert page.status == 200
    assert b"<svg" in page.body
    assert f"{house.origin}/orders?x=1".encode() in page.body
    assert not re.search(rb"<script(?![^>]* src=)", page.body)
    assert b"style=" not in page.body
    assert "default-src 'none'" in (page.get("content-security-policy") or "")
    assert house.wechat.authorizes == 0


async def test_a_phone_outside_wechat_gets_the_address_to_copy(house: House) -> None:
    """It cannot scan its own screen: the words say what to do, the code is folded away."""
    phone = Browser(house.port, user_agent=ANDROID)
    page = await phone.get("/_gateway/login?return_to=/orders")
    assert "请复制下面的网址".encode() in page.body
    assert f"{house.origin}/orders".encode() in page.body


async def test_the_fragment_of_an_application_comes_along(house: House) -> None:
    """`keep_fragment` carries it to the page that makes the code."""
    desktop = desktop_of(house)
    assert (await desktop.get("/spa")).status == 200
    page = await desktop.get("/_gateway/login?return_to=%2Fspa%23%2Fcart")
    assert f"{house.origin}/spa#/cart".encode() in page.body


async def test_a_browser_that_is_taken_for_another_has_a_way_on(house: House) -> None:
    """The link on the page leads to WeChat all the same, and the dance ends as ever."""
    desktop = desktop_of(house)
    page = await desktop.get("/_gateway/login?return_to=/orders")
    link = re.search(rb'href="([^"]+wechat=1)"', page.body)
    assert link
    answer = await house.dance(desktop, link[1].decode().replace("&amp;", "&"))
    assert "/_gateway/bind" in (answer.get("location") or "")


async def test_refusal(open_house: Open) -> None:
    """403 with words for people, at the address and at the login page; even the link helps nobody."""
    house = await open_house(app='outside = "refuse"')
    desktop = desktop_of(house)
    for target in ("/orders", "/spa", "/_gateway/login", "/_gateway/login?wechat=1"):
        answer = await desktop.get(target)
        assert answer.status == 403, target
        assert "请在微信中打开".encode() in answer.body
    assert (await house.browser().get("/orders")).status == 302
    asked = await desktop.get("/_gateway/login", headers={"Accept": "application/json"}, page=False)
    assert json.loads(asked.body)["error"] == "outside_wechat"
    await until(lambda: house.log.read_text().count('"status":403') == 5, "not logged")
    reasons = [json.loads(line)["reason"] for line in house.log.read_text().splitlines() if '"status":403' in line]
    assert reasons == ["outside_wechat", "outside_wechat", "own_page", "own_page", "own_page"]


@pytest.mark.parametrize("outside", ["qr", "handover", "refuse", "wechat"])
async def test_programs_get_what_they_always_got(open_house: Open, outside: str) -> None:
    """401 in JSON, whatever browsers get."""
    house = await open_house(app=f'outside = "{outside}"')
    desktop = desktop_of(house)
    for headers in ({"Accept": "application/json"}, {"Sec-Fetch-Mode": "cors", "Accept": "*/*"}):
        answer = await desktop.get("/orders", headers=headers, page=False)
        assert answer.status == 401
        assert json.loads(answer.body)["error"] == "login_required"


async def test_to_wechat_all_the_same(open_house: Open) -> None:
    """For development: as if it were WeChat's browser."""
    house = await open_house(app='outside = "wechat"')
    desktop = desktop_of(house)
    answer = await house.dance(desktop, "/orders")
    assert "/_gateway/bind" in (answer.get("location") or "")


async def test_a_forged_user_agent_gains_nothing(open_house: Open) -> None:
    """It leads to WeChat, which must still say who holds the phone: a code of nobody signs nobody in."""
    house = await open_house(app='outside = "refuse"')
    forger = house.browser()
    answer = await forger.get("/orders")
    assert answer.status == 302
    state = re.search(r"state=([0-9a-f]+)", answer.get("location") or "")
    assert state
    await forger.get(f"/_gateway/callback?code=0123456789abcdef&state={state[1]}")
    assert "gateway_session" not in forger.jar


async def test_a_callback_copied_out_of_wechat(house: House) -> None:
    """A browser outside WeChat that opens one is told to open WeChat; nothing is consumed."""
    phone = house.browser()
    callback = await house.authorize((await phone.get("/orders")).get("location") or "")
    answer = await desktop_of(house).get(callback)
    assert (answer.status, answer.get("location")) == (302, "/_gateway/login?return_to=%2F")
    assert house.wechat.exchanges == 0
    assert (await phone.get(callback)).status == 302


async def scan(house: House, location: str, who: str = "xiaoming") -> str:
    """What WeChat's own page does once somebody scanned its code: the callback's target."""
    wechat = Browser(int(location.split("/")[2].partition(":")[2]), user_agent=desktop_of(house).user_agent)
    target = target_of(location, location)
    assert (await wechat.get(target)).status == 200
    answer = await wechat.post(target, urlencode({"user": who}).encode())
    assert answer.status == 302, answer.body
    return target_of(answer.get("location") or "", house.origin)


async def test_the_website_login(open_house: Open) -> None:
    """Outside WeChat its page, its OpenId and its own binding; inside the official account's, side by side."""
    house = await open_house(app=WEBSITE, bindings="per_user = 2")
    phone = await house.signed_in()
    desktop = desktop_of(house)
    answer = await desktop.get(target_of((await desktop.get("/orders")).get("location") or "", house.origin))
    location = answer.get("location") or ""
    assert re.fullmatch(
        r"http://127\.0\.0\.1:\d+/connect/qrconnect\?appid=wx7d0b3a95c61e82f4&redirect_uri=[^&]+%2F_gateway%2Fcallback"
        r"&response_type=code&scope=snsapi_login&state=[0-9a-f]{1,128}#wechat_redirect",
        location,
    )
    landed = await desktop.get(await scan(house, location))
    page = await desktop.get(target_of(landed.get("location") or "", house.origin))
    form = {"ticket": ticket_in(page), "method": "password", "username": "xiaoming"}
    form |= {"password": "canary-password-long", "consent": "1"}
    assert (await desktop.post("/_gateway/bind", urlencode(form).encode())).status == 303
    claims, known = claims_in(await desktop.get("/orders")), claims_in(await phone.get("/orders"))
    assert (claims["app"], known["app"]) == ("site", "main")
    assert claims["sub"] == known["sub"]
    assert claims["amr"] == ["wechat", "pwd"]
    me = await desktop.get("/_gateway/me", headers={"Accept": "application/json"}, page=False)
    assert json.loads(me.body)["bound"] is True
    assert APP_SECRET not in house.log.read_text()


async def test_the_website_login_of_an_account_with_one_wechat(open_house: Open) -> None:
    """`per_user` counts both OpenIds: with one allowed, the second bind is a conflict and no surprise."""
    house = await open_house(app=WEBSITE)
    await house.signed_in()
    desktop = desktop_of(house)
    location = (await desktop.get("/_gateway/login?return_to=/orders")).get("location") or ""
    landed = await desktop.get(await scan(house, location))
    answer = await house.bind(desktop, landed.get("location") or "")
    assert answer.status == 409


async def test_sessions_of_the_website_app_count_where_it_stands_in_only(open_house: Open) -> None:
    """Without `outside_app` the very same session is one of another app."""
    house = await open_house(app=WEBSITE)
    desktop = desktop_of(house)
    location = (await desktop.get("/_gateway/login?return_to=/orders")).get("location") or ""
    landed = await desktop.get(await scan(house, location))
    await house.bind(desktop, landed.get("location") or "")
    assert (await desktop.get("/orders")).status == 200
    path = house.folder / "gateway.toml"
    text = path.read_text()
    path.write_text(text.replace('outside = "wechat_website"\noutside_app = "site"\n', ""))
    await house.gateway.reload(load(path, env={}))
    answer = await desktop.get("/orders", headers={"Accept": "application/json"}, page=False)
    assert answer.status == 401
