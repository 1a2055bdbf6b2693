"""Wherever somebody asked to return to, they end on our own origin: judged by Chromium, which parses as WHATWG says."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from playwright.async_api import async_playwright

from .conftest import House, Open, ticket_in
from .legacy import legacy_of
from .raw import Answer, Browser, target_of

DATA = Path(__file__).parents[1] / "core" / "data" / "open_redirect.jsonl"
ROWS = [json.loads(line) for line in DATA.read_text().splitlines()]
PAYLOADS = list(dict.fromkeys(row["payload"] for row in ROWS))
KEPT = [row["payload"] for row in ROWS if row["expect"] == "kept same-origin" and row["payload"].startswith("/")]
VISIBLE = "".join(map(chr, range(0x21, 0x7F)))
ORACLE = """([locations, base]) => locations.map(
    location => { try { return new URL(location, base).origin } catch { return "not a URL" } })"""


async def origins(locations: list[str], base: str) -> list[str]:
    """Where a browser on a page at `base` would go."""
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = await chromium.new_page()
        found: list[str] = await page.evaluate(ORACLE, [locations, base])
        await chromium.close()
    return found


@pytest.fixture
def fast() -> bool:
    """As in production: own pages are carried the same way without the fast path, and these are many."""
    return True


@dataclass
class Walk:
    """Where people land, by what they asked for and how."""

    house: House
    landed: list[tuple[str, str, str]] = field(default_factory=list)

    def end(self, way: str, payload: str, answer: Answer) -> None:
        """The last answer of a way; one without a Location led nowhere."""
        assert answer.status < 500, (way, payload, answer.status)
        for location in answer.all("location"):
            self.landed.append((way, payload, location))

    async def ask(self, browser: Browser, way: str, payload: str, target: str) -> str | None:
        """Open `target` and dance; the way to the bind page, or None if it ended before."""
        answer = await browser.get(target)
        if "/connect/oauth2/authorize" not in (answer.get("location") or ""):
            self.end(way, payload, answer)
            return None
        answer = await browser.get(await self.house.authorize(answer.get("location") or ""))
        assert answer.status == 302, (way, payload)
        location = answer.get("location") or ""
        if "/_gateway/bind?ticket=" in location:
            return location
        self.end(way, payload, answer)
        return None


async def test_all_return_addresses_stay_on_our_origin(open_house: Open) -> None:
    """Each hostile address as /login's, as the page first asked for, as /bind's; through the form, and bound."""
    async with legacy_of(passwords={"xiaoming:secret": "1001"}) as legacy:
        house: House = await open_house(password=legacy.password)
        walk = Walk(house)
        forms: list[tuple[str, str, Browser, str]] = []
        for payload in PAYLOADS:
            query = urlencode({"return_to": payload})
            for way, target in (
                ("login", f"/_gateway/login?{query}"),
                ("address", quote(payload.partition("#")[0], safe=VISIBLE) or "/"),
            ):
                browser = house.browser()
                if location := await walk.ask(browser, way, payload, target):
                    forms.append((way, payload, browser, location))
            browser = house.browser()
            await house.dance(browser, "/wechat/x")
            answer = await browser.get(f"/_gateway/bind?{query}")
            if "/_gateway/bind?ticket=" in (answer.get("location") or ""):
                forms.append(("bind", payload, browser, answer.get("location") or ""))
        for way, payload, browser, location in forms:
            page = await browser.get(target_of(location, house.origin))
            form = {"ticket": ticket_in(page), "username": "xiaoming", "password": "secret", "consent": "1"}
            answer = await browser.post("/_gateway/bind", urlencode(form | {"return_to": payload}).encode())
            assert answer.status == 303, (way, payload, answer.body)
            walk.end(f"{way}, form", payload, answer)
        bound = house.browser()
        for payload in PAYLOADS:
            query = urlencode({"return_to": payload})
            await walk.ask(bound, "login, bound", payload, f"/_gateway/login?{query}")
            walk.end("bind, bound", payload, await bound.get(f"/_gateway/bind?{query}"))
    judged = await origins([location for _, _, location in walk.landed], f"{house.origin}/_gateway/callback")
    strays = [row for row, origin in zip(walk.landed, judged, strict=True) if origin != house.origin]
    assert strays == []
    for way in ("login, form", "bind, form", "login, bound", "bind, bound"):
        at = {payload: location for each, payload, location in walk.landed if each == way}
        assert set(at) == set(PAYLOADS), way
        for payload in KEPT:
            assert at[payload] == payload + ("" if "#" in payload else "#"), way
    assert len({payload for way, payload, _ in walk.landed if way == "address, form"}) >= 20


async def test_the_oracle_sees_what_leaves() -> None:
    """The same judge says of the raw addresses that most would leave."""
    found = await origins([row["payload"] for row in ROWS], "https://gw.test/x")
    strays = [row["class"] for row, origin in zip(ROWS, found, strict=True) if origin != "https://gw.test"]
    assert len(strays) > 60
    assert {"absolute", "backslash", "scheme-relative"} <= set(strays)
