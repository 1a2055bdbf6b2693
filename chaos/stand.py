"""The stand that each row is tried on: a gateway process of its own, a misbehaving upstream, a signed-in user."""

import asyncio
import base64
import contextlib
import json
import os
import secrets
import socket
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from chaos.client import ask, request
from chaos.marks import Mark, exactly
from chaos.process import Process, gateway_command, until
from chaos.upstream import Upstream
from gateway.core.identity import Subject
from gateway.sealing import KeyedHash, Sealer
from gateway.signing import generate_pem
from gateway.stores.interface import Actor, BindRequest, OnConflict
from gateway.stores.sessions import SessionSealer, new_session
from gateway.stores.sql_bindings import open_sql_bindings

CONFIG = """
version = 1
[server]
development = true
listen = ["127.0.0.1:{port}"]
admin = "127.0.0.1:{admin}"
public_url = "http://gw.test"
{server}
[secrets]
cookie_keys = [{{ file = "cookie.key" }}]
[[apps]]
id = "main"
app_id = "wx520c15f417810387"
secret = {{ file = "wechat.secret" }}
authorize_base = "http://127.0.0.1:1"
api_base = "http://127.0.0.1:1"
[state]
url = "sqlite:data/state.db"
[bindings]
url = "sqlite:data/bindings.db"
[identity]
keys = [{{ file = "identity.pem" }}]
[bind.password]
verifier = "http"
url = "http://127.0.0.1:1/"
[limits]
{limits}
[[upstreams]]
id = "legacy"
servers = ["http://127.0.0.1:{upstream}"]
{legacy}
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
class Stand:
    """What a row works with. `cookie` is the header line that signs in."""

    port: int
    admin: int
    upstream: Upstream
    gateway: Process
    cookie: str
    folder: Path

    @property
    def config(self) -> Path:
        """The gateway's configuration file."""
        return self.folder / "gateway.toml"

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "log").read_text(errors="replace")

    def user(self, number: int = 0, target: str = "/app/page") -> bytes:
        """A signed-in request."""
        return request(target, self.cookie, f"X-Chaos-Id: {number}")

    def faults_of_ours(self) -> list[Mark]:
        """What must be so in every row: nothing went wrong inside, and nobody was let in without identity."""
        bad = [line for line in self.log.splitlines() if '"level":"error"' in line or '"level":"critical"' in line]
        marks = [
            exactly("errors of our own in the log", len(bad), 0),
            exactly("requests upstream without identity", self.upstream.unidentified, 0),
        ]
        return [replace(mark, common=True) for mark in marks]

    async def metric(self, start: str) -> float:
        """The first sample whose line starts so; 0 without one."""
        came = await ask(self.admin, request("/metrics", "Connection: close", host=f"127.0.0.1:{self.admin}"))
        lines = came.body.decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(start)), 0.0)


@contextlib.asynccontextmanager
async def stand(
    *,
    prefix: tuple[str, ...] = (),
    stderr: int | None = None,
    upstream_port: int | None = None,
    **parts: str,
) -> AsyncIterator[Stand]:
    """Open one. `parts` are lines for the tables server, limits and legacy; `stderr` a descriptor for the log."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as name:
        folder = Path(name)
        upstream = Upstream()
        await upstream.start()
        port, admin = free_port(), free_port()
        texts = {"server": "", "limits": "", "legacy": ""} | parts
        text = CONFIG.format(port=port, admin=admin, upstream=upstream_port or upstream.port, **texts)
        cookie = await _paint(folder, text)
        log = os.open(folder / "log", os.O_CREAT | os.O_WRONLY | os.O_APPEND)
        process = Process(
            gateway_command(folder / "gateway.toml"), stderr=log if stderr is None else stderr, prefix=prefix
        )
        made = Stand(port, admin, upstream, process, cookie, folder)
        try:
            await process.start()
            await _ready(made)
            yield made
        finally:
            await process.stop()
            await upstream.stop()
            os.close(log)


async def _ready(made: Stand) -> None:
    deadline = time.monotonic() + 30
    while (await ask(made.admin, request("/readyz", host=f"127.0.0.1:{made.admin}"), patience=2)).status != 200:
        if time.monotonic() > deadline or not made.gateway.running:
            raise RuntimeError(f"the gateway does not start:\n{made.log[-2000:]}")
        await asyncio.sleep(0.05)
    if (await ask(made.port, made.user())).status != 200:
        raise RuntimeError(f"the signed-in user is not let through:\n{made.log[-2000:]}")


async def _paint(folder: Path, text: str) -> str:
    """Write every file; the Cookie line of a bound user, without a dance."""
    key = secrets.token_bytes(32)
    files = {
        "gateway.toml": text.encode(),
        "cookie.key": base64.urlsafe_b64encode(key),
        "wechat.secret": secrets.token_hex(16).encode(),
        "identity.pem": generate_pem("ES256"),
        "policies/public.toml": b'access = "public"\nmax_body = "0"\n',
        "policies/page.toml": b'access = "bound"\nmax_body = "0"\n',
    }
    (folder / "policies").mkdir()
    for name, content in files.items():
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(content)
    now, subject = int(time.time()), Subject("main", "oChaos")
    bindings = await open_sql_bindings(
        f"sqlite:{folder}/data/bindings.db",
        per_user=1,
        on_conflict=OnConflict.REFUSE,
        names=KeyedHash([key], "subjects"),
    )
    await bindings.bind(BindRequest(subject, "42", {}, "pwd"), Actor("user"), now)
    await bindings.close()
    sealed = SessionSealer(Sealer([key], "session"), 7 * 86400, 30 * 86400).seal(new_session(subject, now), now)
    return f"Cookie: gateway_session={sealed}"


def free_port() -> int:
    """A port of loopback that nobody listens on, below those that outgoing connections are given."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


def fields_of(line: str) -> dict[str, object]:
    """One line of the log."""
    found: dict[str, object] = json.loads(line)
    return found


__all__ = ["Stand", "free_port", "stand", "until"]
