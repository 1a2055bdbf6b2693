"""The legacy application behind the gateway, and the gateway's own pages around it, in a real browser."""

import hashlib

import pytest
from playwright.async_api import expect

from .conftest import Pick
from .phone import Phone

pytestmark = pytest.mark.asyncio(loop_scope="package")


async def test_a_single_page_application_keeps_its_fragment(phone: Phone) -> None:
    """`/spa#/cart/7` opens there after the dance and the bind, and again after a dance alone."""
    await phone.hand_to("xiaoming")
    await phone.visit("/spa#/cart/7")
    await phone.on("/_gateway/bind")
    await phone.fill_in("xiaoming")
    for _ in range(2):
        await expect(phone.page).to_have_url(f"{phone.house.gateway}/spa#/cart/7")
        await expect(phone.page.locator("#hash")).to_have_text("#/cart/7")
        await phone.context.clear_cookies(name="gateway_session")
        await phone.page.goto("about:blank")
        await phone.visit("/spa#/cart/7")
    assert "200 gateway/_gateway/login" not in phone.since(0)


async def test_a_single_page_application_without_scripts(pick_up: Pick) -> None:
    """Without scripts a fragment is lost, but the way to the page is not."""
    phone = await pick_up(java_script_enabled=False)
    await phone.hand_to("xiaoming")
    await phone.visit("/spa#/cart/7")
    await phone.on("/_gateway/bind")
    await phone.fill_in("xiaoming")
    await phone.on("/spa")


async def test_a_script_that_calls_an_api(phone: Phone) -> None:
    """fetch() gets the identity while signed in; signed out it gets 401 JSON with an address that signs in again."""
    page = phone.page
    phone.expected = {401}
    await phone.bound()
    await phone.on("/")
    await phone.visit("/fetch")
    await expect(page.locator("#status")).to_have_text("200")
    await expect(page.locator("#answer")).to_contain_text('"name": "王小明"')
    await phone.look("fetch")
    await phone.context.clear_cookies(name="gateway_session")
    await phone.press(page.locator("#again"))
    await expect(page.locator("#status")).to_have_text("401")
    await expect(page.locator("#answer")).to_contain_text('"error": "login_required"')
    await phone.look("fetch-401")
    await phone.press(page.get_by_role("link", name="重新登录"))
    await phone.on("/fetch")
    await expect(page.locator("#status")).to_have_text("200")


async def test_an_upload(phone: Phone) -> None:
    """A file of 1 MB arrives whole, with the identity."""
    content = bytes(range(256)) * 4096
    await phone.bound()
    await phone.on("/")
    await phone.visit("/upload")
    await phone.page.locator("#file").set_input_files(
        {"name": "茶.bin", "mimeType": "application/octet-stream", "buffer": content}
    )
    await phone.press(phone.page.get_by_role("button", name="上传"))
    result = phone.page.get_by_role("status")
    for expected in ("茶.bin", "1,048,576", hashlib.sha256(content).hexdigest(), "1001"):
        await expect(result).to_contain_text(expected)
    await phone.look("upload")


async def test_a_form(phone: Phone) -> None:
    """A form is posted, redirected and shown; sent without a session it is a 401 page that can start again."""
    page = phone.page
    phone.expected = {401}
    await phone.bound()
    await phone.on("/")
    await phone.visit("/form")
    await page.locator("#note").fill("少放糖")
    await phone.press(page.get_by_role("button", name="保存"))
    await expect(page.get_by_role("status")).to_contain_text("已保存")
    await expect(page.locator("#note")).to_have_value("少放糖")

    await phone.context.clear_cookies(name="gateway_session")
    await page.locator("#note").fill("多放糖")
    await phone.press(page.get_by_role("button", name="保存"))
    await expect(page.get_by_role("heading")).to_have_text("请先登录")
    await phone.look("post-401")
    await phone.press(page.get_by_role("link", name="重新登录"))
    await phone.on("/form")
    await expect(page.locator("#note")).to_have_value("少放糖")


async def test_a_public_page_knows_nobody(phone: Phone) -> None:
    """A public page is shown without a dance, and with a session it still gets no identity."""
    await phone.visit("/public")
    assert phone.since(0) == ["200 gateway/public"]
    await phone.bound()
    await phone.on("/")
    await phone.visit("/public")
    await expect(phone.page.locator("#header")).to_contain_text("没有收到")
    await phone.look("public")


async def test_who_am_i_and_unbind(phone: Phone) -> None:
    """The page masks the account; after unbinding, the bind page comes again."""
    page = phone.page
    phone.expected = {401}
    await phone.visit("/_gateway/me")
    await expect(page.get_by_role("heading")).to_have_text("尚未登录")
    await phone.look("me-signed-out")
    await phone.bound()
    await phone.on("/")
    await phone.visit("/_gateway/me")
    await expect(page.locator("body")).to_contain_text("1•••1")
    assert "1001" not in await page.content()
    await phone.speaks_only("zh-Hans")
    await phone.look("me")
    await phone.press(page.get_by_role("link", name="解除绑定", exact=True))
    await expect(page.get_by_role("heading")).to_have_text("解除绑定？")
    await phone.look("me-unbind")
    await phone.press(page.get_by_role("button", name="确认解除绑定"))
    await expect(page.locator("body")).to_contain_text("当前微信尚未绑定账号。")
    await phone.look("me-unbound")
    await phone.menu("我的订单")
    await phone.on("/_gateway/bind")
    await phone.fill_in("xiaoming")
    await phone.on("/orders")


async def test_logout_asks_first_when_a_link_leads_there(phone: Phone) -> None:
    """GET /logout changes nothing: it asks; Cancel goes back to the account; the button ends the session."""
    page = phone.page
    await phone.bound()
    await phone.on("/")
    await phone.visit("/_gateway/logout")
    await expect(page.get_by_role("heading")).to_have_text("退出登录？")
    await phone.look("logout")
    await phone.press(page.get_by_role("link", name="取消"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("我的账号")
    await phone.press(page.get_by_role("button", name="退出登录", exact=True))
    await expect(page.get_by_role("heading")).to_have_text("已退出登录")


@pytest.mark.parametrize(
    ("fault", "status", "title"),
    [
        ("快照页", 200, "请使用完整服务"),
        ("返回错误码", 502, "暂时无法登录"),
        ("系统繁忙", 503, "微信服务繁忙"),
    ],
)
async def test_when_wechat_misbehaves(phone: Phone, fault: str, status: int, title: str) -> None:
    """A fault of WeChat ends on a page that says what to do; once it is over, the same tap works."""
    page = phone.page
    phone.expected = {status}
    await phone.hand_to("xiaoming")
    await phone.misbehave(fault, True)
    await phone.menu("我的订单")
    await expect(page.get_by_role("heading")).to_have_text(title)
    assert phone.steps[-1].status == status
    await phone.speaks_only("zh-Hans")
    await phone.look(f"wechat-{status}")
    await phone.misbehave(fault, False)
    await phone.menu("我的订单")
    await phone.on("/_gateway/bind")


async def test_an_address_that_is_refused(phone: Phone) -> None:
    """An ambiguous address is a small page of constant text."""
    phone.expected = {400}
    await phone.visit("/orders%5C..")
    await expect(phone.page.get_by_role("heading")).to_have_text("请求无法识别")
    await phone.look("refused")


CONTRAST = """() => {
  const parse = text => { const n = text.match(/[\\d.]+/g).map(Number); return n.length < 4 ? [...n, 1] : n; };
  const over = (top, under) => [0, 1, 2].map(i => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
  const light = c => { const [r, g, b] = c.map(v => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
                       return .2126 * r + .7152 * g + .0722 * b; };
  const behind = element => {
    if (!element) return [255, 255, 255, 1];
    const own = parse(getComputedStyle(element).backgroundColor);
    return own[3] === 1 ? own : over(own, behind(element.parentElement));
  };
  const faint = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement, text = texts.currentNode.data.trim();
    if (!text || !element.checkVisibility() || element.closest(".weui-hidden_abs, .gw-unseen, noscript, script"))
      continue;
    const under = behind(element), [a, b] = [over(parse(getComputedStyle(element).color), under), under].map(light);
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 3) faint.push(`${ratio.toFixed(1)}: ${text}`);
  }
  return faint;
}"""


HEADINGS = {
    "phone": ("谁在用这部手机？", "谁在用这部手机？"),  # the simulator's own pages are in both languages
    "home": ("王小明，您好！", "王小明，您好！"),
    "notice": ("尚未登录", "Not signed in"),
    "bind": ("绑定账号", "Link your account"),
    "bind-wrong": ("绑定账号", "Link your account"),
    "sms": ("绑定账号", "Link your account"),
    "me": ("我的账号", "My account"),
    "unbind": ("解除绑定？", "Unlink?"),
    "logout": ("退出登录？", "Sign out?"),
    "signed-out": ("已退出登录", "Signed out"),
    "refused": ("请求无法识别", "Request not understood"),
}


@pytest.mark.parametrize(("locale", "language", "scheme"), [("zh-CN", "zh-Hans", "dark"), ("en-US", "en", "light")])
async def test_every_page_of_ours(pick_up: Pick, locale: str, language: str, scheme: str) -> None:
    """Each page is in one language, fits its screen, and can be read in the light and in the dark."""
    phone = await pick_up(locale=locale, color_scheme=scheme)
    page = phone.page
    phone.expected = {400, 401}

    async def inspect(name: str) -> None:
        chinese, english = HEADINGS[name]
        await expect(page.get_by_role("heading").first).to_have_text(english if language == "en" else chinese)
        await phone.look(f"{name}-{language}-{scheme}")
        assert await page.evaluate(CONTRAST) == []
        if chinese != english:
            await phone.speaks_only(language)

    await phone.hand_to("xiaoming")
    await inspect("phone")
    await phone.visit("/_gateway/me")
    await inspect("notice")
    await phone.menu("我的订单")
    await inspect("bind")
    await phone.fill_in("xiaoming", "oolong")
    await expect(page.get_by_role("alert")).to_be_visible()
    await inspect("bind-wrong")
    await phone.choose("sms")
    await expect(page.locator("#phone")).to_be_visible()
    await inspect("sms")
    await phone.choose("password")
    await expect(page.locator("#password")).to_be_visible()
    await phone.fill_in("xiaoming")
    await phone.on("/orders")
    await phone.visit("/")
    await inspect("home")
    await phone.visit("/_gateway/me")
    await inspect("me")
    await phone.press(page.locator("a.weui-btn_warn"))
    await inspect("unbind")
    await phone.visit("/_gateway/logout")
    await inspect("logout")
    await phone.press(phone.submit)
    await inspect("signed-out")
    await phone.visit("/orders%5C..")
    await inspect("refused")
