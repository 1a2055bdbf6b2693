"""The real gateway on free ports, between the painted WeChat and a strict upstream."""

import asyncio
import base64
import json
import os
import re
import secrets
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import uvloop

from gateway.app import Gateway
from gateway.config import load
from gateway.signing import generate_pem
from gateway.simulator.run import serve
from gateway.simulator.scene import SimApp, SimUser, WeChatSim
from gateway.simulator.state import STATE, SimState
from gateway.simulator.wechat import build_wechat
from gateway.telemetry.lines import LineWriter
from gateway.verifiers.users import add_user

from .raw import PATIENCE, Answer, Browser, Line, target_of
from .upstream import StrictUpstream

APP_SECRET = "c4nary5ecret0f7heapp1ication4242"
PASSWORD = "canary-password-long"

_POLICIES = {
    "page": 'access = "bound"\nclaims = ["name", "roles"]\n',
    "api": 'access = "bound"\non_anonymous = "401"\non_unbound = "403"\nclaims = ["name"]\n',
    "public": 'access = "public"\n',
    "huge": 'access = "public"\nmax_body = "0"\n',
    "optional": 'access = "optional"\n',
    "wechat": 'access = "wechat"\n',
    "spa": 'access = "bound"\nkeep_fragment = true\n',
    "admin": 'access = "bound"\nrequire = [{ claim = "roles", values = ["admin"] }]\n',
    "small": 'access = "bound"\nmax_body = "1KB"\n',
    "plain": 'access = "bound"\n[headers]\nX-User-Name = "name"\n',
    "openid": 'access = "bound"\nexpose_openid = true\n',
    "red": 'access = "public"\n[request_headers]\nset = { X-Env = "red" }\nremove = ["X-Debug"]\n',
    "blue": 'access = "public"\n[request_headers]\nset = { X-Env = "blue" }\n[response_headers]\nremove = ["Server"]\n',
    "edited": 'access = "bound"\n[request_headers]\nset = { X-Env = "prod" }\n'
    '[response_headers]\nset = { X-Frame-Options = "DENY" }\nremove = ["Cache-Control"]\n',
    "near": 'access = "bound"\nhandover = false\n',
    "cross": 'access = "bound"\npreflight = "forward"\ncors = { origins = ["http://spa.test"] }\n',
    "brief": 'access = "public"\nidle_timeout = "600ms"\ntunnel_timeout = "600ms"\n',
}

_CONFIG = """
version = 1
[server]
development = true
listen = ["127.0.0.1:{port}", {listen}]
admin = "127.0.0.1:0"
public_url = "http://127.0.0.1:{port}"
drain_timeout = "{drain}"
{server}
[secrets]
cookie_keys = [{{ file = "cookie.key" }}]
[[apps]]
id = "main"
app_id = "wx520c15f417810387"
secret = {{ file = "wechat.secret" }}
authorize_base = "http://127.0.0.1:{wechat}"
api_base = "http://127.0.0.1:{wechat}"
{app}
[state]
url = "sqlite:state.db"
[bindings]
url = "sqlite:bindings.db"
{bindings}
[identity]
keys = [{{ file = "identity.pem" }}]
{identity}
[bind]
{bind}
[bind.lockout]
floor = "10ms"
{lockout}
[bind.password]
{password}
[session]
{session}
[limits]
{limits}
[[upstreams]]
id = "legacy"
servers = ["http://127.0.0.1:{upstream}"]
{legacy}
"""


_SIM_APPS = (
    SimApp("wx520c15f417810387", APP_SECRET, domains=("127.0.0.1",)),
    SimApp("wx7d0b3a95c61e82f4", APP_SECRET, domains=("127.0.0.1",), website=True),
)
_PLAIN = (
    "import sys; from gateway.app import Gateway; Gateway.__init__.__kwdefaults__['fast'] = False;"
    "from gateway.cli import main; sys.exit(main())"
)


@dataclass
class House:
    """Everything that runs for one test."""

    port: int
    gateway: Gateway
    wechat: SimState
    upstream: StrictUpstream
    folder: Path
    log: Path
    fast: bool = True
    browsers: list[Browser] = field(default_factory=list)

    @property
    def command(self) -> list[str]:
        """`gateway serve` with this configuration. It always runs with the fast path; a test can take it away."""
        program = ["-m", "gateway"] if self.fast else ["-c", _PLAIN]
        return [sys.executable, *program, "serve", "-c", str(self.folder / "gateway.toml")]

    @property
    def origin(self) -> str:
        """The gateway's public URL."""
        return f"http://127.0.0.1:{self.port}"

    def browser(self) -> Browser:
        """A fresh phone."""
        return Browser(self.port)

    async def line(self) -> Line:
        """A connection to the gateway."""
        return await Line.open(self.port)

    async def authorize(self, location: str, who: str = "xiaoming") -> str:
        """What WeChat does with a browser that was sent to `location`: the callback's target."""
        port = int(location.split("/")[2].partition(":")[2])
        phone = Browser(port, jar={"wechat_sim_user": who})
        answer = await phone.get(target_of(location, location))
        assert answer.status == 302, answer.body
        return target_of(answer.get("location") or "", self.origin)

    async def dance(self, browser: Browser, target: str = "/", who: str = "xiaoming") -> Answer:
        """Open `target` and follow WeChat's dance to the callback's answer."""
        answer = await browser.get(target)
        assert answer.status == 302, answer.body
        return await browser.get(await self.authorize(answer.get("location") or "", who))

    async def bind(self, browser: Browser, location: str, username: str = "xiaoming") -> Answer:
        """Fill in the bind page at `location`."""
        page = await browser.get(target_of(location, self.origin))
        assert page.status == 200, page.body
        form = {"ticket": ticket_in(page), "method": "password", "username": username, "password": PASSWORD}
        return await browser.post("/_gateway/bind", urlencode(form | {"consent": "1"}).encode())

    async def signed_in(self, who: str = "xiaoming", target: str = "/") -> Browser:
        """A browser of a bound user, on the page it asked for."""
        browser = self.browser()
        answer = await self.dance(browser, target, who)
        location = answer.get("location") or ""
        if "/bind" in location:
            answer = await self.bind(browser, location, who)
            assert answer.status == 303, answer.body
        return browser


def ticket_in(page: Answer) -> str:
    """The ticket of a bind page's form."""
    found = re.search(rb'name="ticket" value="([^"]+)"', page.body)
    assert found, page.body
    return found[1].decode()


def free_port() -> int:
    """A port of loopback that nobody listens on, and that no outgoing connection will be given meanwhile."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)  # below the kernel's ephemeral ports
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that serves in production."""
    return {"uvloop": uvloop.new_event_loop}


USERS = ("xiaoming", "xiaohong", "alice")
Open = Callable[..., Any]


@pytest.fixture(scope="session")
def users_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Accounts for the file verifier, hashed once: argon2 is slow on purpose."""
    path = tmp_path_factory.mktemp("users") / "users.toml"
    for number, name in enumerate(USERS):
        claims = {"name": name.title(), "roles": ["admin"] if name == "alice" else ["member"]}
        add_user(path, name, password=PASSWORD, user_id=str(1001 + number), claims=claims)
    return path


@pytest.fixture(params=[True, False], ids=["fast", "plain"])
def fast(request: pytest.FixtureRequest) -> bool:
    """Every service test runs with the wire's fast path and without it."""
    return bool(request.param)


@pytest.fixture
async def open_house(tmp_path: Path, users_file: Path, fast: bool) -> AsyncIterator[Open]:
    """Opens houses with parts of the configuration replaced; closes them at the end."""
    closers: list[Any] = []

    async def open_house(routes: str | None = None, policies: dict[str, str] | None = None, **parts: str) -> House:
        folder = tmp_path / secrets.token_hex(4)
        (folder / "policies").mkdir(parents=True)
        for name, text in (_POLICIES | (policies or {})).items():
            (folder / "policies" / f"{name}.toml").write_text(text)
        write = {
            "cookie.key": base64.urlsafe_b64encode(secrets.token_bytes(32)),
            "wechat.secret": APP_SECRET.encode(),
            "identity.pem": generate_pem("ES256"),
        }
        for name, content in write.items():
            descriptor = os.open(folder / name, os.O_CREAT | os.O_WRONLY, 0o600)
            os.write(descriptor, content)
            os.close(descriptor)
        shutil.copy(users_file, folder / "users.toml")
        port = free_port()
        people = (*(SimUser(name, name) for name in USERS), *(SimUser(f"u{n}", f"u{n}") for n in range(60)))
        wechat_app = build_wechat(WeChatSim(apps=_SIM_APPS, users=people))
        wechat = await serve(wechat_app, "127.0.0.1", 0)
        closers.append(wechat.cleanup)
        upstream = StrictUpstream(issuer=f"http://127.0.0.1:{port}")
        upstream_port = await upstream.start()
        closers.append(upstream.stop)
        names = ("server", "app", "bindings", "identity", "bind", "lockout", "session", "limits", "legacy", "listen")
        parts["app"] = parts.get("app", "").replace("{wechat}", f"http://127.0.0.1:{wechat.addresses[0][1]}")
        text = _CONFIG.format(
            port=port,
            wechat=wechat.addresses[0][1],
            upstream=upstream_port,
            drain=parts.pop("drain", "2s"),
            password=parts.pop("password", 'verifier = "file"\nfile = "users.toml"'),
            **{name: parts.pop(name, "") for name in names},
        )
        assert not parts
        (folder / "gateway.toml").write_text(text + (_routes() if routes is None else routes))
        log = folder / "log"
        descriptor = os.open(log, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        writer = LineWriter(descriptor)
        gateway = Gateway(load(folder / "gateway.toml", env={}), writer, fast=fast)
        await gateway.start()
        closers.append(gateway.stop)
        closers.append(_closing(writer, descriptor))
        return House(port, gateway, wechat_app[STATE], upstream, folder, log, fast)

    yield open_house
    for close in [each for each in closers if each.__name__ == "stop"] + [
        each for each in closers if each.__name__ != "stop"
    ]:
        await close()


def _closing(writer: LineWriter, descriptor: int) -> Any:
    async def close() -> None:
        writer.close()
        os.close(descriptor)

    return close


def _routes() -> str:
    rows = [("app", "/", "page")]
    rows += [(name, f"/{name}", name) for name in _POLICIES if name != "page"]
    return "".join(
        f'[[routes]]\nid = "{name}"\npath = "{path}"\npolicy = "{policy}"\nupstream = "legacy"\n'
        + ("" if 'access = "public"' in _POLICIES[policy] else 'audience = "legacy"\n')
        for name, path, policy in rows
    )


@pytest.fixture
async def house(open_house: Open) -> House:
    """The usual house."""
    opened: House = await open_house()
    return opened


@pytest.fixture
async def start() -> AsyncIterator[Callable[..., Any]]:
    """Starts servers (fleet.py), so many or these; ends them with the test."""
    from .fleet import Backend

    running: list[Backend] = []

    async def start(count: int = 0, *backends: Backend) -> list[Backend]:
        new = [*(Backend() for _ in range(count)), *backends]
        for each in new:
            await each.start()
            running.append(each)
        return new

    yield start
    for each in running:
        await each.kill()
    async with asyncio.timeout(PATIENCE):
        while any(each.active for each in running):  # noqa: ASYNC110 - their ends are heard by themselves only
            await asyncio.sleep(0.005)


def claims_in(answer: Answer) -> dict[str, Any]:
    """The claims that the upstream verified and echoed."""
    claims: dict[str, Any] = json.loads(answer.body)["claims"]
    return claims
