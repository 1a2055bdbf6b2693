"""The legacy system hears of binds: signed, once where nothing is wrong, also behind a stop, never with an OpenId."""

import asyncio
import hashlib
import hmac
import json
import os
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.config import load

from .carrying import logged
from .conftest import House, Open, claims_in
from .raw import PATIENCE

SECRET = "0123456789abcdef0123456789abcdef"


class Ear:
    """What the legacy system heard. `deaf`: it answers 503 so many times first."""

    def __init__(self) -> None:
        self.deaf = 0
        self.heard: asyncio.Queue[tuple[dict[str, str], bytes]] = asyncio.Queue()
        self.refused = asyncio.Event()
        app = web.Application()
        app.router.add_post("/hook", self._hear)
        self.server = TestServer(app, host="127.0.0.1")

    async def _hear(self, request: web.Request) -> web.Response:
        if self.deaf:
            self.deaf -= 1
            self.refused.set()
            return web.Response(status=503)
        await self.heard.put((dict(request.headers), await request.read()))
        return web.Response(status=204)

    async def next(self) -> dict[str, object]:
        async with asyncio.timeout(PATIENCE):
            headers, body = await self.heard.get()
        signed = hmac.new(SECRET.encode(), headers["X-Gateway-Timestamp"].encode() + body, hashlib.sha256)
        assert headers["X-Gateway-Signature"] == signed.hexdigest()
        document: dict[str, object] = json.loads(body)
        return document


@pytest.fixture
async def ear() -> AsyncIterator[Ear]:
    ear = Ear()
    await ear.server.start_server()
    yield ear
    await ear.server.close()


async def open_with(open_house: Open, ear: Ear, folder: object) -> House:
    """A house that tells `ear`."""
    path = f"{folder}/hook.secret"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY, 0o600)
    os.write(descriptor, SECRET.encode())
    os.close(descriptor)
    url = ear.server.make_url("/hook")
    house: House = await open_house(bind=f'hook = {{ url = "{url}", secret = {{ file = "{path}" }} }}')
    return house


async def test_a_bind_and_an_unbind_are_heard(open_house: Open, ear: Ear, tmp_path: object) -> None:
    """Each once, with the request's id that the log has, and nothing of WeChat's."""
    house = await open_with(open_house, ear, tmp_path)
    browser = await house.signed_in()
    bound = await ear.next()
    assert (bound["event"], bound["user_id"], bound["app"], bound["method"]) == ("bound", "1001", "main", "pwd")
    openid = claims_in(await browser.get("/openid/x"))["openid"]
    assert (await browser.post("/_gateway/unbind", b"")).status == 303
    unbound = await ear.next()
    assert (unbound["event"], unbound["user_id"]) == ("unbound", "1001")
    assert unbound["id"] != bound["id"]
    assert openid not in json.dumps([bound, unbound])
    await logged(house, f'"id":"{bound["request_id"]}"')
    assert ear.heard.empty()


async def test_a_stop_tells_what_waits(open_house: Open, ear: Ear, tmp_path: object) -> None:
    """The legacy system was away for a moment; the gateway stops in its pause, and still tells."""
    house = await open_with(open_house, ear, tmp_path)
    ear.deaf = 1
    await house.signed_in()
    async with asyncio.timeout(PATIENCE):
        await ear.refused.wait()
    await house.gateway.stop()
    assert (await ear.next())["event"] == "bound"


async def test_what_waits_outlives_a_reload(open_house: Open, ear: Ear, tmp_path: object) -> None:
    """Another configuration with the same hook: the pause goes on, no try is lost, and nothing is told twice."""
    house = await open_with(open_house, ear, tmp_path)
    ear.deaf = 1
    await house.signed_in()
    async with asyncio.timeout(PATIENCE):
        await ear.refused.wait()
    config = house.folder / "gateway.toml"
    config.write_text(config.read_text().replace("[bind]\n", '[bind]\nconsent_version = "2"\n', 1))
    await house.gateway.reload(load(config, env={}))
    assert (await ear.next())["event"] == "bound"
    browser = await house.signed_in("alice")
    assert (await ear.next())["user_id"] == "1003"
    assert (await browser.get("/")).status == 200
    assert ear.heard.empty()


async def test_nobody_waits_for_a_legacy_system_that_is_away(
    open_house: Open, ear: Ear, tmp_path: object, caplog: pytest.LogCaptureFixture
) -> None:
    """The bind is answered, the stop is not held up, and the metric and the log say what was dropped."""
    house = await open_with(open_house, ear, tmp_path)
    ear.deaf = 99
    browser = await house.signed_in()
    assert (await browser.get("/")).status == 200
    metrics = house.gateway._lasting.metrics
    await house.gateway.stop()
    assert b"gateway_bind_hooks_dropped_total 1.0" in metrics.exposition()
    (said,) = [record.getMessage() for record in caplog.records if "was not told of a bind" in record.getMessage()]
    assert re.fullmatch(r"the legacy system was not told of a bind or unbind \(request [0-9a-f]+\): not heard", said)
