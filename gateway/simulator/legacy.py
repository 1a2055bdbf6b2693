"""A small legacy web application that has never heard of WeChat: it trusts one header, X-User, and no more."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

import aiohttp
from aiohttp import hdrs, web

from gateway.simulator.legacy_accounts import Account, orders_of
from gateway.simulator.legacy_identity import IdentityReader, KeyFetcher, Visitor
from gateway.simulator.legacy_internal import Internal
from gateway.simulator.pages import page, see_other

__all__ = ["INTERNAL", "Account", "LegacySim", "build_legacy"]

MAX_NOTE = 200  # characters
MAX_NOTES = 256  # users
BLOCK = 256 * 1024


@dataclass(frozen=True, slots=True)
class LegacySim:
    """One legacy application. `refresh` is the least pause between two fetches of the keys, in seconds."""

    jwks_url: str
    audience: str
    issuer: str | None = None
    accounts: tuple[Account, ...] = ()
    shop_name: str = "云杉茶庄"
    gateway_prefix: str = "/_gateway"
    refresh: float = 3
    max_upload: int = 4 << 30  # bytes
    elsewhere: str = "/public"  # where /leave leads: another origin, as payment and partner pages do
    links: tuple[tuple[str, str], ...] = field(default=())  # more links for the home page: (text, address)


CONFIG = web.AppKey("CONFIG", LegacySim)
INTERNAL = web.AppKey("INTERNAL", Internal)
READER = web.AppKey("READER", IdentityReader)
NOTES = web.AppKey("NOTES", dict[str, str])

Page = Callable[[web.Request, Visitor], Awaitable[web.StreamResponse]]


def build_legacy(config: LegacySim) -> web.Application:
    """The application. `app[INTERNAL].outbox` holds the SMS codes that were sent."""
    app = web.Application(client_max_size=64 * 1024)
    app[CONFIG] = config
    app[INTERNAL] = Internal(config.accounts)
    app[NOTES] = {}
    app.cleanup_ctx.append(_reader)
    app.router.add_get("/", _with_visitor(home))
    app.router.add_get("/orders", _known(orders))
    app.router.add_get("/orders/{number}", _known(order))
    app.router.add_get("/form", _known(form))
    app.router.add_post("/form", _known(save_form))
    app.router.add_get("/fetch", _with_visitor(fetch))
    app.router.add_get("/api/me", _with_visitor(api_me))
    app.router.add_get("/live", _known(live))
    app.router.add_get("/upload", _with_visitor(upload_form))
    app.router.add_post("/upload", upload)
    app.router.add_get("/public", public)
    app.router.add_get("/spa", _with_visitor(spa))
    app.router.add_get("/leave", _known(leave))
    app.router.add_get("/privacy", privacy)
    app[INTERNAL].add_to(app)
    return app


async def _reader(app: web.Application) -> AsyncIterator[None]:
    config = app[CONFIG]
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as client:
        keys = KeyFetcher(client, config.jwks_url, config.refresh)
        app[READER] = IdentityReader(keys, config.audience, config.issuer)
        yield


def _with_visitor(handler: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """`handler` with whoever the header proves, or nobody."""

    async def identified(request: web.Request) -> web.StreamResponse:
        return await handler(request, await request.app[READER].read(request.headers))

    return identified


def _known(handler: Page) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """`handler` for somebody; nobody gets a 401 page that says so."""

    async def guarded(request: web.Request) -> web.StreamResponse:
        visitor = await request.app[READER].read(request.headers)
        if visitor.user_id is None:
            return _page(request, "nobody", visitor, status=401)
        return await handler(request, visitor)

    return guarded


def _page(
    request: web.Request, template: str, visitor: Visitor | None, status: int = 200, **values: object
) -> web.Response:
    return page(f"legacy/{template}.html", status, config=request.app[CONFIG], visitor=visitor, **values)


async def home(request: web.Request, visitor: Visitor) -> web.Response:
    """`GET /`: a greeting, and whom it believes to see."""
    return _page(request, "home", visitor)


async def orders(request: web.Request, visitor: Visitor) -> web.Response:
    """`GET /orders`."""
    return _page(request, "orders", visitor, orders=orders_of(visitor.user_id or ""))


async def order(request: web.Request, visitor: Visitor) -> web.Response:
    """`GET /orders/{number}`: one's own only."""
    number = request.match_info["number"]
    found = next((one for one in orders_of(visitor.user_id or "") if one.number == number), None)
    return _page(request, "order", visitor, status=200 if found else 404, order=found)


async def form(request: web.Request, visitor: Visitor) -> web.Response:
    """`GET /form`: what was saved last, and the form."""
    note = request.app[NOTES].get(visitor.user_id or "", "")
    return _page(request, "form", visitor, note=note, saved="saved" in request.query, longest=MAX_NOTE)


async def save_form(request: web.Request, visitor: Visitor) -> web.Response:
    """`POST /form`: `note`; then 303 back to the form."""
    sent = await request.post()
    notes = request.app[NOTES]
    notes.pop(visitor.user_id or "", None)
    notes[visitor.user_id or ""] = str(sent.get("note", ""))[:MAX_NOTE]
    if len(notes) > MAX_NOTES:
        del notes[next(iter(notes))]
    return see_other("/form?saved")


async def live(request: web.Request, visitor: Visitor) -> web.WebSocketResponse:
    """`GET /live`: a WebSocket that says whom it believes to see, and then says everything again."""
    socket = web.WebSocketResponse(max_msg_size=64 * 1024)
    await socket.prepare(request)
    await socket.send_str(visitor.user_id or "")
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data)
    return socket


async def fetch(request: web.Request, visitor: Visitor) -> web.Response:
    """`GET /fetch`: a page whose script asks /api/me."""
    return _page(request, "fetch", visitor)


async def api_me(_request: web.Request, visitor: Visitor) -> web.Response:
    """`GET /api/me`: JSON; 401 for nobody."""
    if visitor.user_id is None:
        return web.json_response({"error": "nobody", "why": visitor.why}, status=401)
    return web.json_response({"user_id": visitor.user_id, "name": visitor.name, "claims": visitor.claims})


async def upload_form(request: web.Request, visitor: Visitor) -> web.Response:
    """`GET /upload`."""
    return _page(request, "upload", visitor, result=None)


async def upload(request: web.Request) -> web.Response:
    """`POST /upload`: a multipart form's first file, or a plain body → size and SHA-256, never held in memory."""
    visitor = await request.app[READER].read(request.headers)
    name = "body"
    read: Callable[[int], Awaitable[bytes]] = request.content.read
    try:
        if request.content_type == "multipart/form-data":
            part = await _first_file(request)
            name, read = part.filename or "", part.read_chunk
        size, digest = await _count(read, request.app[CONFIG].max_upload)
    except ValueError:
        raise web.HTTPBadRequest(text="not a form with a file") from None
    result = {"name": name, "size": size, "sha256": digest, "user_id": visitor.user_id}
    if "text/html" in request.headers.get(hdrs.ACCEPT, ""):
        return _page(request, "upload", visitor, result=result)
    return web.json_response(result)


async def _first_file(request: web.Request) -> aiohttp.BodyPartReader:
    """The form's first file. Raises ValueError if there is none."""
    parts = await request.multipart()
    while (part := await parts.next()) is not None:
        if isinstance(part, aiohttp.BodyPartReader) and part.filename is not None:
            return part
    raise ValueError("no file")


async def _count(read: Callable[[int], Awaitable[bytes]], most: int) -> tuple[int, str]:
    """Read to the end: bytes, and their SHA-256 in hex. 413 beyond `most`."""
    digest, size = hashlib.sha256(), 0
    while block := await read(BLOCK):
        digest.update(block)
        size += len(block)
        if size > most:
            raise web.HTTPRequestEntityTooLarge(max_size=most, actual_size=size)
    return size, digest.hexdigest()


async def public(request: web.Request) -> web.Response:
    """`GET /public`: does not look at who is there, and says whether the header came anyway."""
    return _page(request, "public", None, header_came="X-User" in request.headers)


async def spa(request: web.Request, visitor: Visitor) -> web.Response:
    """`GET /spa`: shows `location.hash`."""
    return _page(request, "spa", visitor)


async def leave(request: web.Request, _visitor: Visitor) -> web.Response:
    """`GET /leave`: redirects to `elsewhere`."""
    return see_other(request.app[CONFIG].elsewhere)


async def privacy(request: web.Request) -> web.Response:
    """`GET /privacy`."""
    return _page(request, "privacy", None)
