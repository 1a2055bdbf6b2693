"""The whole walk of one person, in a real browser against the real processes."""

import pytest
from playwright.async_api import expect

from .conftest import Pick
from .phone import Phone

pytestmark = pytest.mark.asyncio(loop_scope="package")

SILENT_DANCE = ["302 gateway/orders", "302 wechat/connect/oauth2/authorize", "302 gateway/_gateway/callback"]


async def test_the_walk(phone: Phone) -> None:
    """A tap ends on the page it asked for, after binding once; the second visit shows nothing of it; logout holds."""
    page = phone.page
    phone.expected = {401}
    await phone.hand_to("xiaoming")
    await phone.look("phone")

    mark = len(phone.steps)
    await phone.menu("我的订单")
    await phone.on("/_gateway/bind")
    assert phone.since(mark) == ["200 wechat/", *SILENT_DANCE, "200 gateway/_gateway/bind"]
    await expect(page.get_by_role("heading")).to_have_text("绑定账号")
    await phone.speaks_only("zh-Hans")
    await phone.look("bind")

    await phone.fill_in("xiaoming", "oolong")
    await expect(page.get_by_role("alert")).to_have_text("账号或密码不正确。多次输错后，需要过一段时间才能再试。")
    await expect(page.locator("#username")).to_have_value("xiaoming")
    await expect(page.locator("#password")).to_have_value("")
    await phone.look("bind-wrong")

    mark = len(phone.steps)
    await phone.fill_in("xiaoming")
    await phone.on("/orders")
    assert phone.since(mark) == ["303 gateway/_gateway/bind", "200 gateway/orders"]
    assert page.url == f"{phone.house.gateway}/orders#"
    await expect(page.get_by_role("heading", level=1)).to_have_text("王小明的订单")
    await phone.look("orders")
    await phone.visit("/")
    await expect(page.get_by_role("heading", level=1)).to_have_text("王小明，您好！")
    await phone.look("home")

    mark = len(phone.steps)
    await phone.menu("我的订单")
    await phone.on("/orders")
    assert phone.since(mark) == ["200 wechat/", "200 gateway/orders"]

    await phone.press(page.get_by_role("button", name="退出"))
    await phone.on("/_gateway/logout")
    await expect(page.get_by_role("heading")).to_have_text("已退出登录")
    assert not [cookie for cookie in await phone.context.cookies() if cookie["name"] == "gateway_session"]
    await phone.look("signed-out")
    danced = phone.house.wechat_saw()["authorizes"]
    await page.reload()
    await phone.settled()
    await phone.on("/_gateway/logout")
    assert phone.house.wechat_saw()["authorizes"] == danced

    await phone.press(page.get_by_role("link", name="重新登录"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("王小明，您好！")


async def test_a_bound_person_on_another_phone_sees_only_redirects(pick_up: Pick) -> None:
    """A browser without any session comes to the page by redirects alone: no page of ours is shown in between."""
    first = await pick_up()
    await first.bound("xiaoming")
    await first.on("/")
    second = await pick_up()
    await second.hand_to("xiaoming")
    mark = len(second.steps)
    await second.menu("我的订单")
    await second.on("/orders")
    assert second.since(mark) == ["200 wechat/", *SILENT_DANCE, "200 gateway/orders"]
    await expect(second.page.get_by_role("heading", level=1)).to_have_text("王小明的订单")


async def test_a_deep_link_comes_back_to_the_letter(phone: Phone) -> None:
    """The page first asked for is opened with its own query, in its own spelling, after a bind."""
    await phone.hand_to("xiaoming")
    target = "/orders/2941?from=%E8%8F%9C%E5%8D%95&n=a+b&utm;x=1"
    await phone.visit(target)
    await phone.on("/_gateway/bind")
    await phone.fill_in("xiaoming")
    await phone.on("/orders/2941")
    assert phone.page.url == f"{phone.house.gateway}{target}#"
    await expect(phone.page.get_by_role("heading", level=1)).to_have_text("青瓷盖碗")


async def test_a_page_that_leads_on_to_another_site(phone: Phone) -> None:
    """Binding for a page that redirects to another origin ends there: our content policy does not hold it back."""
    await phone.hand_to("xiaoming")
    mark = len(phone.steps)
    await phone.visit("/leave")
    await phone.on("/_gateway/bind")
    await phone.fill_in("xiaoming")
    await expect(phone.page).to_have_url(f"{phone.house.wechat}/")
    assert phone.since(mark)[-3:] == ["303 gateway/_gateway/bind", "303 gateway/leave", "200 wechat/"]


async def test_the_walk_without_scripts(pick_up: Pick) -> None:
    """Everything works with JavaScript off: the dance, a wrong password, the bind, the second visit, the logout."""
    phone = await pick_up(java_script_enabled=False)
    page = phone.page
    phone.expected = {401}
    await phone.hand_to("xiaohong")
    await phone.menu("我的订单")
    await phone.on("/_gateway/bind")
    await phone.fill_in("xiaohong", "oolong")
    await expect(page.get_by_role("alert")).to_have_text("账号或密码不正确。多次输错后，需要过一段时间才能再试。")
    await phone.fill_in("xiaohong")
    await phone.on("/orders")
    await expect(page.get_by_role("heading", level=1)).to_have_text("李小红的订单")
    mark = len(phone.steps)
    await phone.menu("我的订单")
    await phone.on("/orders")
    assert phone.since(mark) == ["200 wechat/", "200 gateway/orders"]
    await phone.press(page.get_by_role("button", name="退出"))
    await phone.on("/_gateway/logout")
    await expect(page.get_by_role("heading")).to_have_text("已退出登录")


async def test_an_ordinary_browser_is_sent_to_wechat(pick_up: Pick) -> None:
    """As the demo says: a browser that is not WeChat's gets as far as WeChat's own page, which asks for WeChat."""
    desktop = await pick_up(user_agent="Mozilla/5.0 (X11; Linux x86_64) Chrome/140.0.0.0 Safari/537.36")
    await desktop.visit("/orders")
    await expect(desktop.page.locator("body")).to_contain_text("请在微信客户端打开链接")
    await desktop.look("not-wechat")
