"""Every secret is a unique string; none is found, in any spelling, where it does not belong."""

import base64
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

from gateway.simulator import exchange
from gateway.simulator.codes import openid, union_id

from .carrying import until
from .conftest import APP_SECRET, House, Open, ticket_in
from .legacy import Legacy, legacy_of
from .process import Process, process_of
from .raw import Answer, Browser, target_of

PASSWORDS_OF = {"xiaoming": "canary-r1ght-Pa55", "xiaohong": "canary-0ther-Pa55"}
WRONG = "canary-wr0ng-Pa55/+?"
TYPED = "canary-typed-name"
PHONE = "13800138000"
SECRETS = {name: f"c4nary-{name}-5f0d9e7b1a3c8642e6d1" for name in ("verifier", "sender", "resolver", "hook")}


def spellings(secret: str) -> set[bytes]:
    """Raw, percent-encoded, hex, and base64 at each of the three alignments that it may have within other text."""
    raw = secret.encode()
    found = {raw, quote(secret, safe="").encode(), raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        inner = base64.b64encode(b"\0" * shift + raw)[-(-8 * shift // 6) :]
        whole = inner[: (len(raw) * 8 + shift * 8) // 6 - -(-8 * shift // 6)]
        found |= {whole, whole.replace(b"+", b"-").replace(b"/", b"_")}
    return found


@pytest.mark.parametrize("prefix", [b"", b"x", b"xy", b"xyz"])
def test_every_spelling_is_found(prefix: bytes) -> None:
    """The search itself: a secret in the middle of something that was encoded whole."""
    secret = "canary/+?-secret"
    whole = prefix + secret.encode() + b"tail"
    encodings: list[Callable[[bytes], bytes]] = [
        bytes,
        base64.b64encode,
        base64.urlsafe_b64encode,
        lambda data: data.hex().encode(),
        lambda data: quote(data, safe="").encode(),
    ]
    for encode in encodings:
        assert any(spelling in encode(whole) for spelling in spellings(secret))


@dataclass
class Seen:
    """What people's browsers saw of a whole run, and all its secrets by kind."""

    answers: list[Answer] = field(default_factory=list)
    secrets: dict[str, set[str]] = field(default_factory=dict)

    def note(self, **secrets: str) -> None:
        """Remember secrets by kind."""
        for kind, secret in secrets.items():
            assert len(secret) >= 6, kind
            self.secrets.setdefault(kind, set()).add(secret)

    def took(self, browser: Browser, answer: Answer) -> Answer:
        """Remember an answer, and the cookies that it left."""
        self.answers.append(answer)
        for name, value in browser.jar.items():
            self.note(**{"session" if "session" in name else "login_cookie": value})
        ticket = re.search(rb'name="ticket" value="([^"]+)"', answer.body)
        if ticket:
            self.note(ticket=ticket[1].decode())
        return answer

    def found_in(self, place: bytes, *kinds: str) -> list[tuple[str, bytes]]:
        """Which secrets of these kinds (none: of all) stand in `place`."""
        return [
            (kind, spelling)
            for kind in kinds or self.secrets
            for secret in self.secrets[kind]
            for spelling in (spellings(secret) if len(secret) > 6 else {secret.encode()})
            if (spelling in place if len(spelling) > 6 else re.search(rb"(?<!\w)" + spelling + rb"(?!\w)", place))
        ]


@asynccontextmanager
async def everything(open_house: Open) -> AsyncIterator[tuple[House, Legacy, Seen, Process]]:
    """A process at its most talkative, whose every secret is known."""
    seen = Seen()
    accounts = {f"{name}:{password}": name for name, password in PASSWORDS_OF.items()}
    async with legacy_of(passwords=accounts, phones={PHONE: "xiaohong"}) as legacy:
        sms = legacy.sms + f'\nsender_secret = "{SECRETS["sender"]}"\nresolver_secret = "{SECRETS["resolver"]}"'
        house: House = await open_house(
            bind=sms + f'\n[bind.hook]\nurl = "{legacy.base}/hook"\nsecret = "{SECRETS["hook"]}"',
            password=legacy.password + f'\nsecret = "{SECRETS["verifier"]}"',
            lockout="failures = 3\nfailures_per_account = 10",
            limits='[log]\nlevel = "debug"',
        )
        sim, tokens = house.wechat.sim, seen.secrets.setdefault("wechat_token", set())

        def random(size: int, draw: Callable[[int], bytes] = sim.random) -> bytes:
            drawn = draw(size)
            if size == 32:  # the smaller ones number WeChat's errors
                tokens.add(drawn.hex())
            return drawn

        object.__setattr__(sim, "random", random)
        seen.note(app_secret=APP_SECRET, cookie_key=(house.folder / "cookie.key").read_text().strip())
        seen.note(**{f"{name}_secret": secret for name, secret in SECRETS.items()})
        seen.note(phone=PHONE, right=PASSWORDS_OF["xiaoming"], other=PASSWORDS_OF["xiaohong"], wrong=WRONG, typed=TYPED)
        pem = (house.folder / "identity.pem").read_text().splitlines()
        seen.note(identity_key=pem[1])
        async with process_of(house) as process:
            yield house, legacy, seen, process


async def arrive(house: House, seen: Seen, who: str) -> tuple[Browser, str]:
    """A dance; the browser and its ticket."""
    browser = house.browser()
    seen.note(openid=openid("wx520c15f417810387", who), union_id=union_id(who))
    start = seen.took(browser, await browser.get("/orders?q=1"))
    callback = await house.authorize(start.get("location") or "", who)
    query = parse_qs(urlsplit(callback).query)
    seen.note(code=query["code"][0], state=query["state"][0])
    landed = seen.took(browser, await browser.get(callback))
    page = seen.took(browser, await browser.get(target_of(landed.get("location") or "", house.origin)))
    return browser, ticket_in(page)


async def post(seen: Seen, browser: Browser, path: str, **fields: str) -> Answer:
    """A form of the bind page."""
    return seen.took(
        browser, await browser.post(f"/_gateway/bind{path}", urlencode({"consent": "1"} | fields).encode())
    )


async def live(house: House, legacy: Legacy, seen: Seen) -> None:
    """Binds by password and by code; wrong, locked, incomplete and conflicting tries; an outage; a logout."""
    browser, ticket = await arrive(house, seen, "xiaoming")
    for consent, password in (("0", WRONG), ("1", WRONG)):
        answer = await post(seen, browser, "", ticket=ticket, username=TYPED, password=password, consent=consent)
        ticket = ticket_in(answer)
    password = PASSWORDS_OF["xiaoming"]
    assert (await post(seen, browser, "", ticket=ticket, username="xiaoming", password=password)).status == 303
    for page in ("/orders", "/_gateway/me", "/openid/x"):
        seen.took(browser, await browser.get(page))
    other, ticket = await arrive(house, seen, "xiaohong")
    assert (await post(seen, other, "/sms", ticket=ticket, phone=PHONE)).status == 303
    code = await legacy.codes.get()
    seen.note(sms_code=code)
    wrong = "111111" if code != "111111" else "222222"
    answer = await post(seen, other, "", ticket=ticket, method="sms", phone=PHONE, code=wrong)
    assert answer.status == 401
    answer = await post(seen, other, "", ticket=ticket_in(answer), method="sms", phone=PHONE, code=code)
    assert answer.status == 303
    third, ticket = await arrive(house, seen, "alice")
    for _ in range(4):
        answer = await post(seen, third, "", ticket=ticket, username=TYPED, password=WRONG)
        assert answer.status == 401
        ticket = ticket_in(answer)
    assert (await post(seen, third, "", ticket=ticket, username="xiaoming", password=password)).status == 409
    fourth, ticket = await arrive(house, seen, "u1")
    legacy.down = True
    answer = await post(seen, fourth, "", ticket=ticket, username=TYPED, password=WRONG)
    assert answer.status == 503
    await post(seen, fourth, "/sms", ticket=ticket_in(answer), phone=PHONE)
    legacy.down = False
    house.wechat.switches.set("errcode", 40125, times=1)
    fifth = house.browser()
    start = seen.took(fifth, await fifth.get("/orders"))
    seen.took(fifth, await fifth.get(await house.authorize(start.get("location") or "", "u2")))
    seen.took(browser, await browser.post("/_gateway/logout", b""))


async def test_no_secret_is_where_it_does_not_belong(open_house: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs at debug level, metrics, pages, upstream bytes, and both databases.

    OpenIds and UnionIds stand in the bindings database by design; an upstream sees one where a policy exposes it.
    """
    success = exchange._success

    def with_union_id(state: Any, code: Any) -> dict[str, object]:
        return success(state, code) | {"unionid": union_id(code.user)}  # as apps of one Open Platform account get it

    monkeypatch.setattr(exchange, "_success", with_union_id)
    async with everything(open_house) as (house, legacy, seen, process):
        await live(house, legacy, seen)
        await until(lambda: legacy.asked.count("/hook") >= 2, "nobody was told of the binds")
        metrics = (await process.metrics()).encode()
        databases = {}
        for name in ("state", "bindings"):
            with sqlite3.connect(house.folder / f"{name}.db") as db:
                db.execute("PRAGMA wal_checkpoint")
            databases[name] = b"".join(path.read_bytes() for path in house.folder.glob(f"{name}.db*"))
    log = process.log.encode()
    kinds = set(seen.secrets)
    assert {"session", "login_cookie", "ticket", "code", "state", "openid", "sms_code", "wechat_token"} <= kinds
    assert len(seen.secrets["wechat_token"]) >= 8
    assert b'"route":"app"' in log
    assert seen.found_in(log) == []
    assert seen.found_in(metrics) == []
    shown = {"ticket", "state", "typed", "phone", "session", "login_cookie"}  # to the one whose they are
    for answer in seen.answers:
        text = repr(answer.fields).encode() + answer.body
        if b'"openid":' in answer.body:  # what the strict upstream echoes of a policy with expose_openid
            assert seen.found_in(text, "openid")
            continue
        assert seen.found_in(text, *kinds - shown) == []
    pages = b"".join(answer.body for answer in seen.answers)
    assert seen.found_in(pages, "session", "login_cookie") == []
    assert len(house.upstream.raw) > 1000
    assert seen.found_in(bytes(house.upstream.raw), *kinds - {"openid"}) == []
    assert seen.found_in(databases["state"]) == []
    assert seen.found_in(databases["bindings"], *kinds - {"openid", "union_id"}) == []
    assert {kind for kind, _ in seen.found_in(databases["bindings"])} == {"openid", "union_id"}
