"""Every page of ours under axe-core, at every size, in the light and the dark, in every language, in large type.

To add a page, add one line to STATES: a name, and a function that leads a phone there (a state that follows another is a
line behind it). Each state is then looked at by axe-core in each of LOOKS, must fit its screen, be in one language, and
leaves a picture named after state and look in $GATEWAY_SCREENSHOTS: look at it.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.async_api import Page, expect

from .conftest import Pick
from .phone import DESKTOP, PASSWORDS, WECHAT_IOS, Phone

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


async def fill(phone: Phone, username: str, password: str) -> None:
    """Send the password form, as it is on whichever page."""
    await phone.page.locator("#username").fill(username)
    await phone.page.locator("#password").fill(password)
    await phone.page.locator("#consent").check()
    await phone.press(phone.submit)


async def signed_out(phone: Phone) -> None:
    await phone.visit("/_gateway/me")


async def bind(phone: Phone) -> None:
    await phone.hand_to("xiaoming")
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


async def ticket_gone(phone: Phone) -> None:
    await phone.visit("/_gateway/bind?ticket=spent")


async def me(phone: Phone) -> None:
    await phone.visit("/orders")
    await phone.on("/_gateway/bind")
    await fill(phone, "xiaoming", PASSWORDS["xiaoming"])
    await phone.on("/orders")
    await phone.visit("/_gateway/me")


async def me_unbind(phone: Phone) -> None:
    await phone.press(phone.page.locator("summary"))


async def me_unbound(phone: Phone) -> None:
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
    await phone.hand_to("xiaoming")
    await away(phone, "快照页")


async def wechat_config(phone: Phone) -> None:
    await phone.hand_to("xiaoming")
    await away(phone, "返回错误码")


async def wechat_busy(phone: Phone) -> None:
    await phone.hand_to("xiaoming")
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
    """What axe-core finds on the page. It is given past the page's content policy, which lets no stranger's script in."""
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
        cookie = {"name": "gateway_care", "value": "1", "url": f"{phone.house.gateway}/_gateway"}
        await phone.context.add_cookies([cookie])
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
