"""A desktop outside WeChat, a phone inside, and the hand-over between them, in real browsers."""

import asyncio
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.async_api import expect

from .conftest import Pick
from .phone import DESKTOP, Phone
from .processes import House, open_house

pytestmark = pytest.mark.asyncio(loop_scope="package")

CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
OUTSIDE: dict[str, Any] = {
    **DESKTOP, "user_agent": CHROME, "device_scale_factor": 1, "is_mobile": False, "has_touch": False
}  # fmt: skip
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1"


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house of its own: the demo, but for what browsers outside WeChat get."""
    with open_house(tmp_path_factory.mktemp("outside"), {'outside = "wechat"': 'outside = "handover"'}) as house:
        yield house


async def seen(desktop: Phone) -> str:
    """What a camera reads off the screen."""
    picture = desktop.shots / "camera.png"
    await desktop.page.screenshot(path=picture)
    read = await asyncio.to_thread(
        subprocess.run, ["zbarimg", "--quiet", "--raw", picture], check=True, capture_output=True
    )
    return read.stdout.decode().strip()


async def bound(phone: Phone) -> None:
    """A phone whose person is bound."""
    await phone.bound()
    await phone.on("/")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "plain"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_whole_way(pick_up: Pick, scripts: bool, scheme: str) -> None:
    """The desktop shows, the phone scans, says yes and types; the desktop follows by itself and is let in."""
    options = {"java_script_enabled": scripts, "color_scheme": scheme}
    phone, desktop = await pick_up(**options), await pick_up(**{**OUTSIDE, **options})
    kind = scheme if scripts else f"{scheme}-plain"
    await (phone.bound() if scripts else plain_bound(phone))
    await phone.on("/")
    await desktop.visit("/orders")
    await desktop.look(f"handover-1-start-{kind}")
    await desktop.page.get_by_role("button", name="显示二维码").click()
    await desktop.on("/_gateway/handover")
    await expect(desktop.page.get_by_role("heading")).to_have_text("请用微信扫一扫")
    await desktop.speaks_only("zh-Hans")
    await desktop.look(f"handover-2-code-{kind}")
    address = await seen(desktop)
    assert re.fullmatch(
        re.escape(desktop.house.gateway) + r"/_gateway/handover/approve\?key=[A-Za-z0-9_-]{22}", address
    )
    await phone.page.goto(address)
    await phone.on("/_gateway/handover/approve")
    await expect(phone.page.locator("body")).to_contain_text("Windows")
    await expect(phone.page.locator("body")).to_contain_text("127.0.0.1")
    await phone.look(f"handover-3-question-{kind}")
    await phone.press(phone.page.get_by_role("button", name="屏幕就在我面前"))
    await expect(desktop.page.get_by_role("heading")).to_have_text("请在手机上输入此数字")
    await desktop.look(f"handover-4-number-{kind}")
    number = (await desktop.page.locator(".gw-number").inner_text()).strip()
    await phone.page.get_by_label("数字").fill(number)
    await phone.look(f"handover-5-typing-{kind}")
    await phone.press(phone.page.get_by_role("button", name="确认登录"))
    await expect(phone.page.get_by_role("heading")).to_have_text("那边已登录")
    await phone.look(f"handover-6-done-{kind}")
    await desktop.on("/orders")
    await expect(desktop.page.get_by_role("heading", level=1)).to_have_text("王小明的订单")
    await desktop.look(f"handover-7-in-{kind}")


async def plain_bound(phone: Phone) -> None:
    """As `bound`, where scripts do not run."""
    await phone.hand_to("xiaoming")
    await phone.menu("个人中心")
    await phone.on("/_gateway/bind")
    await phone.fill_in("xiaoming")


async def test_a_wrong_number(pick_up: Pick) -> None:
    """Both sides are told, nobody is let in, and starting again is one press."""
    phone, desktop = await pick_up(), await pick_up(**OUTSIDE)
    phone.expected = desktop.expected = {403}
    await bound(phone)
    await desktop.visit("/orders")
    await desktop.page.get_by_role("button", name="显示二维码").click()
    await desktop.on("/_gateway/handover")
    await phone.page.goto(await seen(desktop))
    await phone.press(phone.page.get_by_role("button", name="屏幕就在我面前"))
    await expect(desktop.page.locator(".gw-number")).to_be_visible()
    number = int(await desktop.page.locator(".gw-number").inner_text())
    await phone.page.get_by_label("数字").fill(f"{(number + 1) % 100:02}")
    await phone.press(phone.page.get_by_role("button", name="确认登录"))
    await expect(phone.page.get_by_role("heading")).to_have_text("数字不对")
    await phone.look("handover-mistake-phone")
    await expect(desktop.page.get_by_role("heading")).to_have_text("数字不对")
    await desktop.look("handover-mistake-desktop")
    await desktop.page.get_by_role("link", name="重新开始").click()
    await expect(desktop.page.get_by_role("button", name="显示二维码")).to_be_visible()


async def test_a_no(pick_up: Pick) -> None:
    """The phone declines; the desktop says so by itself."""
    phone, desktop = await pick_up(), await pick_up(**OUTSIDE, color_scheme="dark")
    desktop.expected = {403}
    await bound(phone)
    await desktop.visit("/orders")
    await desktop.page.get_by_role("button", name="显示二维码").click()
    await desktop.on("/_gateway/handover")
    await phone.page.goto(await seen(desktop))
    await phone.press(phone.page.get_by_role("button", name="拒绝"))
    await expect(phone.page.get_by_role("heading")).to_have_text("已拒绝")
    await phone.look("handover-declined-phone")
    await expect(desktop.page.get_by_role("heading")).to_have_text("手机上已拒绝")
    await desktop.look("handover-declined-desktop")


@pytest.mark.parametrize("width", [320, 390])
async def test_a_phone_outside_wechat(pick_up: Pick, width: int) -> None:
    """The address to copy comes first; the code for another phone is folded away, and readable."""
    other = await pick_up(user_agent=SAFARI, viewport={"width": width, "height": 700})
    await other.visit("/orders")
    await expect(other.page.get_by_role("heading")).to_have_text("请在微信中打开")
    await expect(other.page.locator(".gw-address")).to_have_text(f"{other.house.gateway}/orders")
    await other.look(f"outside-phone-{width}")
    await other.press(other.page.locator("summary"))
    await other.look(f"outside-phone-code-{width}")
    assert await seen(other) == f"{other.house.gateway}/orders"


@pytest.mark.parametrize("language", ["en", "zh-TW"])
async def test_other_languages(pick_up: Pick, language: str) -> None:
    """The pages of both sides in English and traditional Chinese, on the narrowest phone."""
    phone = await pick_up(locale=language, viewport={"width": 320, "height": 640})
    desktop = await pick_up(**{**OUTSIDE, "locale": language})
    await bound(phone)
    await desktop.visit("/orders")
    await desktop.look(f"handover-start-{language}")
    await desktop.page.locator("button.weui-btn_primary").click()
    await desktop.on("/_gateway/handover")
    await desktop.look(f"handover-code-{language}")
    await phone.page.goto(await seen(desktop))
    await phone.look(f"handover-question-{language}-320")
    await phone.press(phone.page.locator("button.weui-btn_primary"))
    await expect(desktop.page.locator(".gw-number")).to_be_visible()
    await phone.look(f"handover-typing-{language}-320")
