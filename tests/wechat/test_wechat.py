"""The client that calls WeChat, against a real server on loopback: every fault ends as the right failure, in time."""

import asyncio
import json
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from gateway.wechat.interface import ExchangeFailed, Failure
from gateway.wechat.wechat import MAX_BODY, WeChat

OPENID = "oCANARYd5ggOC-bXrbNODIiE3bGY"
SECRET, CODE, APP_ID = "SECRETCANARY", "CODECANARY", "wxCANARY"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(status: int = 200, text: str | None = None, headers: dict[str, str] | None = None, **document: Any) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        body = json.dumps(document) if text is None else text
        return web.Response(status=status, text=body, content_type="text/plain", headers=headers)

    return handler


GOOD = says(openid=OPENID, access_token="TOKENCANARY")


async def cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def half(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b'{"openid":"oabc"')
    assert request.transport is not None
    request.transport.abort()
    return response


class Heard:
    """What a test hears of a WeChat: the tries it made, the waits between them."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.waits: list[float] = []

    def on_call(self, app: str, outcome: str, seconds: float) -> None:
        assert app == "main"
        assert seconds >= 0
        self.calls.append(outcome)

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)


class Rig:
    """A server that plays one handler a call, the last one again and again, and a client for it."""

    def __init__(self) -> None:
        self.script: list[Handler] = [GOOD]
        self.queries: list[dict[str, str]] = []
        self.heard = Heard()
        self.never = asyncio.Event()
        app = web.Application()
        app.router.add_get("/sns/oauth2/access_token", self._answer)
        self.server = TestServer(app, host="127.0.0.1")
        self.clients: list[WeChat] = []

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.queries.append(dict(request.query))
        handler = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return await handler(request)

    async def drip(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"openid":')
        await self.never.wait()
        return response

    async def silent(self, request: web.Request) -> web.StreamResponse:
        await self.never.wait()
        return web.Response()

    def client(self, base: str | None = None, **options: Any) -> WeChat:
        client = WeChat(
            "main",
            APP_ID,
            SECRET,
            api_base=base or str(self.server.make_url("/")),
            **{"on_call": self.heard.on_call, "sleep": self.heard.sleep, "random": lambda: 0.5} | options,
        )
        self.clients.append(client)
        return client


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.server.start_server()
    yield rig
    rig.never.set()
    for client in rig.clients:
        await client.close()
    await rig.server.close()


async def failure_of(client: WeChat, code: str = CODE) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as caught:
        await client.exchange(code)
    return caught.value


async def test_a_code_is_exchanged_in_one_call(rig: Rig) -> None:
    """The query is WeChat's, the reply is read whatever its Content-Type."""
    identity = await rig.client().exchange(CODE)
    assert identity.openid == OPENID
    assert rig.queries == [{"appid": APP_ID, "secret": SECRET, "code": CODE, "grant_type": "authorization_code"}]
    assert rig.heard.calls == ["ok"]


async def test_a_snapshot_is_told(rig: Rig) -> None:
    """The identity says so, and so does the metric."""
    rig.script = [says(openid=OPENID, is_snapshotuser=1)]
    assert (await rig.client().exchange(CODE)).snapshot is True
    assert rig.heard.calls == ["snapshot"]


async def test_a_busy_wechat_is_asked_again(rig: Rig) -> None:
    """-1 twice, then fine; 100 to 500 ms between the tries."""
    rig.script = [says(errcode=-1), says(errcode=-1), GOOD]
    assert (await rig.client().exchange(CODE)).openid == OPENID
    assert rig.heard.calls == ["busy", "busy", "ok"]
    assert rig.heard.waits == pytest.approx([0.3, 0.3])


async def test_a_wechat_that_stays_busy_is_an_outage(rig: Rig) -> None:
    """Three tries are all."""
    rig.script = [says(errcode=-1)]
    failed = await failure_of(rig.client())
    assert (failed.failure, failed.errcode, len(rig.queries)) == (Failure.OUTAGE, -1, 3)


@pytest.mark.parametrize(
    ("errcode", "failure"),
    [
        (40029, Failure.RESTART),
        ("40163", Failure.RESTART),
        (40125, Failure.CONFIG),
        (45011, Failure.QUOTA),
        (50002, Failure.REFUSED),
    ],
)
async def test_an_answer_by_number_is_not_asked_again(rig: Rig, errcode: int | str, failure: Failure) -> None:
    """WeChat has spoken: one call, the number and the rid are kept for the log."""
    rig.script = [says(errcode=errcode, errmsg="no, rid: 6206378a-793424c0-2e4091cc")]
    failed = await failure_of(rig.client())
    assert (failed.failure, failed.errcode) == (failure, int(errcode))
    assert failed.rid == "6206378a-793424c0-2e4091cc"
    assert (len(rig.queries), rig.heard.calls) == (1, [failure.value])


GARBAGE = [
    says(status=502, text="<html>bad gateway</html>"),
    says(status=200, text="<html>login to this network</html>"),
    says(status=500, openid=OPENID),
    says(status=302, headers={"Location": "/sns/oauth2/access_token?code=stolen"}, openid=OPENID),
    says(text=""),
    says(text='{"openid":"oabc","openid":"odef"}'),
    says(openid=["oabc"]),
    says(openid=None),
    says(openid="o\r\nSet-Cookie: x"),
    says(openid=OPENID, pad="x" * 1024 * 1024),
    says(openid=OPENID, errcode=[0]),
    cut,
    half,
]


@pytest.mark.parametrize("handler", GARBAGE)
async def test_garbage_is_an_outage_after_one_more_try(rig: Rig, handler: Handler) -> None:
    """HTML, a redirect, duplicate keys, odd types, a huge body, a cut connection: never an identity."""
    rig.script = [handler]
    failed = await failure_of(rig.client())
    assert (failed.failure, failed.errcode) == (Failure.OUTAGE, None)
    assert rig.heard.calls == ["outage", "outage"]
    assert {query["code"] for query in rig.queries} == {CODE}


@pytest.mark.parametrize("handler", GARBAGE)
async def test_a_passing_fault_passes(rig: Rig, handler: Handler) -> None:
    """The second try counts."""
    rig.script = [handler, GOOD]
    assert (await rig.client().exchange(CODE)).openid == OPENID


async def test_a_body_of_64_kb_is_read(rig: Rig) -> None:
    """The limit is on more than that."""
    rig.script = [says(text=json.dumps({"openid": OPENID}).ljust(MAX_BODY))]
    assert (await rig.client().exchange(CODE)).openid == OPENID


async def test_controls_in_a_nickname_do_no_harm(rig: Rig) -> None:
    """WeChat sends them raw."""
    rig.script = [says(text='{"openid":"oabc","nickname":"\x01\x02"}')]
    assert (await rig.client().exchange(CODE)).openid == "oabc"


@pytest.mark.parametrize("kind", ["drip", "silent"])
async def test_a_slow_answer_is_an_outage_in_time(rig: Rig, kind: str) -> None:
    """The time-out is a total one: a server that drips does not stretch it."""
    rig.script = [getattr(rig, kind)]
    client = rig.client(timeout=0.1)
    async with asyncio.timeout(2):
        failed = await failure_of(client)
    assert (failed.failure, rig.heard.calls) == (Failure.OUTAGE, ["outage", "outage"])


async def test_a_code_that_was_spent_by_the_first_try_restarts_the_dance(rig: Rig) -> None:
    """After a time-out 40163 is our own echo, not an attack."""
    rig.script = [rig.silent, says(errcode=40163)]
    assert (await failure_of(rig.client(timeout=0.1))).failure is Failure.RESTART


async def test_an_unreachable_wechat_is_tried_three_times(rig: Rig) -> None:
    """Nothing was sent, so the code is still good."""
    failed = await failure_of(rig.client(f"http://127.0.0.1:{unused_port()}"))
    assert (failed.failure, rig.heard.calls) == (Failure.OUTAGE, ["outage"] * 3)


@pytest.mark.parametrize("code", ["", "x" * 513, "a b\n", "代码", "\x00"])
async def test_what_is_no_code_calls_nobody(rig: Rig, code: str) -> None:
    """An empty or impossible code restarts the dance at once."""
    assert (await failure_of(rig.client(), code)).failure is Failure.RESTART
    assert rig.queries == []


async def test_a_code_reaches_wechat_unchanged(rig: Rig) -> None:
    """It cannot add a parameter of its own."""
    await rig.client().exchange("a&secret=b%26+c#d")
    assert rig.queries[0]["code"] == "a&secret=b%26+c#d"
    assert rig.queries[0]["secret"] == SECRET


async def test_exchanges_at_once_are_bounded(rig: Rig) -> None:
    """One too many is told at once, and a place that becomes free is used again."""
    client = rig.client(exchanges=2)
    entered = asyncio.Queue[None]()

    async def waits(request: web.Request) -> web.StreamResponse:
        entered.put_nowait(None)
        await rig.never.wait()
        return await GOOD(request)

    rig.script = [waits]
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(client.exchange(CODE)) for _ in range(2)]
        await entered.get()
        await entered.get()
        assert (await failure_of(client)).failure is Failure.OUTAGE
        assert rig.heard.calls == ["overloaded"]
        rig.never.set()
    assert [task.result().openid for task in running] == [OPENID] * 2
    assert (await client.exchange(CODE)).openid == OPENID


async def test_a_cancelled_exchange_gives_its_place_back(rig: Rig) -> None:
    """The caller went away; the next one is served."""
    client = rig.client(exchanges=1)
    rig.script = [rig.silent, GOOD]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.exchange(CODE)
    assert (await client.exchange(CODE)).openid == OPENID
    assert rig.heard.calls == ["cancelled", "ok"]


@pytest.mark.parametrize("handler", [*GARBAGE, says(errcode=40125, errmsg=f"{SECRET} {CODE} rid: a-b-c"), GOOD])
async def test_nothing_secret_is_logged_or_raised(rig: Rig, handler: Handler, caplog: pytest.LogCaptureFixture) -> None:
    """Neither secret, code, app id, OpenId nor URL: a log line has the app, the number and the rid."""
    caplog.set_level(logging.DEBUG)
    rig.script = [handler]
    (outcome,) = await asyncio.gather(rig.client().exchange(CODE), return_exceptions=True)
    shown = "".join(traceback.format_exception(outcome)) if isinstance(outcome, ExchangeFailed) else ""
    ours = [record for record in caplog.records if record.name.startswith("gateway")]
    assert "CANARY" not in shown + " ".join(record.getMessage() for record in ours)
    assert all(record.exc_info is None for record in ours)
    assert bool(shown) == bool(ours)


async def test_a_configuration_fault_is_an_error_in_the_log(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """An operator is alarmed by our own mistakes, not by users' old codes."""
    rig.script = [says(errcode=40125, errmsg="rid: 6206378a-793424c0-2e4091cc"), says(errcode=40029)]
    client = rig.client()
    await failure_of(client)
    await failure_of(client)
    ours = [record for record in caplog.records if record.name.startswith("gateway")]
    assert [record.levelname for record in ours] == ["ERROR", "WARNING"]
    assert "40125" in ours[0].getMessage()
    assert "6206378a-793424c0-2e4091cc" in ours[0].getMessage()


async def test_closing_twice_or_unused_is_fine() -> None:
    """Close is idempotent."""
    client = WeChat("main", APP_ID, SECRET)
    await client.close()
    await client.close()


def test_the_default_authorize_page_is_wechats() -> None:
    """snsapi_base at open.weixin.qq.com."""
    url = WeChat("main", "wx1", SECRET).authorize_url("https://a.test/cb", "ab")
    assert url.startswith("https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx1&")
    assert "&scope=snsapi_base&state=ab#wechat_redirect" in url
