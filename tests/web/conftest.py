"""The pages over real stores, a scripted WeChat and a scripted legacy system, and a browser that keeps cookies."""

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from gateway.core.cookies import CookieNames
from gateway.core.identity import Session
from gateway.sealing import KeyedHash, Sealer, token_hash
from gateway.stores.cached import CachedBindings
from gateway.stores.interface import OnConflict
from gateway.stores.sessions import SealedCookieStorage, SessionSealer
from gateway.stores.sql_bindings import open_sql_bindings
from gateway.stores.sql_state import open_sql_state
from gateway.telemetry.metrics import Metrics
from gateway.verifiers.hook import BindEvent
from gateway.verifiers.interface import User, VerifierOutage
from gateway.verifiers.names import folded
from gateway.web.app import build_web
from gateway.web.parts import Brand, WebParts
from gateway.wechat.dance import Dance
from gateway.wechat.interface import ExchangeFailed, Failure, WeChatIdentity

MASTER = [bytes(range(32))]
HOST = "app.example.com"
ORIGIN = f"https://{HOST}"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Mobile/15E148 MicroMessenger/8.0.50(0x18003234) NetType/WIFI Language/zh_CN"
)
JSON = {"Accept": "application/json"}


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000

    def __call__(self) -> float:
        return float(self.now)


class ScriptedWeChat:
    """Knows its users by code: `code-ann` is Ann. Counts exchanges; failures and snapshots come as told."""

    app = "main"

    def __init__(self) -> None:
        self.exchanged: list[str] = []
        self.failures: list[Failure] = []
        self.snapshot = False
        self.called = asyncio.Event()
        self.gate: asyncio.Event | None = None

    def authorize_url(self, redirect_uri: str, state: str) -> str:
        query = urlencode({"appid": "wx1", "redirect_uri": redirect_uri, "state": state})
        return f"https://open.weixin.qq.com/connect/oauth2/authorize?{query}#wechat_redirect"

    async def exchange(self, code: str) -> WeChatIdentity:
        self.exchanged.append(code)
        self.called.set()
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            raise ExchangeFailed(self.failures.pop(0))
        return WeChatIdentity("oCANARY" + code.split("-")[1], "uCANARY", self.snapshot)

    async def close(self) -> None:
        """Nothing is open."""


class ScriptedLegacy:
    """One object for all three questions. Ann has a phone."""

    def __init__(self) -> None:
        self.users = {"ann": ("secret-ann", User("42", {"name": "Ann"})), "bob": ("secret-bob", User("43", {}))}
        self.phones = {"13800138000": User("42", {"name": "Ann"})}
        self.asked: list[tuple[str, ...]] = []
        self.sent: asyncio.Queue[tuple[str, str, int]] = asyncio.Queue()
        self.down = False

    def canonical(self, username: str) -> str:
        return folded(username)

    async def verify(self, username: str, password: str) -> User | None:
        self.asked.append((username, password))
        if self.down:
            raise VerifierOutage("down")
        known, user = self.users.get(username, ("", None))
        return user if password == known else None

    async def resolve(self, phone: str) -> User | None:
        self.asked.append((phone,))
        if self.down:
            raise VerifierOutage("down")
        return self.phones.get(phone)

    async def send(self, phone: str, code: str, ttl: int) -> None:
        await self.sent.put((phone, code, ttl))

    async def close(self) -> None:
        """Nothing is open."""


@dataclass
class Answer:
    status: int
    headers: Any
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def location(self) -> str:
        return str(self.headers["Location"])

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def cookies(self) -> dict[str, str]:
        return {line.split("=", 1)[0]: line for line in self.headers.getall("Set-Cookie", [])}

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.location).query).items()}

    @property
    def ticket(self) -> str:
        """The ticket in the form on this page."""
        found = re.search(r'name="ticket" value="([^"]+)"', self.text)
        assert found, self.text
        return found[1]


@dataclass
class Browser:
    """Keeps cookies and follows nothing by itself. `ip` as the front says."""

    base: str
    client: aiohttp.ClientSession
    jar: dict[str, str] = field(default_factory=dict)
    ip: str = "203.0.113.7"
    host: str = HOST
    language: str = "zh-CN,zh;q=0.9"

    async def send(
        self, method: str, path: str, *, data: Any = None, headers: dict[str, str] | None = None, keep: bool = True
    ) -> Answer:
        own = {
            "X-Forwarded-Host": self.host,
            "X-Forwarded-Proto": "https",
            "X-Forwarded-For": self.ip,
            "X-Request-Id": "req-1",
            "User-Agent": IPHONE,
            "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
            "Accept-Language": self.language,
        }
        if self.jar:
            own["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        url = aiohttp.client.URL(self.base + path.partition("#")[0], encoded=True)
        async with self.client.request(
            method, url, data=data, headers=own | (headers or {}), allow_redirects=False
        ) as response:
            answer = Answer(response.status, response.headers, await response.read())
        if keep:
            self._keep(answer)
        return answer

    def _keep(self, answer: Answer) -> None:
        for line in answer.headers.getall("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0":
                    self.jar.pop(name, None)
                else:
                    self.jar[name] = morsel.value

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    async def post(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> Answer:
        """A form sent by our own page."""
        own = {"Sec-Fetch-Site": "same-origin", "Origin": "null"} if headers is None else headers
        return await self.send("POST", path, data=fields, headers=own)

    async def depart(self, return_to: str = "/app") -> str:
        """Start a dance; the state."""
        answer = await self.get("/_gateway/login?" + urlencode({"return_to": return_to}))
        assert answer.status == 302
        return answer.query["state"]

    async def sign_in(self, code: str = "code-ann", return_to: str = "/app") -> Answer:
        """A whole dance; the callback's answer."""
        state = await self.depart(return_to)
        return await self.get(f"/_gateway/callback?code={code}&state={state}")

    async def ticket(self, code: str = "code-ann", return_to: str = "/app") -> str:
        """A whole dance of somebody who is not bound; the ticket."""
        answer = await self.sign_in(code, return_to)
        assert answer.location.startswith("/_gateway/bind?ticket="), answer.location
        return answer.query["ticket"]

    async def bind(self, ticket: str, username: str = "ann", password: str = "secret-ann", **more: str) -> Answer:
        fields = {"ticket": ticket, "username": username, "password": password, "consent": "1"} | more
        return await self.post("/_gateway/bind", **fields)


@dataclass
class House:
    """What a test reaches: the parts, the scripted outside, and new browsers."""

    parts: WebParts
    clock: Clock
    wechat: ScriptedWeChat
    legacy: ScriptedLegacy
    sealer: SessionSealer
    browser: Callable[[], Browser]
    audit: Callable[[], list[tuple[str, str]]]
    told: list[BindEvent]
    stop: Callable[[], Awaitable[None]]

    def session(self, browser: Browser) -> Session:
        session = self.sealer.open(browser.jar[self.parts.cookies.session])
        assert session
        return session

    def sid_hash(self, browser: Browser) -> str:
        return token_hash(self.session(browser).sid)


Opened = Callable[..., Any]


@pytest.fixture
async def open_house(tmp_path: Path) -> AsyncIterator[Opened]:
    """Builds houses: keyword arguments replace parts; `secure=False` builds one on plain http."""
    closing: list[Callable[[], Any]] = []

    async def open_one(**changes: Any) -> House:
        clock, wechat, legacy = Clock(), ScriptedWeChat(), ScriptedLegacy()
        on_conflict = changes.pop("on_conflict", OnConflict.REFUSE)
        told: list[BindEvent] = []
        secure = changes.get("secure", True)
        scheme = "https" if secure else "http"
        cookies = CookieNames.for_scheme(secure)
        names = KeyedHash(MASTER, "names")
        folder = tmp_path / str(len(closing))
        folder.mkdir()
        bindings = CachedBindings(
            await open_sql_bindings(f"sqlite:{folder}/bindings.db", per_user=1, on_conflict=on_conflict, names=names),
            5.0,
            100,
            clock,
        )
        state = await open_sql_state(f"sqlite:{folder}/state.db", sealer=Sealer(MASTER, "state"))
        sealer = SessionSealer(Sealer(MASTER, "session"), 7 * 86400, 30 * 86400)

        async def is_revoked(session: Session) -> bool:
            return (await bindings.standing(session.subject, token_hash(session.sid), session.created)).revoked

        parts = WebParts(
            prefix="/_gateway",
            secure=secure,
            providers={"main": wechat},
            app_of_host={HOST: "main", "two.example.com": "main"}.get,
            origin_of=lambda host: f"{scheme}://{host}" if host == "two.example.com" else f"{scheme}://{HOST}",
            needs_binding=lambda host, return_to: not return_to.startswith(("/open", "/_gateway")),
            cookies=cookies,
            dance=Dance(Sealer(MASTER, "dance"), KeyedHash(MASTER, "dance"), cookies),
            sessions=SealedCookieStorage(sealer, cookies, is_revoked, clock),
            absolute=30 * 86400,
            bindings=bindings,
            state=state,
            result_sealer=Sealer(MASTER, "result"),
            names=names,
            jwks=lambda: b'{"keys":[]}',
            metrics=Metrics(),
            password=legacy,
            sms=legacy,
            resolver=legacy,
            domain_files={"MP_verify_abc.txt": "abc"},
            brand=Brand("Example", "/privacy", "/register", "/help", "v1"),
            clock=clock,
            tell=told.append,
        )
        parts = replace(parts, **changes)
        server = TestServer(build_web(parts))
        await server.start_server()
        client = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False)
        closing.extend([client.close, server.close, bindings.close, state.close])
        base = f"http://127.0.0.1:{server.port}"

        def audit() -> list[tuple[str, str]]:
            with sqlite3.connect(folder / "bindings.db") as db:
                return list(db.execute("select event, coalesce(user_id, '') from audit order by id"))

        return House(parts, clock, wechat, legacy, sealer, lambda: Browser(base, client), audit, told, server.close)

    yield open_one
    for close in closing:
        await close()


@pytest.fixture
async def house(open_house: Opened) -> House:
    """The usual house."""
    opened: House = await open_house()
    return opened


@pytest.fixture
def browser(house: House) -> Browser:
    """One browser at the usual house."""
    return house.browser()
