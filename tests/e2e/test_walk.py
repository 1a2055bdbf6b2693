"""The whole walk of one person, in a real browser against the real processes."""

import pytest
from playwright.async_api import expect

from .phone import Phone

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_the_walk(phone: Phone) -> None:
    """A tap ends on the page it asked for, after binding once; the second visit shows nothing of it; logout holds."""
    page = phone.page
    phone.expected = {401}
    await phone.hand_to("xiaoming")
    await phone.look("phone")
    mark = len(phone.steps)

    await phone.menu("我的订单")
    await phone.on("/_gateway/bind")
    assert phone.since(mark) == [
        "200 wechat/",
        "302 gateway/orders",
        "302 wechat/connect/oauth2/authorize",
        "302 gateway/_gateway/callback",
        "200 gateway/_gateway/bind",
    ]
    await expect(page.get_by_role("heading")).to_have_text("绑定账号")
    await phone.speaks_only("zh-Hans")
    await phone.look("bind")

    await phone.fill_in("xiaoming", "oolong")
    await expect(page.get_by_role("alert")).to_have_text("账号或密码不正确，请重新输入。")
    await expect(page.locator("#username")).to_have_value("xiaoming")
    await expect(page.locator("#password")).to_have_value("")
    await phone.look("bind-wrong")

    mark = len(phone.steps)
    await phone.fill_in("xiaoming")
    await phone.on("/orders")
    assert phone.since(mark) == ["303 gateway/_gateway/bind", "200 gateway/orders"]
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
    await phone.look("signed-out")
    danced = phone.house.wechat_saw()["authorizes"]
    await page.reload()
    await phone.settled()
    await phone.on("/_gateway/logout")
    assert phone.house.wechat_saw()["authorizes"] == danced
    assert not [cookie for cookie in await phone.context.cookies() if cookie["name"] == "gateway_session"]
