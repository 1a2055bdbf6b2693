"""One ticket, one code, one account, and everybody at once, at two real processes over one state."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlencode, urlsplit

from .conftest import PASSWORD, House, Open, ticket_in
from .legacy import Legacy, legacy_of
from .raw import Answer, Browser, target_of
from .serving import Serving, serving

PHONE = "13800138000"


async def all_post(house: House, browser: Browser, forms: Sequence[dict[str, str]]) -> list[Answer]:
    """These forms at once, each on a connection of its own; both processes took some."""
    copies = [Browser(house.port, jar=dict(browser.jar)) for _ in forms]
    bodies = [urlencode({"consent": "1"} | form).encode() for form in forms]
    posts = [copy.post("/_gateway/bind", body) for copy, body in zip(copies, bodies, strict=True)]
    answers = await asyncio.gather(*posts)
    assert len({(answer.get("x-request-id") or "")[:12] for answer in answers}) == 2
    return answers


async def open_page(house: House, browser: Browser, who: str = "xiaoming") -> str:
    """A dance of somebody who is not bound; the ticket."""
    landed = await house.dance(browser, "/orders", who)
    return ticket_in(await browser.get(target_of(landed.get("location") or "", house.origin)))


async def tickets_of(browser: Browser, count: int) -> list[str]:
    """More tickets of the same session."""
    answers = [await browser.get("/_gateway/bind?return_to=/orders") for _ in range(count)]
    return [parse_qs(urlsplit(answer.get("location") or "").query)["ticket"][0] for answer in answers]


def bound(house: House) -> list[str]:
    """The user ids in the bindings database."""
    with sqlite3.connect(house.folder / "bindings.db") as db:
        return [user for (user,) in db.execute("select user_id from bindings")]


async def test_one_ticket_with_two_peoples_passwords_binds_one(house: House) -> None:
    """Fifty at once, half of them as another user: one 303, one row, the others 410."""
    async with serving(house):
        browser = house.browser()
        ticket = await open_page(house, browser)
        people = [{"username": name, "password": PASSWORD} for name in ("xiaoming", "xiaohong")]
        answers = await all_post(house, browser, [{"ticket": ticket} | people[n % 2] for n in range(50)])
        assert Counter(answer.status for answer in answers) == {303: 1, 410: 49}
        assert len(bound(house)) == 1


@asynccontextmanager
async def waiting_for_a_code(open_house: Open) -> AsyncIterator[tuple[House, Legacy, Browser, list[str], str]]:
    """Two processes, and a browser with ten tickets and a code that was sent."""
    async with legacy_of(phones={PHONE: "1001"}) as legacy:
        house: House = await open_house(bind=legacy.sms)
        async with serving(house):
            browser = house.browser()
            ticket = await open_page(house, browser)
            tickets = [ticket, *await tickets_of(browser, 9)]
            sent = await browser.post("/_gateway/bind/sms", urlencode({"ticket": ticket, "phone": PHONE}).encode())
            assert sent.status == 303, sent.body
            code = await asyncio.wait_for(legacy.codes.get(), 30)
            legacy.asked.clear()
            yield house, legacy, browser, tickets, code


def with_code(tickets: Sequence[str], codes: Sequence[str]) -> list[dict[str, str]]:
    """A form for each code, over all tickets."""
    of_form = {"method": "sms", "phone": PHONE}
    return [of_form | {"ticket": tickets[n % len(tickets)], "code": code} for n, code in enumerate(codes)]


async def test_one_code_posted_fifty_times_binds_once(open_house: Open) -> None:
    """Over ten tickets of its session: one 303, one row; nobody else is told that the code is right."""
    async with waiting_for_a_code(open_house) as (house, _, browser, tickets, code):
        answers = await all_post(house, browser, with_code(tickets, [code] * 50))
        assert Counter(answer.status for answer in answers)[303] == 1
        assert {answer.status for answer in answers} <= {303, 401, 410, 429}
        assert bound(house) == ["1001"]


async def test_of_a_thousand_wrong_codes_five_are_evaluated(open_house: Open) -> None:
    """At once, over ten tickets: five are judged, and behind them the right code is not."""
    async with waiting_for_a_code(open_house) as (house, legacy, browser, tickets, code):
        wrong = [guess for guess in (f"{number:06d}" for number in range(1001)) if guess != code][:1000]
        answers = await all_post(house, browser, with_code(tickets, wrong))
        counted = Counter(answer.status for answer in answers)
        assert counted[401] == 5
        assert set(counted) <= {401, 410, 429}
        assert legacy.asked == ["/phone"] * 5
        left = [ticket_in(answer) for answer in answers if answer.status == 401]
        late = await all_post(house, browser, with_code(left * 4, [code] * 20))
        assert {answer.status for answer in late} <= {410, 429}
        assert bound(house) == []


class Later(House):
    """The same house half an hour later: its processes' clock is ahead."""

    @property
    def command(self) -> list[str]:
        ahead = "import sys, time; now = time.time; time.time = lambda: now() + 1800; "
        started = ahead + "from gateway.cli import main; sys.exit(main())"
        return [sys.executable, "-c", started, "serve", "-c", str(self.folder / "gateway.toml")]


@asynccontextmanager
async def again(house: House) -> AsyncIterator[Serving]:
    """Two processes, started anew."""
    (house.folder / "serve.log").unlink(missing_ok=True)
    async with serving(house) as running:
        await running.until_logged("listening on ")
        yield running


async def test_locks_hold_across_processes_and_restarts_and_end(open_house: Open) -> None:
    """Two failures, kill -9, the third, a stop: locked at either process until half an hour has passed."""
    people = {"ann:right": "42", "bob:right": "43"}
    async with legacy_of(passwords=people) as legacy:
        house: House = await open_house(
            password=legacy.password,
            lockout="failures = 3\ndelay_after = 1000",
        )

        async def guess(name: str, password: str) -> int:
            browser = house.browser()
            ticket = await open_page(house, browser)
            form = {"ticket": ticket, "username": name, "password": password, "consent": "1"}
            return (await browser.post("/_gateway/bind", urlencode(form).encode())).status

        async with again(house) as running:
            assert [await guess("ann", "wrong") for _ in range(2)] == [401, 401]
            os.killpg(running.child.pid, signal.SIGKILL)
            await running.ended()
        async with again(house):
            assert await guess("ann", "wrong") == 401
            assert len(legacy.asked) == 3
        async with again(house):
            assert [await guess("ann", "right") for _ in range(5)] == [401] * 5
            assert len(legacy.asked) == 3
        async with again(Later(**vars(house))):
            assert await guess("ann", "right") == 303
        assert bound(house) == ["42"]
