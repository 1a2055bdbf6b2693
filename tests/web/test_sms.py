"""POST /bind/sms, and binding with a code."""

import asyncio
import dataclasses
from urllib.parse import urlsplit

import pytest

from gateway.verifiers.interface import SenderMisconfigured, SenderRefused, VerifierOutage
from gateway.verifiers.phone import Phones
from gateway.web.parts import Limits
from gateway.web.sending import WINDOW

PHONE = "13800138000"
UNKNOWN = "13900139000"
PROGRAM = {"Accept": "application/json", "Origin": "https://app.example.com"}


async def request_code(house, browser, ticket: str, phone: str = PHONE) -> str:
    """Ask for a code; the code that arrived."""
    answer = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=phone)
    assert (answer.status, answer.json) == (200, {"ok": True, "retry_after": 60})
    _, code, _ = await house.legacy.sent.get()
    return code


async def bind(browser, ticket: str, code: str, phone: str = PHONE):
    return await browser.post("/_gateway/bind", ticket=ticket, method="sms", phone=phone, code=code, consent="1")


async def test_a_code_binds(house, browser):
    """Six digits arrive, are valid five minutes, and bind as the phone's owner."""
    ticket = await browser.ticket()
    answer = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone="+86 138-0013-8000")
    phone, code, ttl = await house.legacy.sent.get()
    assert (answer.status, phone, ttl) == (200, PHONE, 300)
    assert len(code) == 6
    assert code.isdecimal()
    answer = await bind(browser, ticket, f" {code[:3]} {code[3:]} ")
    assert (answer.status, answer.location) == (303, "/app#")
    me = await browser.get("/_gateway/me", Accept="application/json")
    assert me.json["user_id"] == "42"


async def test_without_script_the_form_comes_back(house, browser):
    """303 to the form of the same ticket: phone and consent as entered, the phone not in the address."""
    ticket = await browser.ticket()
    answer = await browser.post("/_gateway/bind/sms", ticket=ticket, phone=PHONE, consent="1")
    assert (answer.status, urlsplit(answer.location).path) == (303, "/_gateway/bind")
    assert answer.query["ticket"] == ticket
    assert PHONE not in answer.location
    page = await browser.get(answer.location)
    assert (page.status, page.ticket) == (200, ticket)
    assert f'value="{PHONE}"' in page.text
    assert " checked" in page.text
    assert 'data-wait="60"' in page.text
    assert 'role="status"' in page.text
    _, code, _ = await house.legacy.sent.get()
    assert (await bind(browser, ticket, code)).status == 303


async def test_the_note_of_another_session_says_nothing(house, browser):
    """A forwarded address shows nobody's phone."""
    answer = await browser.post("/_gateway/bind/sms", ticket=await browser.ticket(), phone=PHONE)
    other = house.browser()
    ticket = await other.ticket("code-bob")
    page = await other.get(f"/_gateway/bind?ticket={ticket}&method=sms&sent={answer.query['sent']}")
    assert PHONE not in page.text


class SlowSender:
    """A vendor that takes its time."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.sent: list[str] = []

    async def send(self, phone: str, code: str, ttl: int) -> None:
        self.asked.set()
        await asyncio.sleep(0.2)
        self.sent.append(phone)

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_code_on_its_way_outlives_its_configuration(open_house):
    """Who was told that a code comes gets it, though a reload or a stop ends what sends it."""
    sender = SlowSender()
    house = await open_house(sms=sender)
    browser = house.browser()
    answer = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=await browser.ticket(), phone=PHONE)
    assert answer.status == 200
    await sender.asked.wait()
    await house.stop()
    assert sender.sent == [PHONE]


async def test_unknown_phones_get_the_same_answer(house, browser):
    """The same bytes, but no message is sent."""
    ticket = await browser.ticket()
    known = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=PHONE)
    unknown = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=UNKNOWN)
    assert (known.status, known.body) == (unknown.status, unknown.body)
    assert (await house.legacy.sent.get())[0] == PHONE
    assert house.legacy.sent.empty()
    wrong = await bind(browser, ticket, "000000", UNKNOWN)
    assert wrong.status == 401


@pytest.mark.parametrize(
    "phone", ["", "12345", "13800138000,13900139000", "1380013800０1", "13800138000\r\n13900139000"]
)
async def test_what_is_no_phone_is_422(house, browser, phone):
    """Told on the form, with the same ticket; nothing is sent."""
    ticket = await browser.ticket()
    answer = await browser.post("/_gateway/bind/sms", ticket=ticket, phone=phone)
    assert (answer.status, answer.ticket, house.legacy.asked) == (422, ticket, [])


async def test_sending_does_not_consume_the_ticket_and_needs_it(house, browser):
    """A foreign or spent ticket sends nothing."""
    ticket = await browser.ticket()
    other = house.browser()
    await other.sign_in("code-bob")
    assert (await other.post("/_gateway/bind/sms", ticket=ticket, phone=PHONE)).status == 410
    assert house.legacy.asked == []
    await browser.post("/_gateway/bind/sms", ticket=ticket, phone=PHONE)
    assert (await browser.get(f"/_gateway/bind?ticket={ticket}")).status == 200


async def test_a_minute_between_two_codes(house, browser):
    """429 with Retry-After, on the form for people; spellings of the phone are one phone."""
    ticket = await browser.ticket()
    await request_code(house, browser, ticket)
    house.clock.now += 59
    answer = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone="0086" + PHONE)
    assert (answer.status, answer.json["error"], answer.headers["Retry-After"]) == (429, "send_too_soon", "1")
    page = await browser.post("/_gateway/bind/sms", ticket=ticket, phone=PHONE)
    assert (page.status, page.ticket) == (429, ticket)
    house.clock.now += 1
    await request_code(house, browser, ticket)


async def test_an_outage_of_the_resolver_costs_no_budget(house, browser):
    """Whoever asks again once it is over gets a code at once."""
    ticket = await browser.ticket()
    house.legacy.down = True
    answer = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=PHONE)
    assert answer.status == 503
    house.legacy.down = False
    await request_code(house, browser, ticket)


@pytest.mark.parametrize(
    "limit",
    [
        "sends_per_phone_hour",
        "sends_per_phone_day",
        "sends_per_ticket",
        "sends_per_subject",
        "sends_per_ip",
        "sends_per_network",
        "sends_in_all",
    ],
)
async def test_budgets_of_sending(open_house, limit):
    """Each budget alone stops the next message."""
    house = await open_house(limits=dataclasses.replace(Limits(), **{limit: 1}))
    browser = house.browser()
    ticket = await browser.ticket()
    await request_code(house, browser, ticket)
    house.clock.now += 61
    answer = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=PHONE)
    assert answer.status == 429
    assert int(answer.headers["Retry-After"]) > 3000


async def test_addresses_of_one_ipv6_customer_are_one(open_house):
    """A /64 is one address to the budget."""
    house = await open_house(limits=dataclasses.replace(Limits(), sends_per_ip=1))
    one, two = house.browser(), house.browser()
    one.ip, two.ip = "2001:db8:1:2::1", "2001:db8:1:2:ffff::9"
    await request_code(house, one, await one.ticket())
    answer = await two.post("/_gateway/bind/sms", PROGRAM, ticket=await two.ticket("code-bob"), phone=UNKNOWN)
    assert answer.status == 429


@pytest.mark.parametrize(
    ("one", "other"), [("203.0.113.7", "203.0.113.250"), ("2001:db8:1:2::1", "2001:db8:1:ffff::1")]
)
async def test_a_network_has_a_budget_of_its_own(open_house, one, other):
    """A /24, or a /48 of IPv6, whatever its addresses do; the next one has its own."""
    house = await open_house(limits=dataclasses.replace(Limits(), sends_per_network=1))
    first, second, third = house.browser(), house.browser(), house.browser()
    first.ip, second.ip, third.ip = one, other, "203.0.114.7" if "." in one else "2001:db8:2::1"
    await request_code(house, first, await first.ticket())
    answer = await second.post("/_gateway/bind/sms", PROGRAM, ticket=await second.ticket("code-bob"), phone=UNKNOWN)
    assert answer.status == 429
    answer = await third.post("/_gateway/bind/sms", PROGRAM, ticket=await third.ticket("code-cid"), phone=UNKNOWN)
    assert answer.status == 200


async def test_a_header_of_the_client_does_not_change_its_address(house, browser):
    """The front sets X-Forwarded-For; further ones, and others of the kind, are not looked at."""
    ticket = await browser.ticket()
    await request_code(house, browser, ticket)
    spoofed = PROGRAM | {"X-Real-IP": "198.51.100.1", "Forwarded": "for=198.51.100.1", "X-Client-IP": "198.51.100.1"}
    assert (await browser.post("/_gateway/bind/sms", spoofed, ticket=ticket, phone=PHONE)).status == 429


async def test_codes_go_to_listed_countries(open_house):
    """By E.164; the resolver and the sender are given the same form, and the code binds however the number is typed."""
    house = await open_house(phone=Phones(("CN", "HK")).canonical)
    house.legacy.phones["+85291234567"] = house.legacy.users["bob"][1]
    browser = house.browser()
    ticket = await browser.ticket()
    await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone="00852 9123-4567")
    phone, code, _ = await house.legacy.sent.get()
    assert phone == "+85291234567"
    assert (await bind(browser, ticket, code, "+852 9123 4567")).status == 303


@pytest.fixture
async def patient(open_house):
    """A house where tickets and codes outlive two windows, at the beginning of one."""
    long = 3 * WINDOW
    limits = dataclasses.replace(Limits(), ticket=long, chain=long, code=long, sends_per_ticket=9)
    house = await open_house(limits=limits)
    house.clock.now -= house.clock.now % WINDOW
    return house


async def failing(house, browser, ticket: str, error: Exception) -> None:
    """Two codes that do not get out, both answered like any other."""
    tried: asyncio.Queue[str] = asyncio.Queue()

    async def fail(phone: str, code: str, ttl: int) -> None:
        await tried.put(code)
        raise error

    house.legacy.send = fail
    for _ in range(2):
        answer = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=PHONE)
        assert (answer.status, answer.json) == (200, {"ok": True, "retry_after": 60})
        await tried.get()
        house.clock.now += 60


async def settled(house) -> None:
    """Wait for what is on its way, as the next request's writes queue behind it."""
    await house.parts.state.hit("settled", 1, 1, house.clock.now)


@pytest.mark.parametrize("error", [VerifierOutage("down"), SenderMisconfigured("isv.AMOUNT_NOT_ENOUGH")])
async def test_a_sender_that_fails_is_told_to_everybody_in_the_next_window(patient, error):
    """Known and unknown phones get the same 503, bytes and all; within the window nothing is told."""
    house, browser = patient, patient.browser()
    ticket = await browser.ticket()
    await failing(house, browser, ticket, error)
    await settled(house)
    house.clock.now += 60
    answer = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=UNKNOWN)
    assert answer.status == 200
    house.clock.now += WINDOW - house.clock.now % WINDOW + 10
    browser = house.browser()
    ticket = await browser.ticket("code-bob")
    unknown = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone="13700137000")
    known = await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=PHONE)
    expected = {"error": "sms_outage", "ticket": ticket, "retry_after": WINDOW - 10}
    assert known.status == 503
    assert expected.items() <= known.json.items()
    assert (known.status, known.body, known.headers["Retry-After"]) == (
        unknown.status,
        unknown.body,
        unknown.headers["Retry-After"],
    )
    house.clock.now += 60
    page = await browser.post("/_gateway/bind/sms", ticket=ticket, phone="13700137000")
    assert (page.status, page.ticket) == (503, ticket)
    assert 'role="alert"' in page.text


async def test_a_sender_that_works_again_is_believed(patient):
    """Codes are tried all the while, so one that gets out is good, and the next window is fine."""
    house, browser = patient, patient.browser()
    ticket = await browser.ticket()
    await failing(house, browser, ticket, VerifierOutage("down"))
    await settled(house)
    house.clock.now += WINDOW
    del house.legacy.send
    browser = house.browser()
    ticket = await browser.ticket("code-bob")
    assert (await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=PHONE)).status == 503
    _, code, _ = await house.legacy.sent.get()
    await settled(house)
    house.clock.now += WINDOW
    assert (await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=UNKNOWN)).status == 200
    house.clock.now -= WINDOW
    assert (await bind(browser, ticket, code)).status == 303


@pytest.mark.parametrize("outcome", ["limited", "bad_number"])
async def test_what_a_vendor_has_against_one_phone_is_told_to_nobody(patient, outcome):
    """Neither in this window nor in the next: it would say that the phone is known."""
    house, browser = patient, patient.browser()
    ticket = await browser.ticket()
    await failing(house, browser, ticket, SenderRefused("no", outcome))
    await settled(house)
    house.clock.now += WINDOW
    for phone in (PHONE, UNKNOWN):
        assert (await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=phone)).status == 200


async def test_one_failure_among_successes_is_told_to_nobody(patient):
    """One message that got out speaks for the sender."""
    house, browser = patient, patient.browser()
    ticket = await browser.ticket()
    await failing(house, browser, ticket, VerifierOutage("down"))
    del house.legacy.send
    await request_code(house, browser, ticket)
    await settled(house)
    house.clock.now += WINDOW
    assert (await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone=UNKNOWN)).status == 200


async def test_a_code_has_five_tries(open_house):
    """Where a session has more: the sixth is wrong even with the right code."""
    house = await open_house(limits=dataclasses.replace(Limits(), tries=6))
    browser = house.browser()
    ticket = await browser.ticket()
    code = await request_code(house, browser, ticket)
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(5):
        answer = await bind(browser, ticket, wrong)
        assert answer.status == 401
        ticket = answer.ticket
    assert (await bind(browser, ticket, code)).status == 401


async def test_a_fresh_ticket_gives_codes_no_more_tries(house, browser):
    """Five wrong codes are the session's five tries."""
    ticket = await browser.ticket()
    code = await request_code(house, browser, ticket)
    wrong = "000000" if code != "000000" else "111111"
    spare = (await browser.get("/_gateway/bind")).query["ticket"]
    for _ in range(5):
        ticket = (await bind(browser, ticket, wrong)).ticket
    assert (await bind(browser, spare, code)).status == 429
    assert (await browser.get("/_gateway/bind")).status == 429


async def test_a_code_survives_a_renewed_ticket(house, browser):
    """One wrong digit does not cost another message."""
    ticket = await browser.ticket()
    code = await request_code(house, browser, ticket)
    wrong = "000000" if code != "000000" else "111111"
    answer = await bind(browser, ticket, wrong)
    assert 'name="code"' in answer.text
    assert f'value="{PHONE}"' in answer.text
    assert (await bind(browser, answer.ticket, code)).status == 303


async def test_a_code_is_of_its_session_and_phone(house, browser):
    """Not for another session, not for another phone."""
    house.legacy.phones[UNKNOWN] = house.legacy.users["bob"][1]
    ticket = await browser.ticket()
    code = await request_code(house, browser, ticket)
    answer = await bind(browser, ticket, code, UNKNOWN)
    assert answer.status == 401
    other = house.browser()
    assert (await bind(other, await other.ticket("code-bob"), code)).status == 401
    assert (await bind(browser, answer.ticket, code)).status == 303


async def test_only_the_newest_code_counts(house, browser):
    """Another message makes the former code worthless."""
    ticket = await browser.ticket()
    old = await request_code(house, browser, ticket)
    house.clock.now += 60
    new = await request_code(house, browser, ticket)
    if old != new:
        answer = await bind(browser, ticket, old)
        assert answer.status == 401
        ticket = answer.ticket
    assert (await bind(browser, ticket, new)).status == 303


async def test_a_code_lives_five_minutes(house, browser):
    """At 300 seconds it is dead, also with a fresh ticket."""
    code = await request_code(house, browser, await browser.ticket())
    house.clock.now += 300
    ticket = (await browser.get("/_gateway/bind")).query["ticket"]
    assert (await bind(browser, ticket, code)).status == 401


async def test_an_outage_costs_neither_code_nor_try(house, browser):
    """503, and the same code binds afterwards."""
    ticket = await browser.ticket()
    code = await request_code(house, browser, ticket)
    house.legacy.down = True
    answer = await bind(browser, ticket, code)
    assert answer.status == 503
    house.legacy.down = False
    assert (await bind(browser, answer.ticket, code)).status == 303


async def test_an_outage_while_asking_is_told(house, browser):
    """503 on the form with the same ticket; nothing is sent."""
    ticket = await browser.ticket()
    house.legacy.down = True
    answer = await browser.post("/_gateway/bind/sms", ticket=ticket, phone=PHONE)
    assert (answer.status, answer.ticket) == (503, ticket)
    assert house.legacy.sent.empty()


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_cross_site_requests_send_nothing(house, browser, headers):
    """Another site cannot make us send messages."""
    ticket = await browser.ticket()
    answer = await browser.post("/_gateway/bind/sms", headers, ticket=ticket, phone=PHONE)
    assert (answer.status, house.legacy.asked) == (403, [])


async def test_the_phone_is_in_no_log(house, browser, caplog):
    """Nor is the code, not even when sending fails."""
    failed: list[str] = []
    tried = asyncio.Event()

    async def refuse(phone: str, code: str, ttl: int) -> None:
        failed.append(code)
        tried.set()
        raise SenderRefused(f"no message to {phone}")

    house.legacy.send = refuse
    ticket = await browser.ticket()
    with caplog.at_level("DEBUG"):
        await browser.post("/_gateway/bind/sms", ticket=ticket, phone=PHONE)
        await tried.wait()
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("gateway")]
    assert "a code was not sent: limited" in ours
    assert not [line for line in ours if PHONE in line or failed[0] in line or ticket in line]
