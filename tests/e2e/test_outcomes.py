"""What comes of a bind, and what one may see and end, in a real browser: with and without scripts, light and dark."""

from collections.abc import Iterator

import pytest
from playwright.async_api import expect

from .conftest import Pick
from .phone import Phone
from .processes import House, open_house

pytestmark = pytest.mark.asyncio(loop_scope="package")

_NOTICE = """[bind.notice]
controller = "云杉茶庄有限公司"
contact = "021-5555 0100"

# Tells the legacy system of binds and unbinds, so that it can tell its user.
[bind.hook]
url = "http://127.0.0.1:8070/internal/binds"
"""


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The demo, where a person may replace a WeChat, with a page behind a bind, a notice of its own and a hook."""
    changes = {
        '#on_conflict = "refuse"': 'on_conflict = "replace"',
        '#success = "redirect"': 'success = "page"',
        'privacy_url = "/privacy"': "",
        "#[bind.notice]": _NOTICE + "#[bind.notice]",
    }
    with open_house(tmp_path_factory.mktemp("replacing"), changes) as house:
        yield house


async def proven_elsewhere(pick_up: Pick, **options: object) -> tuple[Phone, Phone]:
    """Xiaoming is bound on his own phone; Alice's phone has just proven to be him."""
    first, second = await pick_up(), await pick_up(**options)
    second.expected = {401, 409}
    await first.bound()
    await first.on("/_gateway/bind/done")
    await second.hand_to("alice")
    await second.menu("我的订单")
    await second.on("/_gateway/bind")
    await second.fill_in("xiaoming")
    await expect(second.page.get_by_role("heading")).to_be_visible()
    return first, second


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_a_wechat_is_replaced_by_confirmation(pick_up: Pick, scripts: bool) -> None:
    """The page that asks, the page that says it is done, the way on; the older phone has to bind again."""
    first, second = await proven_elsewhere(pick_up, java_script_enabled=scripts)
    page = second.page
    await expect(page.get_by_role("heading")).to_have_text("该账号已绑定其他微信")
    await second.speaks_only("zh-Hans")
    await second.look("conflict-replace" if scripts else "conflict-replace-no-scripts")
    await second.press(page.get_by_role("button", name="用当前微信替换原来的微信"))
    await second.on("/_gateway/bind/done")
    await expect(page.get_by_role("status")).to_contain_text("绑定成功")
    await second.look("done")
    await second.press(page.get_by_role("link", name="继续"))
    await second.on("/orders")
    await first.menu("我的订单")
    await first.on("/_gateway/bind")
    told = await first.page.goto(f"{first.house.legacy}/internal/outbox")
    assert told
    await expect(first.page.locator("body")).to_contain_text("您的账号已改为绑定另一个微信。")


@pytest.mark.parametrize(("locale", "language", "scheme"), [("zh-TW", "zh-Hant", "dark"), ("en-US", "en", "light")])
async def test_one_may_take_another_account_instead(pick_up: Pick, locale: str, language: str, scheme: str) -> None:
    """Nothing was replaced; the form comes back under the same ticket."""
    first, second = await proven_elsewhere(pick_up, locale=locale, color_scheme=scheme)
    await second.look(f"conflict-{language}-{scheme}")
    await second.press(second.page.locator("form[method=get] button"))
    await second.on("/_gateway/bind")
    await second.fill_in("alice")
    await second.on("/_gateway/bind/done")
    await second.look(f"done-{language}-{scheme}")
    await first.visit("/_gateway/me")
    await expect(first.page.locator("body")).to_contain_text("1•••1")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
async def test_my_account(pick_up: Pick, scripts: bool) -> None:
    """What is kept, two sessions of which one is ended from here, and the unbind that asks first."""
    phone, desktop = await pick_up(java_script_enabled=scripts), await pick_up(user_agent="MicroMessenger Windows NT")
    page = phone.page
    desktop.expected = {401}
    await phone.bound()
    await phone.on("/_gateway/bind/done")
    await desktop.hand_to("xiaoming")
    await desktop.menu("我的订单")
    await desktop.on("/orders")
    await phone.visit("/_gateway/me")
    for words in ("1•••1", "密码", "版本 1", "name, roles", "本机"):
        await expect(page.locator("body")).to_contain_text(words)
    await phone.speaks_only("zh-Hans")
    await phone.look("me-two-sessions" if scripts else "me-two-sessions-no-scripts")
    await phone.press(page.get_by_role("listitem").get_by_role("button"))
    await expect(page.get_by_role("listitem")).to_have_count(1)
    await desktop.visit("/_gateway/me")
    await expect(desktop.page.get_by_role("heading")).to_have_text("尚未登录")

    await phone.press(page.get_by_role("link", name="解除绑定"))
    await expect(page.get_by_role("heading")).to_have_text("解除绑定？")
    await phone.look("unbind")
    await phone.press(page.get_by_role("link", name="取消"))
    await expect(page.get_by_role("heading", level=1)).to_have_text("我的账号")
    await phone.press(page.get_by_role("link", name="解除绑定"))
    await expect(page.get_by_role("heading")).to_have_text("解除绑定？")
    await phone.press(page.get_by_role("button", name="确认解除绑定"))
    await expect(page.locator("body")).to_contain_text("当前微信尚未绑定账号。")


async def test_log_out_everywhere(pick_up: Pick) -> None:
    """One button; the other phone has to dance again."""
    phone, other = await pick_up(), await pick_up()
    other.expected = {401}
    await phone.bound()
    await phone.on("/_gateway/bind/done")
    await other.hand_to("xiaoming")
    await other.menu("我的订单")
    await other.on("/orders")
    await phone.visit("/_gateway/me")
    await phone.press(phone.page.get_by_role("button", name="退出所有设备"))
    await expect(phone.page.get_by_role("heading")).to_have_text("已在所有设备退出")
    await phone.look("signed-out-everywhere")
    await other.visit("/_gateway/me")
    await expect(other.page.get_by_role("heading")).to_have_text("尚未登录")


async def test_the_form_that_has_done_its_work(pick_up: Pick) -> None:
    """Back to the form after a bind: it says that all is well, not that something went wrong."""
    phone = await pick_up()
    phone.expected = {410}
    await phone.hand_to("xiaoming")
    await phone.menu("我的订单")
    await phone.on("/_gateway/bind")
    address = phone.page.url
    await phone.fill_in("xiaoming")
    await phone.on("/_gateway/bind/done")
    await phone.page.goto(address)
    await expect(phone.page.get_by_role("heading")).to_have_text("已经绑定好了")
    await phone.look("already-bound")


async def test_the_privacy_notice(pick_up: Pick) -> None:
    """From the box on the bind page: who, why, what, how long, which rights."""
    phone = await pick_up()
    await phone.hand_to("xiaoming")
    await phone.menu("我的订单")
    await phone.on("/_gateway/bind")
    await expect(phone.page.locator("#consent")).not_to_be_checked()
    await phone.press(phone.page.get_by_role("link", name="《隐私政策》"))
    await phone.on("/_gateway/privacy")
    await expect(phone.page.locator("body")).to_contain_text("云杉茶庄有限公司")
    await expect(phone.page.get_by_role("heading", level=2)).to_have_count(5)
    await phone.look("privacy")
