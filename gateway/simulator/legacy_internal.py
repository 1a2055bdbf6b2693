"""The legacy system's back door for the gateway: who is this (password, phone), send an SMS, somebody has bound.

Answers direct callers only: a request that came through a proxy (X-Forwarded-For) is a 404.
"""

import hmac
import json
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from gateway.simulator.legacy_accounts import Account
from gateway.simulator.pages import page

OUTBOX_SIZE = 100


@dataclass(frozen=True, slots=True)
class Sms:
    """A message that was "sent". `ttl` in seconds, as the gateway said."""

    phone: str
    code: str
    ttl: int


@dataclass(frozen=True, slots=True)
class Told:
    """What the gateway told of a bind. `id` names the event: it may be told twice."""

    id: str
    event: str
    user_id: str


class Internal:
    """The accounts behind the internal endpoints; messages sent and binds heard of so far (newest last)."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._accounts = tuple(accounts)
        self.outbox: deque[Sms] = deque(maxlen=OUTBOX_SIZE)
        self.told: deque[Told] = deque(maxlen=OUTBOX_SIZE)

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_post("/internal/verify", _direct(self.verify))
        app.router.add_post("/internal/by-phone", _direct(self.by_phone))
        app.router.add_post("/internal/sms", _direct(self.sms))
        app.router.add_post("/internal/binds", _direct(self.hear))
        app.router.add_get("/internal/outbox", _direct(self.show_outbox))

    async def verify(self, request: web.Request) -> web.Response:
        """`{"username","password"}` → 200 with user_id and claims, or 401."""
        asked = await _json(request, "username", "password")
        for account in self._accounts:
            if account.username == asked["username"] and _same(account.password, asked["password"]):
                return web.json_response(account.as_verified())
        return web.json_response({"error": "wrong username or password"}, status=401)

    async def by_phone(self, request: web.Request) -> web.Response:
        """`{"phone"}` → 200 with user_id and claims, or 404."""
        asked = await _json(request, "phone")
        for account in self._accounts:
            if account.phone == asked["phone"]:
                return web.json_response(account.as_verified())
        return web.json_response({"error": "nobody has this phone"}, status=404)

    async def sms(self, request: web.Request) -> web.Response:
        """`{"phone","code","ttl"}` → 204, and the message is in the outbox."""
        asked = await _json(request, "phone", "code")
        ttl = asked.get("ttl")
        self.outbox.append(Sms(asked["phone"], asked["code"], ttl if isinstance(ttl, int) else 0))
        return web.Response(status=204)

    async def hear(self, request: web.Request) -> web.Response:
        """`{"id","event","user_id",…}` → 204; an event that was heard before is not noted again."""
        asked = await _json(request, "id", "event", "user_id")
        told = Told(asked["id"], asked["event"], asked["user_id"])
        if all(told.id != known.id for known in self.told):
            self.told.append(told)
        return web.Response(status=204)

    async def show_outbox(self, request: web.Request) -> web.Response:
        """The messages, and what was heard of binds: a page; or the messages as JSON for `Accept: application/json`."""
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response([{"phone": sms.phone, "code": sms.code, "ttl": sms.ttl} for sms in self.outbox])
        return page("legacy/outbox.html", messages=list(reversed(self.outbox)), told=list(reversed(self.told)))


def _same(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode(errors="replace"))


def _direct(
    handler: Callable[[web.Request], Awaitable[web.Response]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def guarded(request: web.Request) -> web.Response:
        if "X-Forwarded-For" in request.headers:
            raise web.HTTPNotFound
        return await handler(request)

    return guarded


async def _json(request: web.Request, *names: str) -> dict[str, Any]:
    """The body as an object whose `names` are strings; else 400."""
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="not JSON") from None
    if not isinstance(body, dict) or not all(isinstance(body.get(name), str) for name in names):
        raise web.HTTPBadRequest(text=f"send an object with {', '.join(names)}")
    return body
