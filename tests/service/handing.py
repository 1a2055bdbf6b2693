"""A desktop browser that wants to be let in, and the phone that may let it in."""

import html
import re
from urllib.parse import urlencode

from .conftest import House
from .raw import CHROME, Answer, Browser, target_of

APPROVE = "/_gateway/handover/approve"
HANDOVER = "/_gateway/handover"
OPEN = 'outside = "handover"'


def desktop_of(house: House) -> Browser:
    """A fresh browser outside WeChat."""
    return Browser(house.port, user_agent=CHROME)


def field_in(page: Answer, name: str) -> str:
    """A hidden field of the page's form."""
    found = re.search(rf'name="{name}" value="([^"]*)"'.encode(), page.body)
    assert found, page.body
    return html.unescape(found[1].decode())


async def begun(desktop: Browser, path: str = "/orders") -> str:
    """Ask for a page, press the button; the key that the code shows. Ours: a test need not read squares."""
    answer = await desktop.get(path)
    assert answer.status == 302, answer.body
    page = await desktop.get(answer.get("location") or "")
    assert page.status == 200, page.body
    form = {name: field_in(page, name) for name in ("token", "return_to")}
    answer = await desktop.post(HANDOVER, urlencode(form).encode())
    assert answer.status == 303, answer.body
    assert answer.get("location") == HANDOVER
    return scanned(desktop)


def scanned(desktop: Browser) -> str:
    """The key in the code on the desktop's screen, by the program's own rule."""
    from gateway.sealing import token_hash

    return token_hash(f"scanned {desktop.jar['gateway_login_handover']}")[:22]


async def question(phone: Browser, key: str) -> Answer:
    """Open what was scanned."""
    return await phone.get(f"{APPROVE}?key={key}")


async def say(phone: Browser, key: str, answer: str, number: str = "", page: Answer | None = None) -> Answer:
    """Press a button of the question."""
    page = page or await question(phone, key)
    form = {"key": key, "token": field_in(page, "token"), "answer": answer, "number": number}
    return await phone.post(APPROVE, urlencode(form).encode())


async def number_on(desktop: Browser) -> str:
    """The number that the desktop shows."""
    page = await desktop.get(HANDOVER)
    found = re.search(rb'class="gw-number"[^>]*>(\d\d)<', page.body)
    assert found, page.body
    return found[1].decode()


async def stage(desktop: Browser) -> bytes:
    """What a script on the desktop is told."""
    return (await desktop.get(HANDOVER, headers={"Accept": "application/json"}, page=False)).body


async def handed_over(house: House, phone: Browser, desktop: Browser, path: str = "/orders") -> Answer:
    """All of it; the desktop's last answer."""
    key = await begun(desktop, path)
    assert (await say(phone, key, "go")).status == 303
    assert (await say(phone, key, "yes", await number_on(desktop))).status == 200
    answer = await desktop.get(HANDOVER)
    assert target_of(answer.get("location") or "", house.origin) == path
    return answer
