"""Guessing at accounts: delays, locks, and that none of them tells anything about an account."""

import asyncio
import dataclasses
import itertools
import re
import sqlite3

import pytest

from gateway.stores.lockout import Lockout
from gateway.web.parts import Limits

DANCES = itertools.count()
PROGRAM = {"Accept": "application/json", "Origin": "https://app.example.com"}
RULE = Lockout(failures=7, delay_after=5, delay=1, max_delay=60, lock=1800, window=3600)


def limits(**changes):
    """A short way to a lock."""
    return dataclasses.replace(Limits(), lockout=RULE, **changes)


async def fail(house, name: str, times: int, who: str, *, wait: int = 60, phone: bool = False):
    """Wrong tries of one WeChat user, each after its delay, five to a dance; the last answer."""
    answer = None
    for number in range(times):
        if number % 5 == 0:
            browser = house.browser()
            ticket = await browser.ticket(f"code-{who}-{next(DANCES)}")
        proof = {"method": "sms", "phone": name, "code": "000000"} if phone else {"username": name, "password": "wrong"}
        answer = await browser.bind(ticket, **proof)
        assert answer.status == 401
        ticket = answer.ticket
        house.clock.now += wait
    return answer


async def first_try(house, who: str, name: str = "ann", password: str = "secret-ann"):
    """One try of a WeChat user in a fresh dance."""
    browser = house.browser()
    return await browser.bind(await browser.ticket(f"code-{who}-{next(DANCES)}"), name, password)


def normal(answer) -> tuple[int, str]:
    """What is seen, without what is random or was typed."""
    text = re.sub(r'value="[^"]*"|ticket=[^&"]+', "", answer.text)
    return answer.status, text


async def test_who_fails_five_times_and_signs_in_anew_need_not_wait(open_house):
    """The tries of one session cost no delay."""
    house = await open_house()
    await fail(house, "ann", 5, "eve", wait=0)
    assert (await first_try(house, "eve")).status == 303


async def test_behind_six_failures_each_try_waits_twice_as_long(open_house):
    """429 with Retry-After on the form under a fresh ticket; the verifier is not asked and no try is spent."""
    house = await open_house()
    await fail(house, "ann", 6, "eve", wait=0)
    for delay in (1, 2, 4, 8):
        browser = house.browser()
        ticket = await browser.ticket(f"code-eve-{next(DANCES)}")
        asked = len(house.legacy.asked)
        for _ in range(7):  # more than there are tries
            answer = await browser.bind(ticket)
            assert (answer.status, answer.headers["Retry-After"]) == (429, str(delay))
            assert "输错次数较多" in answer.text
            ticket = answer.ticket
        assert len(house.legacy.asked) == asked
        house.clock.now += delay
        assert (await browser.bind(ticket, "ann", "wrong")).status == 401


async def test_programs_are_told_how_long(open_house):
    """The word, the seconds and the fresh ticket as JSON."""
    house = await open_house()
    await fail(house, "ann", 6, "eve", wait=0)
    browser = house.browser()
    ticket = await browser.ticket(f"code-eve-{next(DANCES)}")
    fields = {"ticket": ticket, "username": "ann", "password": "x", "consent": "1"}
    answer = await browser.post("/_gateway/bind", PROGRAM, **fields)
    assert (answer.status, answer.json.pop("error"), answer.json["retry_after"]) == (429, "too_soon", 1)
    assert answer.json["ticket"] != fields["ticket"]


@pytest.mark.parametrize("name", ["ann", "nobody"])
async def test_a_lock_looks_like_a_wrong_password(open_house, name):
    """The same status, text and fields, for names that exist and others; the right password is not even asked about."""
    house = await open_house(limits=limits())
    wrong = await fail(house, name, 7, "eve")
    house.legacy.asked.clear()
    locked = await first_try(house, "eve", name)
    assert normal(locked) == normal(wrong)
    assert house.legacy.asked == []
    early = await first_try(house, "eve", name)
    assert (early.status, early.headers["Retry-After"]) == (429, "8")


async def test_a_lock_is_of_the_one_who_failed(open_house):
    """Somebody else who knows the password binds; so nobody is locked out by one stranger."""
    house = await open_house(limits=limits())
    await fail(house, "ann", 7, "eve")
    assert (await first_try(house, "eve")).status == 401
    assert (await first_try(house, "ann")).status == 303


async def test_an_account_is_locked_for_all_when_many_fail(open_house):
    """However many WeChats are used: beyond its failures nobody is asked, and it looks like a wrong password."""
    house = await open_house(limits=limits(failures_per_account=12))
    for number in range(3):
        wrong = await fail(house, "ann", 4, f"eve{number}", wait=0)
    assert len(house.legacy.asked) == 12
    locked = await first_try(house, "ann")
    assert normal(locked) == normal(wrong)
    assert len(house.legacy.asked) == 12
    assert (await first_try(house, "bob", "bob", "secret-bob")).status == 303


async def test_who_is_locked_cannot_lock_others(open_house):
    """Tries behind one's own lock do not count against the account."""
    house = await open_house(limits=limits(failures_per_account=8))
    await fail(house, "ann", 30, "eve")
    assert len([name for name, _ in house.legacy.asked]) == 7
    assert (await first_try(house, "ann")).status == 303


@pytest.mark.parametrize("knocking", [False, True])
async def test_locks_end_by_themselves(open_house, knocking):
    """Half an hour behind the failure that began it, whether somebody knocks on or not."""
    house = await open_house(limits=limits(failures_per_account=7, failures_per_subject=1000))
    await fail(house, "ann", 6, "eve")
    began = house.clock.now
    await fail(house, "ann", 1, "eve", wait=0)
    if knocking:
        house.clock.now += 60
        await fail(house, "ann", 20, "eve")
    house.clock.now = began + 1799
    assert (await first_try(house, "ann")).status == 401
    house.clock.now = began + 1800
    assert (await first_try(house, "eve")).status == 303


async def test_a_right_password_forgives_itself_only(open_house):
    """It neither counts as a failure nor forgets others'."""
    house = await open_house(limits=limits(failures_per_account=7))
    await fail(house, "ann", 6, "eve")
    assert (await first_try(house, "ann")).status == 303
    assert (await first_try(house, "eve", password="wrong")).status == 401
    assert (await first_try(house, "bob")).status == 401
    assert [password for _, password in house.legacy.asked] == ["wrong"] * 6 + ["secret-ann", "wrong"]


async def test_an_outage_costs_no_failure(open_house):
    """Nor a delay."""
    house = await open_house(limits=limits())
    await fail(house, "ann", 5, "eve")
    browser = house.browser()
    ticket = await browser.ticket(f"code-eve-{next(DANCES)}")
    house.legacy.down = True
    for _ in range(4):
        answer = await browser.bind(ticket)
        assert answer.status == 503
        ticket = answer.ticket
    house.legacy.down = False
    assert (await browser.bind(ticket)).status == 303


async def test_codes_are_locked_like_passwords_and_apart_from_them(open_house):
    """Wrong codes for one phone; its owner's password still binds."""
    house = await open_house(limits=limits())
    wrong = await fail(house, "13800138000", 7, "eve", phone=True)
    browser = house.browser()
    ticket = await browser.ticket("code-eve-8")
    await browser.post("/_gateway/bind/sms", PROGRAM, ticket=ticket, phone="13800138000")
    _, code, _ = await house.legacy.sent.get()
    locked = await browser.bind(ticket, "", "", method="sms", phone="+86 138 0013 8000", code=code)
    assert (locked.status, "手机号或验证码不正确" in locked.text) == (401, True)
    assert normal(locked) == normal(wrong)
    assert (await first_try(house, "eve")).status == 303


async def test_of_many_at_once_no_more_are_judged_than_may_fail(open_house):
    """Forty browsers of forty WeChats at one account with room for ten."""
    house = await open_house(limits=limits(failures_per_account=10))
    browsers = [house.browser() for _ in range(40)]
    tickets = [await browser.ticket(f"code-{number}") for number, browser in enumerate(browsers)]
    tries = zip(browsers, tickets, strict=True)
    answers = await asyncio.gather(*(browser.bind(ticket, "ann", "wrong") for browser, ticket in tries))
    assert [answer.status for answer in answers] == [401] * 40
    assert len(house.legacy.asked) == 10


async def test_locks_are_told_to_the_operator_without_names(open_house, tmp_path):
    """An audit row and a metric for each lock that begins, a metric for each try that was not judged."""
    house = await open_house(limits=limits(failures_per_account=8))
    await fail(house, "ann", 5, "eve", wait=0)
    assert (await first_try(house, "eve", password="wrong")).status == 429
    house.clock.now += 60
    await fail(house, "ann", 3, "eve")
    await fail(house, "ann", 2, "mallory")
    events = [event for event, _ in house.audit()]
    assert events == ["refused"] * 6 + ["locked", "refused", "refused", "locked", "refused", "refused"]
    metrics = house.parts.metrics.exposition().decode()
    for sample in (
        'gateway_bind_locks_total{scope="pair"} 1.0',
        'gateway_bind_locks_total{scope="account"} 1.0',
        'gateway_bind_limits_total{limit="delay"} 1.0',
        'gateway_bind_limits_total{limit="pair"} 1.0',
        'gateway_bind_limits_total{limit="account"} 1.0',
    ):
        assert sample in metrics
    (file,) = tmp_path.rglob("bindings.db")
    with sqlite3.connect(file) as db:
        assert "ann" not in str(db.execute("select * from audit").fetchall()).lower().replace("ann@", "")


@pytest.mark.parametrize(
    ("limit", "kind"),
    [
        ("failures_per_subject", "wechat"),
        ("failures_per_ip", "address"),
        ("failures_in_all", "all"),
        ("tries", "session"),
    ],
)
async def test_every_budget_is_a_metric(open_house, limit, kind):
    """The operator sees which of them refuses."""
    house = await open_house(limits=limits(**{limit: 1}))
    browser = house.browser()
    await browser.sign_in(return_to="/open")
    tickets = [(await browser.get("/_gateway/bind?return_to=/")).query["ticket"] for _ in range(2)]
    assert [(await browser.bind(ticket, "ann", "wrong")).status for ticket in tickets] == [401, 429]
    assert f'gateway_bind_limits_total{{limit="{kind}"}} 1.0' in house.parts.metrics.exposition().decode()
