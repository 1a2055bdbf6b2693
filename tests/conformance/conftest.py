"""The gateway under test between a raw client and a recording upstream: /public is open, all else needs a session."""

import asyncio
import base64
import os
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio
import uvloop

from gateway.app import Gateway
from gateway.config import load
from gateway.core.identity import Subject
from gateway.sealing import KeyedHash, Sealer
from gateway.signing import generate_pem
from gateway.stores.interface import Actor, BindRequest, OnConflict
from gateway.stores.sessions import SessionSealer, new_session
from gateway.stores.sql_bindings import open_sql_bindings
from gateway.telemetry.lines import LineWriter

from .recorder import Recorder

_CONFIG = """
version = 1
[server]
development = true
listen = ["127.0.0.1:0"]
admin = "127.0.0.1:0"
public_url = "http://gw.test"
[secrets]
cookie_keys = [{{ file = "cookie.key" }}]
[[apps]]
id = "main"
app_id = "wx520c15f417810387"
secret = {{ file = "wechat.secret" }}
authorize_base = "http://127.0.0.1:1"
api_base = "http://127.0.0.1:1"
[identity]
keys = [{{ file = "identity.pem" }}]
[bind.password]
verifier = "http"
url = "http://127.0.0.1:1/"
[[upstreams]]
id = "legacy"
servers = ["http://127.0.0.1:{upstream}"]
response_timeout = "3s"
[[routes]]
id = "public"
path = "/public"
policy = "public"
upstream = "legacy"
[[routes]]
id = "app"
policy = "page"
upstream = "legacy"
audience = "legacy"
"""


@dataclass
class Bench:
    """What a case needs. `secret` is the value of a live session's cookie; `fast`: the wire remembers heads."""

    port: int
    recorder: Recorder
    secret: str
    fast: bool

    @property
    def auth(self) -> bytes:
        """The Cookie line that signs in."""
        return f"Cookie: gateway_session={self.secret}\r\n".encode()


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that serves in production."""
    return {"uvloop": uvloop.new_event_loop}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[True, False], ids=["fast", "plain"])
async def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bench]:
    """One gateway for all cases of a module: so that one case can poison the next, if anything can."""
    folder = tmp_path_factory.mktemp("conformance")
    recorder = Recorder()
    await recorder.start()
    key = secrets.token_bytes(32)
    _write_private(folder / "cookie.key", base64.urlsafe_b64encode(key))
    _write_private(folder / "wechat.secret", b"c4nary5ecret0f7heapp1ication4242")
    _write_private(folder / "identity.pem", generate_pem("ES256"))
    (folder / "policies").mkdir()
    (folder / "policies/public.toml").write_text('access = "public"\n')
    (folder / "policies/page.toml").write_text('access = "bound"\non_anonymous = "401"\n')
    (folder / "gateway.toml").write_text(_CONFIG.format(upstream=recorder.port))
    secret = await _sign_in(folder, key)
    descriptor = os.open(folder / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    writer = LineWriter(descriptor)
    gateway = Gateway(load(folder / "gateway.toml", env={}), writer, fast=request.param)
    await gateway.start()
    yield Bench(int(gateway.addresses[0].rpartition(":")[2]), recorder, secret, request.param)
    await gateway.stop()
    await recorder.stop()
    writer.close()
    os.close(descriptor)


async def _sign_in(folder: Path, key: bytes) -> str:
    """A bound session's cookie, without a dance."""
    now = int(time.time())
    subject = Subject("main", "oConformance")
    bindings = await open_sql_bindings(
        f"sqlite:{folder}/data/bindings.db",
        per_user=1,
        on_conflict=OnConflict.REFUSE,
        names=KeyedHash([key], "subjects"),
    )
    await bindings.bind(BindRequest(subject, "42", {}, "pwd"), Actor("user"), now)
    await bindings.close()
    return SessionSealer(Sealer([key], "session"), 7 * 86400, 30 * 86400).seal(new_session(subject, now), now)


def _write_private(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(descriptor, content)
    os.close(descriptor)
