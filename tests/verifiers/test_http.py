"""Verifiers over HTTP, against a real server on loopback: a yes, a no, or an outage, and nothing in between."""

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from gateway.verifiers.hook import BindEvent
from gateway.verifiers.http import HttpHook, HttpPasswordVerifier, HttpPhoneResolver, HttpSmsSender
from gateway.verifiers.interface import SenderRefused, User, VerifierOutage
from gateway.verifiers.posting import MAX_BODY

NOW = 1_800_000_000
SECRET = b"0123456789abcdef0123456789abcdef"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
T = TypeVar("T", HttpPasswordVerifier, HttpPhoneResolver, HttpSmsSender, HttpHook)
EVENT = BindEvent("id-1", "bound", "42", "main", "pwd", NOW, "req-1")


def says(status: int = 200, body: Any = None, headers: dict[str, str] | None = None) -> Handler:
    async def handler(request: web.Request) -> web.StreamResponse:
        sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=sent, headers=headers)

    return handler


async def cut(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


class Rig:
    """A legacy system that answers every POST with `handler` and remembers what it was asked."""

    def __init__(self) -> None:
        self.handler: Handler = says(body={"user_id": "42"})
        self.asked: list[tuple[Any, dict[str, str], bytes]] = []
        self.calls: list[tuple[str, str]] = []
        self.never = asyncio.Event()
        app = web.Application()
        app.router.add_post("/ask", self._answer)
        self.server = TestServer(app, host="127.0.0.1")
        self._opened: list[Any] = []

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        self.asked.append((json.loads(body), dict(request.headers), body))
        return await self.handler(request)

    async def drip(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"user_id":')
        await self.never.wait()
        return response

    def open(self, kind: type[T], **options: Any) -> T:
        return self.open_at(kind, str(self.server.make_url("/ask")), **options)

    def open_at(self, kind: type[T], url: str, **options: Any) -> T:
        def on_call(kind: str, outcome: str, seconds: float) -> None:
            assert seconds >= 0
            self.calls.append((kind, outcome))

        opened = kind(url, **{"on_call": on_call, "clock": lambda: NOW + 0.9} | options)
        self._opened.append(opened)
        return opened

    async def close(self) -> None:
        self.never.set()
        for opened in self._opened:
            await opened.close()
        await self.server.close()


async def ask(client: HttpPasswordVerifier | HttpPhoneResolver | HttpSmsSender) -> User | None:
    match client:
        case HttpPasswordVerifier():
            return await client.verify("zhang", "x")
        case HttpPhoneResolver():
            return await client.resolve("13800138000")
        case HttpSmsSender():
            await client.send("13800138000", "123456", 300)
            return None


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.server.start_server()
    yield rig
    await rig.close()


async def test_a_right_password_is_the_user(rig: Rig) -> None:
    """Contract 4.5: username and password go out, user id and claims come back."""
    rig.handler = says(body={"user_id": 42, "claims": {"name": "张三", "roles": ["clerk"]}, "more": 1})
    user = await rig.open(HttpPasswordVerifier).verify("zhang", "pässword")
    assert user == User("42", {"name": "张三", "roles": ["clerk"]})
    assert rig.asked[0][0] == {"username": "zhang", "password": "pässword"}
    assert rig.asked[0][1]["Content-Type"] == "application/json"
    assert rig.calls == [("password", "ok")]


async def test_a_known_phone_is_the_user(rig: Rig) -> None:
    """Contract 4.5: the phone goes out; claims may be left out."""
    assert await rig.open(HttpPhoneResolver).resolve("13800138000") == User("42", {})
    assert rig.asked[0][0] == {"phone": "13800138000"}
    assert rig.calls == [("phone", "ok")]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_password_is_a_no(rig: Rig, status: int) -> None:
    """Whatever the body says."""
    rig.handler = says(status, {"user_id": "42"})
    assert await rig.open(HttpPasswordVerifier).verify("zhang", "wrong") is None
    assert rig.calls == [("password", "no")]


async def test_an_unknown_phone_is_a_no(rig: Rig) -> None:
    """404: nobody has this phone."""
    rig.handler = says(404, {"user_id": "42"})
    assert await rig.open(HttpPhoneResolver).resolve("13800138000") is None
    assert rig.calls == [("phone", "no")]


GARBAGE = [
    says(500, {"user_id": "42"}),
    says(201, {"user_id": "42"}),
    says(204, b""),
    says(302, {"user_id": "42"}, {"Location": "/ask"}),
    says(307, {"user_id": "42"}, {"Location": "/ask"}),
    says(429),
    says(200, b""),
    says(200, b"<html>"),
    says(200, b"\xff"),
    says(200, b"[" * 60_000),
    says(200, ["42"]),
    says(200, {}),
    says(200, {"user_id": None}),
    says(200, {"user_id": True}),
    says(200, {"user_id": "a\r\nb"}),
    says(200, {"user_id": "wx:1"}),
    says(200, {"user_id": "42", "claims": []}),
    says(200, {"user_id": "42", "claims": {"x": "y" * 5000}}),
    says(200, b'{"user_id":"42","user_id":"1"}'),
    says(200, b'{"user_id":"42","claims":{"role":"a","role":"b"}}'),
    says(200, b'{"user_id":"42","claims":{"x":NaN}}'),
    says(200, b'{"user_id":"42"}'.ljust(MAX_BODY + 1)),
    cut,
]


@pytest.mark.parametrize("handler", GARBAGE)
@pytest.mark.parametrize("kind", [HttpPasswordVerifier, HttpPhoneResolver])
async def test_whatever_else_is_an_outage(rig: Rig, handler: Handler, kind: type[Any]) -> None:
    """Not a "no", so no try is spent; asked once, since the legacy system may count."""
    rig.handler = handler
    with pytest.raises(VerifierOutage):
        await ask(rig.open(kind))
    assert len(rig.asked) == 1
    assert [outcome for _, outcome in rig.calls] == ["outage"]


@pytest.mark.parametrize("handler", GARBAGE)
async def test_an_outage_is_in_the_log_without_anything_personal(
    rig: Rig, handler: Handler, caplog: pytest.LogCaptureFixture
) -> None:
    """Why, in a line; neither what was asked nor what was answered."""
    caplog.set_level(logging.DEBUG, logger="gateway")
    rig.handler = handler
    with pytest.raises(VerifierOutage):
        await rig.open(HttpPasswordVerifier).verify("zhang", "canary-password")
    [record] = [record for record in caplog.records if record.name.startswith("gateway")]
    assert record.getMessage().startswith("password over http: ")
    assert not any(word in record.getMessage() for word in ("zhang", "canary", '"', "yyy"))


async def test_a_status_means_no_only_where_the_contract_says_so(rig: Rig) -> None:
    """404 of a password verifier is a wrong address, 401 of a resolver a wrong secret."""
    rig.handler = says(404)
    with pytest.raises(VerifierOutage):
        await rig.open(HttpPasswordVerifier).verify("zhang", "x")
    rig.handler = says(401)
    with pytest.raises(VerifierOutage):
        await rig.open(HttpPhoneResolver).resolve("13800138000")


async def test_a_slow_answer_is_an_outage_in_time(rig: Rig) -> None:
    """The time-out is a total one: a server that drips does not stretch it."""
    rig.handler = rig.drip
    async with asyncio.timeout(2):
        with pytest.raises(VerifierOutage):
            await rig.open(HttpPasswordVerifier, timeout=0.1).verify("zhang", "x")


async def test_an_unreachable_legacy_system_is_an_outage(rig: Rig) -> None:
    """A refused connection is no "no"; the words say what it was."""
    with pytest.raises(VerifierOutage, match="connection refused"):
        await rig.open_at(HttpPasswordVerifier, f"http://127.0.0.1:{unused_port()}/ask").verify("zhang", "x")


async def test_an_sms_goes_out_with_its_life_time(rig: Rig) -> None:
    """Contract 4.5; any 2xx is sent."""
    rig.handler = says(202, b"")
    await rig.open(HttpSmsSender).send("13800138000", "123456", 300)
    assert rig.asked[0][0] == {"phone": "13800138000", "code": "123456", "ttl": 300}
    assert rig.calls == [("sms", "ok")]


@pytest.mark.parametrize(("header", "seconds"), [("60", 60), ("", None), ("soon", None), ("-1", None), ("9" * 9, None)])
async def test_a_refused_sms_says_when_to_retry(rig: Rig, header: str, seconds: int | None) -> None:
    """429 with a Retry-After in seconds, which is believed up to a day's digits."""
    rig.handler = says(429, headers={"Retry-After": header})
    with pytest.raises(SenderRefused) as caught:
        await rig.open(HttpSmsSender).send("13800138000", "123456", 300)
    assert caught.value.retry_after == seconds
    assert rig.calls == [("sms", "limited")]


@pytest.mark.parametrize("handler", [says(302, headers={"Location": "/ask"}), says(400), says(500), cut])
async def test_an_sms_that_may_not_have_gone_is_an_outage(rig: Rig, handler: Handler) -> None:
    """And is not sent again: it may have gone."""
    rig.handler = handler
    with pytest.raises(VerifierOutage):
        await rig.open(HttpSmsSender).send("13800138000", "123456", 300)
    assert len(rig.asked) == 1
    assert rig.calls == [("sms", "outage")]


@pytest.mark.parametrize("kind", [HttpPasswordVerifier, HttpPhoneResolver, HttpSmsSender])
async def test_requests_are_signed_with_the_secret(rig: Rig, kind: type[Any]) -> None:
    """HMAC-SHA256 over the timestamp's text and the very bytes of the body."""
    await ask(rig.open(kind, secret=SECRET))
    _, headers, body = rig.asked[0]
    assert headers["X-Gateway-Timestamp"] == str(NOW)
    expected = hmac.new(SECRET, str(NOW).encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Gateway-Signature"] == expected


async def test_without_a_secret_nothing_is_signed(rig: Rig) -> None:
    """No header that means nothing."""
    await rig.open(HttpPasswordVerifier).verify("zhang", "x")
    assert not [name for name in rig.asked[0][1] if name.startswith("X-Gateway")]


async def test_a_password_with_a_lone_surrogate_is_still_asked(rig: Rig) -> None:
    """Whatever a form held reaches the legacy system as JSON."""
    await rig.open(HttpPasswordVerifier).verify("zhang", "\ud800")
    assert rig.asked[0][0]["password"] == "\ud800"


async def test_nothing_secret_is_logged_or_raised(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Neither names, passwords, phones nor codes."""
    caplog.set_level(logging.DEBUG)
    rig.handler = says(500, {"error": "CANARY"})
    with pytest.raises(VerifierOutage) as outage:
        await rig.open(HttpPasswordVerifier).verify("CANARY", "CANARY")
    rig.handler = says(200, {"user_id": "CANARY\x00"})
    with pytest.raises(VerifierOutage) as garbage:
        await rig.open(HttpPasswordVerifier).verify("CANARY", "CANARY")
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("gateway")]
    assert "CANARY" not in f"{outage.value!r} {garbage.value!r} {ours}"


async def test_a_hook_is_told_once_and_signed(rig: Rig) -> None:
    """Any 2xx is heard; the body is the event, under the same signature as every other question."""
    hook = rig.open(HttpHook, secret=SECRET)
    for status in (200, 202, 204):
        rig.handler = says(status)
        await hook.tell(EVENT)
    assert rig.calls == [("hook", "ok")] * 3
    document, headers, body = rig.asked[0]
    assert document == EVENT.document()
    signed = hmac.new(SECRET, headers["X-Gateway-Timestamp"].encode() + body, hashlib.sha256).hexdigest()
    assert headers["X-Gateway-Signature"] == signed


@pytest.mark.parametrize("handler", [says(302, headers={"Location": "/ask"}), says(404), says(410), says(500), cut])
async def test_what_is_not_heard_is_an_outage(rig: Rig, handler: Handler) -> None:
    """No status ends an event: whoever repeats it decides when it is enough. Redirects are not followed."""
    rig.handler = handler
    with pytest.raises(VerifierOutage):
        await rig.open(HttpHook).tell(EVENT)
    assert rig.calls == [("hook", "outage")]
    assert len(rig.asked) == 1


async def test_closing_twice_or_unused_is_fine() -> None:
    """Close is idempotent."""
    verifier = HttpPasswordVerifier("http://127.0.0.1/ask")
    await verifier.close()
    await verifier.close()
