"""The bind page in a real browser: every way through it, and every way in which it says no."""

import pytest
from playwright.async_api import expect

from .conftest import Pick
from .phone import Phone, code_from

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def to_bind_page(phone: Phone, who: str = "xiaoming", entry: str = "我的订单") -> None:
    """Walk up to the bind page."""
    await phone.hand_to(who)
    await phone.menu(entry)
    await phone.on("/_gateway/bind")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_by_sms(pick_up: Pick, scripts: bool) -> None:
    """A code by SMS binds, after a wrong one was refused; what was typed stays; the page shows no phone in its URL."""
    phone = await pick_up(java_script_enabled=scripts)
    page = phone.page
    phone.expected = {401, 422}
    await to_bind_page(phone)
    await phone.press(page.get_by_role("link", name="短信验证码"))
    await phone.look("sms")
    send = page.locator(".weui-vcode-btn")

    await page.locator("#phone").fill("12345")
    await phone.press(send)
    await expect(page.get_by_role("alert")).to_have_text("请输入正确的 11 位手机号。")
    await phone.look("sms-bad-phone")

    written = len(phone.house.log)
    await page.locator("#phone").fill("138 0013 8000")
    await page.locator("#consent").check()
    await phone.press(send)
    await expect(page.get_by_role("status")).to_contain_text("验证码会在一分钟内以短信送达")
    await expect(page.locator("#phone")).to_have_value("13800138000")
    await expect(page.locator("#consent")).to_be_checked()
    assert "13800138000" not in page.url
    await phone.speaks_only("zh-Hans")
    await phone.look("sms-sent" if scripts else "sms-sent-no-scripts")
    if scripts:
        await expect(send).to_be_disabled()
        await expect(send).to_contain_text("秒")
    code = await code_from(phone.house, written)

    await page.locator("#code").fill(f"{(int(code) + 1) % 1_000_000:06d}")
    await phone.press(phone.submit)
    await expect(page.get_by_role("alert")).to_have_text("手机号或验证码不正确，或验证码已过期。")
    await phone.look("sms-wrong")
    await page.locator("#code").fill(code)
    await phone.press(phone.submit)
    await phone.on("/orders")
    await expect(page.get_by_role("heading", level=1)).to_have_text("王小明的订单")
    assert "13800138000" not in phone.house.log


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
async def test_on_the_smallest_phone(pick_up: Pick, locale: str) -> None:
    """On 320 px nothing is cut off: neither the six digits of a code beside the button, nor what one must press."""
    phone = await pick_up(viewport={"width": 320, "height": 568}, locale=locale)
    page = phone.page
    await to_bind_page(phone, "alice")
    await phone.look(f"small-bind-{locale}")
    await phone.press(page.locator(".gw-tabs a:not([aria-current])"))
    code = page.locator("#code")
    for state in ("before", "after"):
        if state == "after":
            await page.locator("#phone").fill("13800138002")
            await phone.press(page.locator(".weui-vcode-btn"))
            await expect(page.get_by_role("status")).to_be_visible()
        await code.fill("888888")
        await phone.look(f"small-sms-{state}-{locale}")
        assert await code.evaluate("field => field.scrollWidth - field.clientWidth") <= 0
    await phone.submit.scroll_into_view_if_needed()
    await expect(phone.submit).to_be_in_viewport(ratio=1)


async def test_enter_binds_and_sends_no_code(phone: Phone) -> None:
    """The Enter key in the form of a code presses the button that binds, not the one that sends a code."""
    page = phone.page
    phone.expected = {401}
    await to_bind_page(phone)
    await phone.press(page.get_by_role("link", name="短信验证码"))
    await page.locator("#phone").fill("13800138000")
    await page.locator("#consent").check()
    await page.locator("#code").fill("000000")
    await page.locator("#code").press("Enter")
    await expect(page.get_by_role("alert")).to_have_text("手机号或验证码不正确，或验证码已过期。")
    assert "gateway/_gateway/bind/sms" not in " ".join(phone.since(0))


async def test_two_people_with_one_phone(phone: Phone) -> None:
    """Whoever is handed the phone next is not taken for the last one, binds in turn, and is known from then on."""
    page = phone.page
    await phone.bound("xiaoming", "我的订单")
    await expect(page.get_by_role("heading", level=1)).to_have_text("王小明的订单")
    await phone.bound("xiaohong", "我的订单")
    await expect(page.get_by_role("heading", level=1)).to_have_text("李小红的订单")
    await phone.hand_to("xiaoming")
    await phone.menu("我的订单")
    await expect(page.get_by_role("heading", level=1)).to_have_text("王小明的订单")


async def test_an_account_that_is_taken(phone: Phone) -> None:
    """The account of somebody else's WeChat is refused, says so, and one's own still works on the same form."""
    page = phone.page
    phone.expected = {409}
    await phone.bound("xiaoming")
    await phone.on("/")
    await to_bind_page(phone, "xiaohong")
    await phone.fill_in("xiaoming")
    await expect(page.get_by_role("alert")).to_contain_text("该账号已绑定其他微信。")
    await phone.look("bind-taken")
    await phone.fill_in("xiaohong")
    await phone.on("/orders")
    await expect(page.get_by_role("heading", level=1)).to_have_text("李小红的订单")


async def test_consent_is_asked_for(phone: Phone) -> None:
    """Nothing is sent before the box is ticked; and where a browser does not mind that, the answer does."""
    page = phone.page
    phone.expected = {422}
    await to_bind_page(phone)
    mark = len(phone.steps)
    await phone.fill_in("xiaoming", agree=False)
    assert await page.evaluate("document.activeElement.id") == "consent"
    assert phone.since(mark) == []
    await page.locator("#consent").evaluate("box => { box.required = false; }")
    await phone.press(phone.submit)
    await expect(page.get_by_role("alert")).to_have_text("请先阅读并勾选同意。")
    await phone.look("bind-consent")
    await phone.press(page.get_by_role("link", name="《隐私政策》"))
    await phone.on("/privacy")
    await expect(page.get_by_role("heading", level=1)).to_have_text("隐私政策")
    await phone.look("privacy")


async def test_after_five_wrong_tries(phone: Phone) -> None:
    """The fifth wrong password ends it, on a page that says what to do."""
    page = phone.page
    phone.expected = {401, 410, 429}
    await to_bind_page(phone)
    for number in range(5):
        mark = len(phone.steps)
        await phone.fill_in("xiaoming", f"oolong-{number}")
        await expect(page.get_by_role("alert")).to_be_visible()
        assert phone.since(mark) == [f"{401} gateway/_gateway/bind"]
    await phone.fill_in("xiaoming")
    await expect(page.get_by_role("heading")).to_have_text("尝试次数过多")
    await phone.speaks_only("zh-Hans")
    await phone.look("too-many-tries")


async def test_back_after_binding(phone: Phone) -> None:
    """The Back button after a bind finds a page that says it is over, and a button that leads on."""
    page = phone.page
    phone.expected = {410}
    await phone.bound("xiaoming", "我的订单")
    await phone.on("/orders")
    await page.go_back()
    await phone.on("/_gateway/bind")
    await expect(page.get_by_role("heading")).to_have_text("页面已失效")
    await phone.look("ticket-gone")
    await phone.press(page.get_by_role("link", name="重新开始"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("王小明，您好！")


async def test_back_from_the_bind_page(phone: Phone) -> None:
    """The Back button on the bind page leads to the phone page, not into the dance; and forward still works."""
    page = phone.page
    await to_bind_page(phone)
    await page.go_back()
    await expect(page).to_have_url(f"{phone.house.wechat}/")
    await page.go_forward()
    await phone.on("/_gateway/bind")
    await phone.fill_in("xiaoming")
    await phone.on("/orders")
