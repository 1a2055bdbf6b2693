"""Every page and state under axe-core, also those that take an outage, a stranger or two phones to reach.

The pages hang in gallery.py: a new template, notice or fault has to be hung there. What leads people to the pages is
walked in test_looks.py, test_outcomes.py and test_outside.py.
"""

import gzip
import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from playwright.async_api import Browser, expect

from gateway.web.templating import FOLDER

from .gallery import FAULTS, NOTICES, Gallery, gallery
from .phone import PHONE, Phone
from .processes import House, free_ports
from .test_looks import CHINESE, ENGLISH, LAPTOP, SMALL, TRADITIONAL, flaws

pytestmark = pytest.mark.asyncio(loop_scope="package")

SOURCES = FOLDER.parent
LOOKS: Mapping[str, Mapping[str, Any]] = {
    "phone": {"viewport": {"width": 375, "height": 667}},
    "small-dark": {**SMALL, "color_scheme": "dark", "locale": ENGLISH},
    "desktop": {**LAPTOP, "locale": TRADITIONAL},
    "phone-care": {"care": True},
    "small-care-dark": {**SMALL, "care": True, "color_scheme": "dark", "locale": ENGLISH},
}


@pytest_asyncio.fixture(scope="module", loop_scope="package")
async def hung(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Gallery, House]]:
    """The gallery, open to visitors."""
    shown, [port] = gallery(), free_ports(1)
    runner = web.AppRunner(shown.app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    yield shown, House(tmp_path_factory.mktemp("gallery"), port, 0, 0, 0)
    await runner.cleanup()


@pytest.mark.parametrize("look", LOOKS)
async def test_axe_finds_nothing_on_any_page(
    browser: Browser, hung: tuple[Gallery, House], shots: Path, look: str
) -> None:
    """Each page fits its screen, speaks one language, loads nothing foreign, logs nothing, and has no flaw."""
    shown, house = hung
    options = dict(LOOKS[look])
    care = options.pop("care", False)
    context = await browser.new_context(**{**PHONE, **options})
    if care:
        await context.add_cookies([{"name": "gateway_care", "value": "1", "url": house.gateway}])
    phone = Phone(await context.new_page(), house, shots)
    phone.watch()
    phone.expected = set(range(400, 600))
    language = {CHINESE: "zh-Hans", TRADITIONAL: "zh-Hant", ENGLISH: "en"}[options.get("locale", CHINESE)]
    found = []
    for name in shown.shows:
        leaves = name == "proxy/200"  # at once, for an address that keeps it here; it never finishes loading
        await phone.page.goto(f"{house.gateway}/{name}", wait_until="commit" if leaves else "load")
        await expect(phone.page.get_by_role("heading", level=1)).to_be_visible()
        for fold in await phone.page.locator("details").all():
            await fold.evaluate("fold => { fold.open = true; }")
        found += [f"{name}: {flaw}" for flaw in await flaws(phone.page)]
        if wide := await phone.page.evaluate(TOO_WIDE):
            found.append(f"{name}: too wide: {wide}")
        if "snapshot" not in name:  # it quotes a button of WeChat, whose words are Chinese
            await phone.speaks_only(language)
        if "GATEWAY_SCREENSHOTS" in os.environ:
            await phone.look(f"gallery-{name.replace('/', '-')}-{look}")
        large = await phone.page.locator("[data-weui-mode=care]").count()
        assert large == (care and not name.startswith("proxy/")), name
    await context.close()
    phone.check()
    assert found == []


TOO_WIDE = """() => {
  const screen = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *")].filter(element => {
    if (!element.checkVisibility() || element.closest(".gw-unseen, .weui-hidden_abs, svg")) return false;
    const box = element.getBoundingClientRect();
    const cut = element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline"
      && element.tagName !== "INPUT";
    return box.width > 0 && (box.right > screen + 1 || box.left < -1 || cut);
  }).map(element => `${element.tagName}.${element.className}`).join(" ");
}"""


async def test_no_page_is_missing(hung: tuple[Gallery, House]) -> None:
    """Each template, each notice, and each fault that the code knows of hangs in the gallery."""
    names = set(hung[0].shows)
    for template in FOLDER.glob("*.html"):
        assert template.stem == "base" or any(name.partition("-")[0] == template.stem for name in names), template
    assert {f"notice-{word}" for word in NOTICES} <= names
    sources = "".join(path.read_text() for path in SOURCES.glob("*.py"))
    words = set(re.findall(r'\bFault\("(\w+)"', sources)) | set(re.findall(r'\bwrong = "(\w+)"', sources))
    assert words == {word for faults in FAULTS.values() for word in faults}


async def test_every_page_is_light(hung: tuple[Gallery, House]) -> None:
    """No page weighs more than 60 KB with all that it loads, compressed; a logo may have 20 KB of them."""
    shown, house = hung
    weights = {}
    async with ClientSession(house.gateway, auto_decompress=False, headers={"Accept-Encoding": "gzip"}) as client:
        for name in shown.shows:
            async with client.get(f"/{name}") as answer:
                page = await answer.read()
            total = len(gzip.compress(page))
            for address in set(re.findall(r'(?:src|href)="(/_gateway/static/[^"]+)"', page.decode())):
                async with client.get(address) as answer:
                    total += len(await answer.read())
            weights[name] = total
    heaviest = max(weights, key=lambda name: weights[name])
    print(f"the heaviest page is {heaviest}, of {weights[heaviest]} bytes")
    assert weights[heaviest] <= 40 * 1024
