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
    await phone.choose("sms")
    await phone.look("sms")
    send = page.locator(".weui-vcode-btn")

    await page.locator("#phone").fill("12345")
    await phone.press(send)
    await expect(page.get_by_role("alert")).to_have_text("请输入正确的手机号。")
    await phone.look("sms-bad-phone")

    written = len(phone.house.log)
    await page.locator("#phone").fill("138 0013 8000")
    await page.locator("#consent").check()
    await phone.press(send)
    await expect(page.get_by_role("status")).to_contain_text("验证码会在一分钟内以短信送达")
    await expect(page.locator("#phone")).to_have_value("138 0013 8000" if scripts else "13800138000")
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
    await expect(page.get_by_role("alert")).to_contain_text("手机号或验证码不正确，或验证码已过期。")
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
    await phone.choose("sms")
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
    await phone.choose("sms")
    await page.locator("#phone").fill("13800138000")
    await page.locator("#consent").check()
    await page.locator("#code").fill("000000")
    await page.locator("#code").press("Enter")
    await expect(page.get_by_role("alert")).to_contain_text("手机号或验证码不正确，或验证码已过期。")
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
    """The account of somebody else's WeChat is refused, says so, and one's own still works a tap away."""
    page = phone.page
    phone.expected = {409}
    await phone.bound("xiaoming")
    await phone.on("/")
    await to_bind_page(phone, "xiaohong")
    await phone.fill_in("xiaoming")
    await expect(page.get_by_role("alert")).to_contain_text("该账号已绑定其他微信")
    await phone.look("bind-taken")
    await phone.press(page.get_by_role("button", name="换一个账号"))
    await phone.fill_in("xiaohong")
    await phone.on("/orders")
    await expect(page.get_by_role("heading", level=1)).to_have_text("李小红的订单")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_tick_has_the_colour_of_the_buttons(pick_up: Pick, scheme: str) -> None:
    """In the dark too, where WeUI draws a green one of its own."""
    phone = await pick_up(color_scheme=scheme)
    await to_bind_page(phone)
    box = phone.page.locator("#consent")
    await box.check()
    drawn = await box.evaluate("box => getComputedStyle(box).backgroundImage")
    assert "stroke='%23fff'" in drawn
    assert "07c160" not in drawn.lower()


async def test_consent_is_asked_for(phone: Phone) -> None:
    """Nothing is sent before the box is ticked; and where a browser does not mind that, the answer does."""
    page = phone.page
    phone.expected = {422}
    await to_bind_page(phone)
    mark = len(phone.steps)
    await phone.fill_in("xiaoming", agree=False)
    assert await page.evaluate("document.activeElement.id") == "consent"
    await expect(page.get_by_role("alert")).to_have_text("请先阅读并勾选同意。")
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
    """The Back button after a bind finds a page that says it is done, and a button that leads on."""
    page = phone.page
    phone.expected = {410}
    await phone.bound("xiaoming", "我的订单")
    await phone.on("/orders")
    await page.go_back()
    await phone.on("/_gateway/bind")
    await expect(page.get_by_role("heading")).to_have_text("已经绑定好了")
    await phone.look("already-bound")
    await phone.press(page.locator(".weui-btn_primary"))
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


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_tabs_keep_what_was_typed(pick_up: Pick, scripts: bool) -> None:
    """A look at the other tab loses nothing and asks nobody; arrow keys change tabs as well."""
    phone = await pick_up(java_script_enabled=scripts)
    page = phone.page
    await to_bind_page(phone)
    mark = len(phone.steps)
    await page.locator("#username").fill("xiaoming")
    await page.locator("#password").fill("longjing")
    await phone.choose("sms")
    await expect(page.locator("#username")).to_be_hidden()
    await page.locator("#phone").fill("13800138000")
    await page.locator("#method-sms").press("ArrowLeft")
    await expect(page.locator("#phone")).to_be_hidden()
    await expect(page.locator("#username")).to_have_value("xiaoming")
    await page.locator("#consent").check()
    assert phone.since(mark) == []
    await phone.press(phone.submit)
    await phone.on("/orders")


async def test_what_is_missing_is_said_beside_its_field(phone: Phone) -> None:
    """With scripts nothing incomplete is sent: each empty field says so, the first has the focus, typing hushes it."""
    page = phone.page
    await to_bind_page(phone)
    mark = len(phone.steps)
    await page.locator("#password").fill("longjing")
    await phone.press(phone.submit)
    username = page.locator("#username")
    await expect(page.locator("#username-fault")).to_have_text("请输入账号。")
    await expect(username).to_be_focused()
    await expect(username).to_have_attribute("aria-invalid", "true")
    await expect(username).to_have_attribute("aria-describedby", "username-fault")
    await expect(page.locator("#password-fault")).to_have_count(0)
    await username.fill("xiaoming")
    await expect(page.locator("#username-fault")).to_be_hidden()
    assert await username.get_attribute("aria-invalid") is None
    assert phone.since(mark) == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_the_focus_is_where_it_went_wrong(pick_up: Pick, scripts: bool) -> None:
    """After a wrong password one can type the next at once; the message is announced and belongs to the fields."""
    phone = await pick_up(java_script_enabled=scripts)
    page = phone.page
    phone.expected = {401, 422}
    await to_bind_page(phone)
    await phone.fill_in("xiaoming", "oolong")
    for field in ("#username", "#password"):
        await expect(page.locator(field)).to_have_attribute("aria-describedby", "fault")
    await expect(page.locator("#password")).to_be_focused()
    await page.locator("form.gw-form").evaluate("form => form.submit()")
    await expect(page.get_by_role("alert")).to_have_text("请填写完整。")
    await expect(page.get_by_role("alert")).to_be_focused()


async def test_an_impatient_finger_sends_once(phone: Phone) -> None:
    """A second tap while the first is on its way sends nothing, and the button says that it is busy."""
    page = phone.page
    await to_bind_page(phone)
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    await page.locator("#username").fill("xiaoming")
    await page.locator("#password").fill("longjing")
    await page.locator("#consent").check()
    busy = await phone.submit.evaluate(
        "button => { button.click(); button.click(); return button.getAttribute('aria-busy'); }"
    )
    await phone.on("/orders")
    assert busy == "true"
    assert len(posts) == 1


async def test_a_code_is_sent_without_leaving_the_page(phone: Phone) -> None:
    """With scripts the page stays: what was typed stays, seconds count down, the field of the code has the focus."""
    page = phone.page
    phone.expected = {422}
    await to_bind_page(phone)
    await page.locator("#username").fill("xiaoming")
    await phone.choose("sms")
    mark = len(phone.steps)
    send = page.locator(".weui-vcode-btn")
    await phone.press(send)
    await expect(page.locator("#phone-fault")).to_have_text("请输入手机号。")
    await page.locator("#phone").fill("12345")
    await phone.press(send)
    await expect(page.locator("#phone-fault")).to_have_text("请输入正确的手机号。")
    await page.locator("#phone").fill("13800138000")
    await phone.press(send)
    await expect(page.get_by_role("status")).to_contain_text("验证码会在一分钟内以短信送达")
    await expect(page.locator("#code")).to_be_focused()
    await expect(send).to_be_disabled()
    await expect(page.locator("#username")).to_have_value("xiaoming")
    assert phone.since(mark) == []


async def test_a_ticket_that_ran_out_while_a_code_was_asked_for(phone: Phone) -> None:
    """The page says so, as it would without scripts."""
    page = phone.page
    phone.expected = {410}
    await to_bind_page(phone)
    await phone.choose("sms")
    await page.locator("input[name=ticket]").evaluate("field => { field.value = 'spent'; }")
    await page.locator("#phone").fill("13800138000")
    await phone.press(page.locator(".weui-vcode-btn"))
    await expect(page.get_by_role("heading")).to_have_text("页面已失效")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_large_type(pick_up: Pick, scripts: bool) -> None:
    """One tap makes the type large, here and on every page from then on; with scripts nothing typed is lost."""
    phone = await pick_up(java_script_enabled=scripts)
    page = phone.page
    phone.expected = {410}
    await to_bind_page(phone)
    await page.locator("#username").fill("xiaoming")
    switch = page.locator(".gw-care")
    await expect(switch).to_have_text("大字版")
    async with page.expect_response("**/_gateway/care"):
        await phone.press(switch)
    await expect(page.locator("body")).to_have_attribute("data-weui-mode", "care")
    await expect(page.locator("#username")).to_have_value("xiaoming" if scripts else "")
    await phone.visit("/_gateway/bind?ticket=spent")
    await expect(page.locator("body")).to_have_attribute("data-weui-mode", "care")
    await expect(switch).to_have_text("标准字号")
    await phone.press(switch)
    if not scripts:
        await expect(page.get_by_role("heading")).to_have_text("字号已更改")
    await expect(page.locator("body[data-weui-mode]")).to_have_count(0)
