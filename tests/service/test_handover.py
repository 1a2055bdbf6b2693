"""A phone with WeChat lets a browser in: the whole way, and what attackers make of such ways."""

import asyncio
import json
import sqlite3

import pytest

from .conftest import House, Open, claims_in
from .handing import APPROVE, HANDOVER, OPEN, begun, desktop_of, field_in, handed_over, number_on, question, say, stage
from .raw import Answer, Browser, target_of


@pytest.fixture
async def house(open_house: Open) -> House:
    """A house whose app hands over."""
    opened: House = await open_house(app=OPEN)
    return opened


def audit_of(house: House) -> list[str]:
    with sqlite3.connect(house.folder / "bindings.db") as db:
        return [row[0] for row in db.execute("select method from audit where event = 'handover' order by id")]


async def test_a_phone_lets_a_desktop_in(house: House) -> None:
    """The desktop is the phone's user, `amr` says how, `auth_time` is the phone's, and every step is audited."""
    phone = await house.signed_in()
    desktop = desktop_of(house)
    await handed_over(house, phone, desktop)
    claims, known = claims_in(await desktop.get("/orders")), claims_in(await phone.get("/orders"))
    assert claims["amr"] == ["wechat", "pwd", "handover"]
    assert known["amr"] == ["wechat", "pwd"]
    assert (claims["sub"], claims["auth_time"]) == (known["sub"], known["auth_time"])
    assert claims["sid"] != known["sid"]
    assert audit_of(house) == ["claim", "approve", "taken"]
    assert HANDOVER not in str(desktop.jar)
    assert "gateway_login_handover" not in desktop.jar


async def test_who_is_not_signed_in_on_the_phone_dances_there_first(house: House) -> None:
    """Scanning leads through WeChat in the ordinary way and back to the question."""
    await house.signed_in()
    desktop = desktop_of(house)
    key = await begun(desktop)
    phone = house.browser()
    answer = await question(phone, key)
    assert answer.status == 303
    answer = await house.dance(phone, answer.get("location") or "")
    assert answer.get("location") == f"{APPROVE}?key={key}#"
    assert (await question(phone, key)).status == 200


async def test_who_is_not_bound_binds_first(house: House) -> None:
    """Only a bound person is asked; the way to the bind page comes back to the question."""
    phone = house.browser()
    await house.dance(phone, "/")
    key = await begun(desktop_of(house))
    answer = await question(phone, key)
    assert answer.status == 303
    assert (answer.get("location") or "").startswith("/_gateway/bind?return_to=%2F_gateway%2Fhandover%2Fapprove")


async def test_a_forwarded_code_needs_the_number_of_the_other_screen(house: House) -> None:
    """The number is on no screen before the victim said yes once; device, address and warning are on theirs."""
    victim, attacker = await house.signed_in(), desktop_of(house)
    key = await begun(attacker)
    assert b"gw-number" not in (await attacker.get(HANDOVER)).body
    page = await question(victim, key)
    for told in ("Windows", "127.0.0.1", "请拒绝"):
        assert told.encode() in page.body
    assert (await say(victim, key, "yes", "00")).status == 410  # not before "go", right or wrong
    assert (await say(victim, key, "go")).status == 303
    number = await number_on(attacker)
    wrong = f"{(int(number) + 1) % 100:02}"
    assert (await say(victim, key, "yes", wrong)).status == 403
    assert json.loads(await stage(attacker)) == {"stage": "mistaken"}
    assert (await attacker.get(HANDOVER)).status == 403
    assert (await question(victim, key)).status == 410
    assert "gateway_session" not in attacker.jar
    assert audit_of(house) == ["claim", "mistake"]


async def test_a_no_ends_it(house: House) -> None:
    """At either question, for good."""
    phone = await house.signed_in()
    for first in ((), ("go",)):
        desktop = desktop_of(house)
        key = await begun(desktop)
        for answer in first:
            await say(phone, key, answer)
        assert (await say(phone, key, "no")).status == 200
        assert json.loads(await stage(desktop)) == {"stage": "refused"}
        assert (await question(phone, key)).status == 410
        assert "gateway_session" not in desktop.jar


async def test_a_get_changes_nothing(house: House) -> None:
    """WeChat's servers repeat addresses without cookies; previews guess. Neither moves a stage nor calls anybody."""
    phone, desktop = await house.signed_in(), desktop_of(house)
    key = await begun(desktop)
    stranger = house.browser()
    for _ in range(3):
        assert (await question(phone, key)).status == 200
        assert (await question(stranger, key)).status == 303
        for target in (f"{APPROVE}?key={key}", HANDOVER):
            assert (await phone.get(target, headers={"Sec-Purpose": "prefetch"})).status == 403
            assert (await phone.request("HEAD", target)).status == 405
    assert json.loads(await stage(desktop)) == {"stage": "open"}
    assert (await say(phone, key, "go")).status == 303
    number = await number_on(desktop)
    assert (await phone.get(f"{APPROVE}?key={key}&answer=yes&number={number}")).status == 200
    assert json.loads(await stage(desktop)) == {"stage": "claimed"}
    assert (await say(phone, key, "yes", number)).status == 200
    assert json.loads(await stage(desktop)) == json.loads(await stage(desktop)) == {"stage": "approved"}


async def test_another_browser_gets_nothing(house: House) -> None:
    """Who photographed the code, or knows its key, is not let in; the right one is, once."""
    phone, desktop, thief = await house.signed_in(), desktop_of(house), desktop_of(house)
    key = await begun(desktop)
    await say(phone, key, "go")
    await say(phone, key, "yes", await number_on(desktop))
    assert (await thief.get(HANDOVER)).status == 410
    thief.jar["gateway_login_handover"] = key
    assert (await thief.get(HANDOVER)).status == 410
    copy = Browser(house.port, user_agent=desktop.user_agent, jar=dict(desktop.jar))
    assert (await desktop.get(HANDOVER)).status == 302
    assert (await desktop.get("/orders")).status == 200
    assert (await copy.get(HANDOVER)).status == 410
    assert (await thief.get("/orders")).status == 302
    again = await desktop.get(HANDOVER)  # another tab of the same browser
    assert (again.status, again.get("location")) == (302, "/#")


async def test_of_many_answers_at_once_one_counts(house: House) -> None:
    """A hundred numbers at the same moment are one try; two phones are one; two tabs take one session."""
    phone, other = await house.signed_in(), await house.signed_in("xiaohong")
    desktop = desktop_of(house)
    key = await begun(desktop)
    pages = [await question(each, key) for each in (phone, other)]
    claims = await asyncio.gather(
        *(say(each, key, "go", page=page) for each, page in zip((phone, other), pages, strict=True))
    )
    assert sorted(claim.status for claim in claims) == [303, 410]
    winner = (phone, other)[[claim.status for claim in claims].index(303)]
    page = await question(winner, key)
    answers = await asyncio.gather(*(say(winner, key, "yes", f"{n:02}", page=page) for n in range(100)))
    assert sum(answer.status in (200, 403) for answer in answers) == 1
    assert len(audit_of(house)) == 2


async def test_two_tabs_take_one_session(house: House) -> None:
    """Ten looks at an approved one at the same moment: one registered session."""
    phone, desktop = await house.signed_in(), desktop_of(house)
    key = await begun(desktop)
    await say(phone, key, "go")
    await say(phone, key, "yes", await number_on(desktop))
    jar = dict(desktop.jar)
    copies = [Browser(house.port, user_agent=desktop.user_agent, jar=dict(jar)) for _ in range(10)]
    await asyncio.gather(*(copy.get(HANDOVER) for copy in copies))
    assert sum("gateway_session" in copy.jar for copy in copies) == 1
    assert audit_of(house).count("taken") == 1


async def test_a_replayed_answer_is_gone(house: House) -> None:
    """The very bytes of a yes, sent again, change nothing."""
    phone, desktop = await house.signed_in(), desktop_of(house)
    key = await begun(desktop)
    await say(phone, key, "go")
    page, number = await question(phone, key), await number_on(desktop)
    assert (await say(phone, key, "yes", number, page)).status == 200
    assert (await say(phone, key, "yes", number, page)).status == 410
    assert (await desktop.get(HANDOVER)).status == 302
    assert (await say(phone, key, "yes", number, page)).status == 410


async def test_a_phone_that_signs_out_lets_nobody_in(house: House) -> None:
    """Between the yes and the desktop's next look, a logout still counts."""
    phone, desktop = await house.signed_in(), desktop_of(house)
    key = await begun(desktop)
    await say(phone, key, "go")
    await say(phone, key, "yes", await number_on(desktop))
    await phone.post("/_gateway/logout", b"")
    answer = await desktop.get(HANDOVER)
    assert answer.status == 410
    assert "gateway_session" not in desktop.jar


async def test_a_policy_refuses_it_on_every_request(house: House) -> None:
    """`handover = false`: 403 for the desktop, time and again, on one connection and many; the phone passes."""
    phone, desktop = await house.signed_in(), desktop_of(house)
    await handed_over(house, phone, desktop)
    for _ in range(3):
        assert (await desktop.get("/orders")).status == 200
        answer = await desktop.get("/near")
        assert answer.status == 403
        assert (await phone.get("/near")).status == 200
    refused = await desktop.get("/near", headers={"Accept": "application/json"}, page=False)
    assert json.loads(refused.body)["error"] == "handover_refused"
    line = await house.line()
    head = f"GET %s HTTP/1.1\r\nHost: {desktop.host}\r\nCookie: {desktop.cookie_header()}\r\n\r\n"
    statuses = []
    for path in ("/orders", "/near", "/orders", "/near", "/near", "/orders"):
        await line.send((head % path).encode())
        statuses.append((await line.answer()).status)
    await line.close()
    assert statuses == [200, 403, 200, 403, 403, 200]


async def test_an_unbind_on_the_phone_ends_it_on_the_desktop(house: House) -> None:
    """Both are one WeChat user: nobody needs to remember the other browser."""
    phone, desktop = await house.signed_in(), desktop_of(house)
    await handed_over(house, phone, desktop)
    assert (await desktop.get("/orders")).status == 200
    await phone.post("/_gateway/unbind", b"")
    assert "/bind" in ((await desktop.get("/orders")).get("location") or "")


async def test_it_is_off_unless_asked_for(open_house: Open) -> None:
    """An app that does not say so begins none, whatever is posted."""
    house = await open_house()
    desktop = desktop_of(house)
    page = await desktop.get("/_gateway/login")
    assert b"/_gateway/handover" not in page.body
    assert (await desktop.post(HANDOVER, b"return_to=/")).status == 404


def hidden(page: Answer) -> str:
    return field_in(page, "token")


async def test_nothing_of_it_is_in_a_log(house: House) -> None:
    """Neither keys nor secrets nor numbers, anywhere the gateway writes in clear."""
    phone, desktop = await house.signed_in(), desktop_of(house)
    key = await begun(desktop)
    secret = desktop.jar["gateway_login_handover"]
    await say(phone, key, "go")
    assert target_of("/orders", house.origin) == "/orders"
    await say(phone, key, "yes", await number_on(desktop))
    with sqlite3.connect(house.folder / "state.db") as db:
        rows = repr(db.execute("select * from handovers").fetchall())
    await desktop.get(HANDOVER)
    await house.gateway.stop()
    written = house.log.read_text() + rows
    for canary in (key, secret, '/orders"', "Windows"):
        assert canary not in rows
    for canary in (key, secret):
        assert canary not in written
