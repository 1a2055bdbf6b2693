"""A browser in somebody's hand: what they do with it, what the tests see of it, and what must never happen in it."""

import asyncio
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.async_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response, expect

from .processes import House

# The documented user agent of WeChat on iOS.
WECHAT_IOS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148 MicroMessenger/8.0.50(0x18003234) NetType/WIFI Language/zh_CN"
)
PHONE = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
    "user_agent": WECHAT_IOS,
    "locale": "zh-CN",
}
DESKTOP = {"viewport": {"width": 1280, "height": 860}, "locale": "zh-CN"}

NAMES = {"xiaoming": "小明", "xiaohong": "小红", "alice": "Alice"}
PASSWORDS = {"xiaoming": "longjing", "xiaohong": "puer", "alice": "earlgrey"}

_CHINESE = re.compile(r"[\u3400-\u9fff]")
_ENGLISH = re.compile(r"\b[A-Za-z]{3,}\b")
_NAMES = {"iPhone", "name", "roles", "OpenID"}  # of devices, of claims, and WeChat's own word
_FAILED = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


@dataclass(frozen=True, slots=True)
class Step:
    """One answer to a navigation: its status, origin's name, path and query."""

    status: int
    where: str  # "gateway", "wechat" or "legacy"
    path: str
    query: str

    def __str__(self) -> str:
        return f"{self.status} {self.where}{self.path}"


@dataclass
class Phone:
    """One page in a fresh context. `steps` are the answers to its navigations, in order."""

    page: Page
    house: House
    shots: Path
    steps: list[Step] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)  # statuses >= 400 that this test provokes
    complaints: list[str] = field(default_factory=list)

    @property
    def origins(self) -> dict[str, str]:
        """The only origins that any page may ask for anything."""
        return {self.house.gateway: "gateway", self.house.wechat: "wechat", self.house.legacy: "legacy"}

    @property
    def context(self) -> BrowserContext:
        """The browser's cookies and settings."""
        return self.page.context

    def watch(self) -> None:
        """Record what happens from now on."""
        self.page.on("request", self._on_request)
        self.page.on("response", self._on_response)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script error: {error}"))

    def _on_request(self, request: Request) -> None:
        origin = "{0.scheme}://{0.netloc}".format(urlsplit(request.url))
        if origin not in self.origins and not request.url.startswith("data:"):
            self.complaints.append(f"a request to a stranger: {request.url}")

    def _on_response(self, response: Response) -> None:
        if response.request.is_navigation_request():
            parts = urlsplit(response.url)
            where = self.origins.get(f"{parts.scheme}://{parts.netloc}", parts.netloc)
            self.steps.append(Step(response.status, where, parts.path, parts.query))

    def _on_console(self, message: ConsoleMessage) -> None:
        failed = _FAILED.search(message.text)
        if message.type in ("error", "warning") and not (failed and int(failed[1]) in self.expected):
            self.complaints.append(f"console: {message.text} ({message.location.get('url')})")

    # --- what people do -----------------------------------------------------------------------------

    async def press(self, target: Locator) -> None:
        """A finger on a phone, a mouse elsewhere."""
        touch = await self.page.evaluate("navigator.maxTouchPoints > 0")
        await (target.tap() if touch else target.click())

    async def hand_to(self, who: str) -> None:
        """Open the phone page and pick who holds it."""
        await self.page.goto(f"{self.house.wechat}/")
        await self.press(self.page.get_by_role("button", name=NAMES[who]))
        await expect(self.page.locator(".people .here")).to_contain_text(NAMES[who])

    async def menu(self, entry: str) -> None:
        """Open the phone page and tap an entry of the official account's menu."""
        await self.page.goto(f"{self.house.wechat}/")
        await self.press(self.page.get_by_role("navigation").get_by_role("link", name=entry))

    async def misbehave(self, fault: str, on: bool) -> None:
        """Switch one of WeChat's faults on or off, on the phone page."""
        await self.page.goto(f"{self.house.wechat}/")
        button = self.page.get_by_role("button", name=fault)
        await self.press(button)
        await expect(button).to_have_attribute("aria-pressed", "true" if on else "false")

    async def visit(self, path: str) -> Response | None:
        """Open a page of the gateway's origin by its address."""
        return await self.page.goto(f"{self.house.gateway}{path}")

    async def fill_in(self, username: str, password: str | None = None, *, agree: bool = True) -> None:
        """Fill in the bind page's password form and send it."""
        await self.page.locator("#username").fill(username)
        await self.page.locator("#password").fill(PASSWORDS[username] if password is None else password)
        if agree:
            await self.page.locator("#consent").check()
        await self.press(self.submit)

    async def choose(self, method: str) -> None:
        """Tap the tab of a way to bind: password or sms."""
        await self.press(self.page.locator(f"label[for=method-{method}]"))

    @property
    def submit(self) -> Locator:
        """The button that binds."""
        return self.page.locator("button.weui-btn_primary")

    async def bound(self, who: str = "xiaoming", entry: str = "个人中心") -> None:
        """Walk the whole way to a page of the legacy application."""
        await self.hand_to(who)
        await self.menu(entry)
        await self.on("/_gateway/bind")
        await self.fill_in(who)

    # --- what the tests see -------------------------------------------------------------------------

    async def on(self, path: str) -> None:
        """Wait for a page of the gateway's origin; the query does not matter."""
        await expect(self.page).to_have_url(re.compile(re.escape(self.house.gateway + path) + r"([?#].*)?$"))

    async def look(self, name: str) -> None:
        """Take a picture, and fail if the page is wider than its screen."""
        await self.page.screenshot(path=self.shots / f"{name}.png", full_page=True, animations="disabled")
        wide = await self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0, f"{name} is {wide} px too wide"

    async def speaks_only(self, language: str) -> None:
        """Fail if the page mixes Chinese and English."""
        text = await self.page.locator("body").inner_text()
        for name in await self.page.locator("[translate=no]").all_inner_texts():
            text = text.replace(name, "")
        assert await self.page.locator("html").get_attribute("lang") == language
        found = [word for word in (_CHINESE if language == "en" else _ENGLISH).findall(text) if word not in _NAMES]
        assert not found, f"{found} in {text!r}"

    def since(self, mark: int) -> list[str]:
        """The steps after the first `mark`, as text."""
        return [str(step) for step in self.steps[mark:]]

    async def settled(self) -> None:
        """Wait until the page asks for nothing more."""
        await self.page.wait_for_load_state("networkidle")

    def check(self) -> None:
        """Fail for anything that must never happen in any test."""
        assert not self.complaints, "\n".join(self.complaints)


async def code_from(house: House, after: int) -> str:
    """The SMS code that the gateway's log shows behind its first `after` characters."""
    async with asyncio.timeout(10):
        while True:
            if found := re.search(r"the code for the phone that ends in \d{4} is (\d{6})", house.log[after:]):
                return found[1]
            await asyncio.sleep(0.02)  # between two looks into another process's file
