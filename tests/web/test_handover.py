"""Hand-overs under an injected clock: who may begin, answer and take, and for how long."""

import html
import re
import sqlite3
from typing import Any

import pytest

from gateway.core.identity import HANDOVER
from gateway.core.outside import Outside
from gateway.web.parts import Limits

from .conftest import JSON, Answer, Browser, House, Opened

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36"
COOKIE = "__Host-gateway_login_handover"
WAIT, ASK = "/_gateway/handover", "/_gateway/handover/approve"
LIFE = 120


@pytest.fixture
async def house(open_house: Opened) -> House:
    opened: House = await open_house(outside={"main": Outside.HANDOVER})
    return opened


class Desktop:
    """A browser outside WeChat."""

    def __init__(self, house: House, ip: str = "198.51.100.7") -> None:
        self.browser = house.browser()
        self.browser.ip = ip

    async def get(self, path: str = WAIT, **headers: str) -> Answer:
        return await self.browser.get(path, User_Agent=CHROME, **headers)

    async def press(self, page: Answer, headers: dict[str, str] | None = None, **fields: str) -> Answer:
        own = {"Sec-Fetch-Site": "same-origin", "Origin": "null"} if headers is None else headers
        form = {"token": field_in(page, "token"), "return_to": field_in(page, "return_to")} | fields
        return await self.browser.send("POST", WAIT, data=form, headers=own | {"User-Agent": CHROME})

    async def begin(self, path: str = "/orders") -> str:
        """The key that the code shows: read by the phone from squares, here from the program's own page of it."""
        answer = await self.press(await self.get(f"/_gateway/login?return_to={path}"))
        assert answer.status == 303, answer.text
        return self.key

    @property
    def key(self) -> str:
        from gateway.sealing import token_hash

        return token_hash(f"scanned {self.browser.jar[COOKIE]}")[:22]

    async def number(self) -> str:
        found = re.search(r'class="gw-number"[^>]*>(\d\d)<', (await self.get()).text)
        assert found
        return found[1]

    async def stage(self) -> Any:
        return (await self.get(Accept="application/json")).json["stage"]


def field_in(page: Answer, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found, page.text
    return html.unescape(found[1])


async def bound(house: House) -> Browser:
    """A phone whose person is bound."""
    phone = house.browser()
    assert (await phone.bind(await phone.ticket())).status == 303
    return phone


async def say(phone: Browser, key: str, answer: str, number: str = "", headers: Any = None) -> Answer:
    page = await phone.get(f"{ASK}?key={key}")
    assert page.status == 200, page.text
    return await phone.post(ASK, headers, key=key, token=field_in(page, "token"), answer=answer, number=number)


async def let_in(house: House, phone: Browser) -> Desktop:
    """A desktop that the phone let in."""
    desktop = Desktop(house)
    key = await desktop.begin()
    assert (await say(phone, key, "go")).status == 303
    assert (await say(phone, key, "yes", await desktop.number())).status == 200
    assert (await desktop.get()).location == "/orders#"
    return desktop


async def test_the_session_says_how_it_began(house: House) -> None:
    """Same subject, the phone's login time and age, a sid of its own, eight hours in the registry, its device by name.

    It is as old as the phone's session, so that whatever ends all of that age ends it.
    """
    phone = await bound(house)
    danced = house.session(phone).auth_time
    house.clock.now += 50
    desktop = await let_in(house, phone)
    mine, theirs = house.session(desktop.browser), house.session(phone)
    assert (mine.subject, mine.via, theirs.via) == (theirs.subject, HANDOVER, "")
    assert (mine.auth_time, mine.created) == (danced, danced)
    rows = {row.sid_hash: row for row in await house.parts.bindings.sessions(mine.subject, house.clock.now)}
    row = rows[house.sid_hash(desktop.browser)]
    assert (row.device, row.expires - row.created) == ("Windows", 8 * 3600)


async def test_it_never_outlives_a_logout_everywhere_that_is_not_known_here_yet(house: House) -> None:
    """Another worker logged the phone out everywhere, and this one takes a moment to hear: nothing lasts from it."""
    phone, desktop = await bound(house), Desktop(house)
    key = await desktop.begin()
    await say(phone, key, "go")
    await say(phone, key, "yes", await desktop.number())
    subject, now = house.session(phone).subject, int(house.clock.now)
    other_worker = house.parts.bindings._inner  # what this one remembers is not touched
    await other_worker.revoke_subject(subject, now, now + 30 * 86400)
    house.clock.now += 1
    await desktop.get()
    house.clock.now += 10
    page = await desktop.get("/_gateway/me", Accept="application/json")
    assert (page.status, page.json["signed_in"]) == (401, False)


async def test_it_lives_two_minutes(house: House) -> None:
    """In its last second all is well; then it is gone for the desktop, its script and the phone."""
    phone, desktop = await bound(house), Desktop(house)
    key = await desktop.begin()
    assert await say(phone, key, "go")
    house.clock.now += LIFE - 1
    number = await desktop.number()
    house.clock.now += 1
    assert (await phone.get(f"{ASK}?key={key}")).status == 410
    assert (await phone.post(ASK, key=key, answer="yes", number=number)).status == 410
    assert (await desktop.get()).status == 410
    assert await desktop.stage() == "gone"
    key = await desktop.begin()
    await phone.sign_in("code-ann-2")
    await say(phone, key, "go")
    await say(phone, key, "yes", await desktop.number())
    house.clock.now += LIFE
    assert (await desktop.get()).status == 410
    assert "gateway_session" not in str(desktop.browser.jar)


async def test_a_wrong_number_ends_it(house: House) -> None:
    """The right one behind it comes too late; blanks and full-width digits are no mistake."""
    phone, desktop = await bound(house), Desktop(house)
    key = await desktop.begin()
    await say(phone, key, "go")
    number = await desktop.number()
    token = field_in(await phone.get(f"{ASK}?key={key}"), "token")
    wrong = f"{(int(number) + 50) % 100:02}"
    assert (await phone.post(ASK, key=key, token=token, answer="yes", number=wrong)).status == 403
    assert (await phone.post(ASK, key=key, token=token, answer="yes", number=number)).status == 410
    assert await desktop.stage() == "mistaken"
    key = await desktop.begin()
    await say(phone, key, "go")
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in await desktop.number())
    assert (await say(phone, key, "yes", f" {wide[0]} {wide[1]} ")).status == 200


@pytest.mark.parametrize("number", ["", "7", "007", "x" * 50_000, "٠٧", "\ud7ff"])
async def test_what_is_no_number_is_a_mistake(house: House, number: str) -> None:
    """Nothing but the two digits will do."""
    phone, desktop = await bound(house), Desktop(house)
    key = await desktop.begin()
    await say(phone, key, "go")
    assert (await say(phone, key, "yes", number)).status == 403


async def test_a_planted_secret_is_worth_nothing(house: House) -> None:
    """Each beginning makes a new one, so who planted the former cannot take what is approved; two are none."""
    phone, desktop, thief = await bound(house), Desktop(house), Desktop(house)
    await thief.get("/_gateway/login")
    planted = thief.browser.jar[COOKIE]
    desktop.browser.jar[COOKIE] = planted
    key = await desktop.begin()
    assert desktop.browser.jar[COOKIE] != planted
    await say(phone, key, "go")
    await say(phone, key, "yes", await desktop.number())
    assert (await thief.get()).status == 410
    secret = desktop.browser.jar[COOKIE]
    twice = await thief.browser.send(
        "GET", WAIT, headers={"Cookie": f"{COOKIE}={planted}; {COOKIE}={secret}", "User-Agent": CHROME}, keep=False
    )
    assert twice.status == 410
    assert (await desktop.get()).status == 302


async def test_other_sites_begin_and_answer_nothing(house: House) -> None:
    """A foreign Origin or cross-site is refused whatever else; nothing to go by, too; our token alone is enough."""
    phone, desktop = await bound(house), Desktop(house)
    page = await desktop.get("/_gateway/login?return_to=/orders")
    for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await desktop.press(page, headers)).status == 403
    assert (await desktop.press(page, {"Origin": "null"}, token="x")).status == 403
    assert (await Desktop(house).press(page, {"Origin": "null"})).status == 403  # a token of another browser
    assert (await desktop.press(page, {"Origin": "null"})).status == 303
    key = desktop.key
    for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}):
        assert (await say(phone, key, "go", headers=headers)).status == 403
    assert (await phone.post(ASK, {"Origin": "null"}, key=key, answer="go")).status == 403
    assert await desktop.stage() == "open"
    assert (await say(phone, key, "go", headers={"Origin": "null"})).status == 303


async def test_an_old_login_of_the_phone_is_repeated(house: House) -> None:
    """A session from before the code is not enough, neither to see the question nor to answer it; a dance is."""
    phone, desktop = await bound(house), Desktop(house)
    house.clock.now += 3600
    key = await desktop.begin()
    page = await phone.get(f"{ASK}?key={key}")
    assert page.status == 303
    assert page.location.startswith("/_gateway/login?return_to=%2F_gateway%2Fhandover%2Fapprove")
    assert (await phone.post(ASK, key=key, answer="go")).status == 303
    assert await desktop.stage() == "open"
    await phone.sign_in(return_to=f"{ASK}?key={key}")
    assert (await phone.get(f"{ASK}?key={key}")).status == 200


async def test_a_session_let_in_lets_nobody_in(house: House) -> None:
    """The desktop is no phone: what it scans leads it to the page for browsers outside WeChat."""
    first = await let_in(house, await bound(house))
    second = Desktop(house, "198.51.100.8")
    key = await second.begin()
    page = await first.get(f"{ASK}?key={key}")
    assert page.status == 303
    shown = await first.get(page.location)
    assert shown.status == 200
    assert "weui-btn_primary" not in shown.text  # not the button that begins one, which would go in circles
    assert await second.stage() == "open"


async def test_a_session_let_in_changes_no_binding(house: House) -> None:
    """Hours in somebody's account are no way to link their WeChat to another one for good: only a dance may."""
    phone = await bound(house)
    desktop = await let_in(house, phone)
    assert (await desktop.get("/_gateway/me/unbind")).status == 403
    refused = await desktop.browser.post("/_gateway/unbind")
    assert (refused.status, house.told[-1].event) == (403, "bound")
    assert (await desktop.get("/_gateway/me", **JSON)).json["bound"]
    assert (await desktop.get("/_gateway/bind?return_to=/orders")).location == "/orders#"
    assert (await phone.post("/_gateway/unbind")).status == 303
    way = await desktop.get("/_gateway/bind?return_to=/orders")
    assert (way.status, way.location) == (302, "/_gateway/login?return_to=%2F_gateway%2Fbind%3Freturn_to%3D%252Forders")


async def test_who_is_not_bound_is_not_asked(open_house: Opened) -> None:
    """With a bind page they go there; without one they are told."""
    for change, status in (({}, 303), ({"password": None, "sms": None, "resolver": None}, 403)):
        house = await open_house(outside={"main": Outside.HANDOVER}, needs_binding=lambda host, path: False, **change)
        phone, desktop = house.browser(), Desktop(house)
        await phone.sign_in()
        key = await desktop.begin()
        assert (await phone.get(f"{ASK}?key={key}")).status == status
        assert (await phone.post(ASK, key=key, answer="go")).status == status
        assert await desktop.stage() == "open"


async def test_it_stays_on_its_host(house: House) -> None:
    """A code of one host is none on another."""
    phone, desktop = await bound(house), Desktop(house)
    key = await desktop.begin()
    phone.host = desktop.browser.host = "two.example.com"
    assert (await phone.get(f"{ASK}?key={key}")).status == 410
    assert (await desktop.get()).status == 410


async def test_the_limits_of_beginning(open_house: Opened) -> None:
    """So many of an address, so many in all, within the time that one lives; then again."""
    limits = Limits(handovers_per_ip=2, handovers_in_all=3)
    house = await open_house(outside={"main": Outside.HANDOVER}, limits=limits)

    async def begin(ip: str) -> int:
        desktop = Desktop(house, ip)
        answer = await desktop.press(await desktop.get("/_gateway/login"))
        assert answer.status == 303 or 0 < int(answer.headers["Retry-After"]) <= LIFE
        return answer.status

    assert [await begin("192.0.2.1") for _ in range(3)] == [303, 303, 429]
    assert [await begin(f"192.0.2.{n}") for n in (2, 3)] == [303, 429]
    house.clock.now += LIFE
    assert await begin("192.0.2.1") == 303


async def test_one_network_cannot_begin_all(open_house: Opened) -> None:
    """Whoever owns a /48 has more addresses than all together may begin."""
    limits = Limits(handovers_per_network=2)
    house = await open_house(outside={"main": Outside.HANDOVER}, limits=limits)
    statuses = []
    for ip in ("2001:db8:7:1::1", "2001:db8:7:2::1", "2001:db8:7:3::1", "2001:db8:8::1"):
        desktop = Desktop(house, ip)
        statuses.append((await desktop.press(await desktop.get("/_gateway/login"))).status)
    assert statuses == [303, 303, 429, 303]


async def test_a_person_is_not_worn_down(open_house: Opened) -> None:
    """So many claims an hour; declining is always possible."""
    house = await open_house(outside={"main": Outside.HANDOVER}, limits=Limits(handovers_per_subject=2))
    phone, statuses = await bound(house), []
    for _ in range(3):
        key = await Desktop(house).begin()
        statuses.append((await say(phone, key, "go")).status)
    assert statuses == [303, 303, 429]
    assert (await say(phone, key, "no")).status == 200


async def test_a_new_beginning_ends_the_former(house: House) -> None:
    """One browser waits for one phone: the button pressed again makes the old code void."""
    phone, desktop = await bound(house), Desktop(house)
    old = await desktop.begin()
    new = await desktop.begin()
    assert old != new
    await say(phone, new, "go")
    assert await desktop.stage() == "claimed"
    assert (await phone.get(f"{ASK}?key={old}")).status == 410


async def test_return_targets_stay(house: House) -> None:
    """What the form says is judged like any return target."""
    phone, desktop = await bound(house), Desktop(house)
    page = await desktop.get("/_gateway/login")
    for target in ("//evil.test/", "https://evil.test/", "/\\evil.test", "javascript:alert(1)"):
        assert (await desktop.press(page, return_to=target)).status == 303
        await say(phone, desktop.key, "go")
        await say(phone, desktop.key, "yes", await desktop.number())
        assert (await desktop.get()).location == "/#"
        page = await desktop.get("/_gateway/login")


async def test_programs_are_told_and_change_nothing(house: House) -> None:
    """A script looks as often as it likes; only the page takes."""
    phone, desktop = await bound(house), Desktop(house)
    key = await desktop.begin()
    await say(phone, key, "go")
    await say(phone, key, "yes", await desktop.number())
    for _ in range(3):
        answer = await desktop.get(**JSON)
        assert answer.json == {"stage": "approved"}
        assert not answer.cookies
    assert (await desktop.get()).status == 302


async def test_the_rows_tell_nothing(house: House, tmp_path: Any) -> None:
    """Whose, where from and where to is sealed; keys and secrets are hashed."""
    phone, desktop = await bound(house), Desktop(house)
    key = await desktop.begin("/secret-page")
    await say(phone, key, "go")
    await say(phone, key, "yes", await desktop.number())
    (path,) = tmp_path.glob("*/state.db")
    with sqlite3.connect(path) as db:
        rows = repr(db.execute("select * from handovers").fetchall())
    assert "approved" in rows
    for canary in ("oCANARY", "secret-page", "198.51.100.7", "Windows", key, desktop.browser.jar[COOKIE]):
        assert canary not in rows
