"""Every page of ours under axe-core, at every size, in the light and the dark, in every language, in large type.

To add a page, add one line to STATES: a name, and a function that leads a phone there (a state that follows another
is a line behind it). Each state is then looked at by axe-core in each of LOOKS, must fit its screen, be in one
language, and leaves a picture named after state and look in $GATEWAY_SCREENSHOTS: look at it (tools/pictures.sh).
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.async_api import Browser, Page, expect

from .conftest import Pick
from .phone import DESKTOP, PASSWORDS, PHONE, WECHAT_IOS, Phone
from .processes import open_house

pytestmark = pytest.mark.asyncio(loop_scope="package")

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
RULES = """async () => {
  const found = await axe.run(document, { resultTypes: ["violations"] });
  return found.violations.map(v => `${v.id}: ${v.nodes.map(n => n.target + " " + n.failureSummary).join("; ")}`);
}"""

SMALL = {"viewport": {"width": 320, "height": 568}}
LAPTOP = {**DESKTOP, "user_agent": WECHAT_IOS, "is_mobile": False, "has_touch": False, "device_scale_factor": 1}
CHINESE, TRADITIONAL, ENGLISH = "zh-CN", "zh-TW", "en-US"

LOOKS: dict[str, dict[str, Any]] = {
    "phone-light": {},
    "phone-dark": {"viewport": {"width": 375, "height": 667}, "color_scheme": "dark", "locale": TRADITIONAL},
    "phone-care": {"care": True},
    "phone-care-dark": {"care": True, "color_scheme": "dark", "locale": ENGLISH},
    "small-english": {**SMALL, "locale": ENGLISH},
    "small-care": {**SMALL, "care": True, "locale": TRADITIONAL},
    "desktop-light": {**LAPTOP, "locale": ENGLISH},
    "desktop-dark": {**LAPTOP, "color_scheme": "dark"},
}


async def hand(phone: Phone, who: str) -> None:
    """Hand the phone to somebody, who gets it without cookies but for the size of its type."""
    care = "gateway_care" in [cookie.get("name") for cookie in await phone.context.cookies()]
    await phone.hand_to(who)
    if care:
        await large_type(phone)


async def large_type(phone: Phone) -> None:
    """Choose it, as the switch at the foot of a page does."""
    cookie = {"name": "gateway_care", "value": "1", "url": f"{phone.house.gateway}/_gateway"}
    await phone.context.add_cookies([cookie])


async def fill(phone: Phone, username: str, password: str) -> None:
    """Send the password form, as it is on whichever page."""
    await phone.page.locator("#username").fill(username)
    await phone.page.locator("#password").fill(password)
    await phone.page.locator("#consent").check()
    await phone.press(phone.submit)


async def signed_out(phone: Phone) -> None:
    await phone.visit("/_gateway/me")


async def bind(phone: Phone) -> None:
    await hand(phone, "xiaoming")
    await phone.visit("/orders")
    await phone.on("/_gateway/bind")


async def bind_empty(phone: Phone) -> None:
    await phone.press(phone.submit)
    await expect(phone.page.get_by_role("alert").first).to_be_visible()


async def bind_wrong(phone: Phone) -> None:
    await fill(phone, "xiaoming", "oolong")
    await expect(phone.page.locator("#fault")).to_be_visible()


async def bind_no_consent(phone: Phone) -> None:
    await phone.page.locator("#password").fill("oolong")
    await phone.page.locator("#consent").evaluate("box => { box.required = box.checked = false; }")
    await phone.press(phone.submit)
    await expect(phone.page.locator("#fault")).to_be_visible()


async def bind_incomplete(phone: Phone) -> None:
    await phone.page.locator("#consent").check()
    await phone.page.locator("form[data-check]").evaluate("form => form.submit()")
    await expect(phone.page.locator("#fault")).to_be_visible()


async def sms(phone: Phone) -> None:
    await phone.choose("sms")


async def sms_bad_phone(phone: Phone) -> None:
    await phone.page.locator("#phone").fill("12345")
    await phone.press(phone.page.locator(".weui-vcode-btn"))
    await expect(phone.page.get_by_role("alert")).to_be_visible()


async def sms_sent(phone: Phone) -> None:
    await phone.page.locator("#phone").fill("13800138001")
    await phone.press(phone.page.locator(".weui-vcode-btn"))
    await expect(phone.page.get_by_role("status")).to_be_visible()


async def sms_wrong(phone: Phone) -> None:
    await phone.page.locator("#consent").check()
    await phone.page.locator("#code").fill("000000")
    await phone.press(phone.submit)
    await expect(phone.page.locator("#fault")).to_be_visible()


async def conflict(phone: Phone) -> None:
    """Somebody else's account, proven with its password."""
    await hand(phone, "xiaohong")
    await phone.context.clear_cookies(name="gateway_session")
    await phone.visit("/orders")
    await phone.on("/_gateway/bind")
    await fill(phone, "xiaoming", PASSWORDS["xiaoming"])
    await expect(phone.page.locator(".weui-icon-warn")).to_be_visible()


async def ticket_gone(phone: Phone) -> None:
    await phone.visit("/_gateway/bind?ticket=spent")


async def me(phone: Phone) -> None:
    await phone.visit("/orders")
    await phone.on("/_gateway/bind")
    await fill(phone, "xiaoming", PASSWORDS["xiaoming"])
    await phone.on("/orders")
    await phone.visit("/_gateway/me")


async def me_unbind(phone: Phone) -> None:
    await phone.visit("/_gateway/me/unbind")


async def me_unbound(phone: Phone) -> None:
    await hand(phone, "xiaoming")
    await phone.context.clear_cookies(name="gateway_session")
    await phone.visit("/orders")
    await me_unbind(phone)
    await phone.press(phone.page.locator(".weui-btn_warn"))
    await expect(phone.page.locator(".weui-btn_primary")).to_be_visible()


async def logout(phone: Phone) -> None:
    await phone.visit("/_gateway/logout")


async def logged_out(phone: Phone) -> None:
    await phone.press(phone.submit)
    await expect(phone.page.locator(".weui-icon-success")).to_be_visible()


async def not_found(phone: Phone) -> None:
    await phone.visit("/_gateway/nowhere")


async def refused(phone: Phone) -> None:
    await phone.visit("/orders%5C..")


async def refused_post(phone: Phone) -> None:
    await phone.context.clear_cookies(name="gateway_session")
    await phone.page.evaluate("""() => {
      document.body.innerHTML = "<form method=post action=/form><button>x</button></form>";
      document.forms[0].submit();
    }""")
    await phone.page.wait_for_url("**/form")


async def away(phone: Phone, fault: str) -> None:
    """A fault of WeChat, met by somebody who is signed out."""
    await phone.misbehave(fault, True)
    await phone.context.clear_cookies(name="gateway_session")
    await phone.visit("/orders")
    await phone.page.request.post(f"{phone.house.wechat}/sim/reset")


async def snapshot(phone: Phone) -> None:
    await hand(phone, "xiaoming")
    await away(phone, "快照页")


async def wechat_config(phone: Phone) -> None:
    await hand(phone, "xiaoming")
    await away(phone, "返回错误码")


async def wechat_busy(phone: Phone) -> None:
    await hand(phone, "xiaoming")
    await away(phone, "系统繁忙")


SMALL_PAGES = ("refused", "refused-post")  # the proxy's own, which load nothing
State = Callable[[Phone], Awaitable[None]]
STATES: dict[str, State] = {
    "signed-out": signed_out,
    "bind": bind,
    "bind-empty": bind_empty,
    "bind-wrong": bind_wrong,
    "bind-no-consent": bind_no_consent,
    "bind-incomplete": bind_incomplete,
    "sms": sms,
    "sms-bad-phone": sms_bad_phone,
    "sms-sent": sms_sent,
    "sms-wrong": sms_wrong,
    "ticket-gone": ticket_gone,
    "me": me,
    "me-unbind": me_unbind,
    "conflict": conflict,
    "me-unbound": me_unbound,
    "logout": logout,
    "logged-out": logged_out,
    "not-found": not_found,
    "snapshot": snapshot,
    "wechat-config": wechat_config,
    "wechat-busy": wechat_busy,
    "refused-post": refused_post,
    "refused": refused,
}


async def flaws(page: Page) -> list[str]:
    """What axe-core finds on the page. It comes in past the content policy, which lets in no stranger's script."""
    await page.evaluate(AXE)
    found: list[str] = await page.evaluate(RULES)
    return found


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing(pick_up: Pick, look: str) -> None:
    """No page, in no state and no look, has a flaw that axe-core knows of; each fits and speaks one language."""
    options = dict(LOOKS[look])
    care = options.pop("care", False)
    phone = await pick_up(**options)
    phone.expected = {400, 401, 404, 409, 410, 422, 502, 503}
    if care:
        await large_type(phone)
    language = {CHINESE: "zh-Hans", TRADITIONAL: "zh-Hant", ENGLISH: "en"}[options.get("locale", CHINESE)]
    found = []
    for name, lead in STATES.items():
        await lead(phone)
        await phone.look(f"{name}-{look}")
        if name != "snapshot":  # it quotes a button of WeChat, whose words are Chinese
            await phone.speaks_only(language)
        found += [f"{name}: {flaw}" for flaw in await flaws(phone.page)]
        assert await phone.page.locator("[data-weui-mode=care]").count() == (care and name not in SMALL_PAGES), name
    assert found == []


LOGO = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 40"><style>.a{fill:#0052d9}</style>
<rect class="a" width="40" height="40" rx="8"/><path d="M10 28 20 10l10 18z" fill="#fff"/>
<path class="a" d="M52 12h100v5H52zM52 24h70v5H52z"/></svg>"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_look_of_ones_own(browser: Browser, shots: Path, tmp_path: Path, scheme: str) -> None:
    """Name, logo, colours, words, one method only: the page shows them, has the colour, and axe-core finds nothing."""
    (tmp_path / "logo.svg").write_text(LOGO)
    own = (
        'brand = "示例学院"\nlogo = "logo.svg"\ncolor = "#0052d9"\ncolor_dark = "#2662d9"\n'
        'texts = { zh-Hans = { "bind.title" = "绑定职工账号", "bind.username" = "工号" } }'
    )
    with open_house(tmp_path, {'#brand = ""': own, 'methods = ["password", "sms"]': 'methods = ["password"]'}) as house:
        context = await browser.new_context(**PHONE, color_scheme=scheme)
        phone = Phone(await context.new_page(), house, shots)
        phone.watch()
        phone.expected = {401}
        await bind(phone)
        await expect(phone.page.get_by_role("heading")).to_have_text("绑定职工账号")
        await expect(phone.page.locator("header")).to_have_text("示例学院")
        assert await phone.page.locator(".gw-logo").evaluate("logo => logo.complete && logo.naturalWidth > 0")
        assert await phone.page.locator(".gw-tabs, .gw-method[type=radio]").count() == 0
        color = {"light": "rgb(0, 82, 217)", "dark": "rgb(38, 98, 217)"}[scheme]
        await expect(phone.submit).to_have_css("background-color", color)
        await phone.look(f"own-bind-{scheme}")
        assert await flaws(phone.page) == []
        await bind_wrong(phone)
        await phone.look(f"own-bind-wrong-{scheme}")
        assert await flaws(phone.page) == []
        await context.close()
        phone.check()
