"""Submitted forms, read strictly: one content type, bounded, each field that we know at most once."""

from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.typedefs import Handler

from .notices import BAD_REQUEST, BODY_TOO_LARGE, FORM_EXPECTED, Halt

MAX_BODY = 64 * 1024  # bytes
MAX_FIELDS = 100


async def read_form(request: web.Request, known: Collection[str]) -> Mapping[str, str]:
    """The `known` fields of a URL-encoded body; others are ignored. Halts with 400, 413 or 415."""
    if request.content_type != "application/x-www-form-urlencoded":
        raise Halt(FORM_EXPECTED)
    if (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise Halt(FORM_EXPECTED)
    body = await _received(request)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, encoding="utf-8", errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:  # too many fields, or not UTF-8
        raise Halt(BAD_REQUEST) from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise Halt(BAD_REQUEST)
        if name in known:
            fields[name] = value
    return fields


def behind_its_body(handler: Handler) -> Handler:
    """`handler`, once all of the body is here: whoever sends slowly holds nothing that others wait for."""

    async def received(request: web.Request) -> web.StreamResponse:
        await _received(request)
        return await handler(request)

    return received


async def _received(request: web.Request) -> bytes:
    try:
        return await request.read()  # bounded by the application's client_max_size; kept for the next reader
    except web.HTTPRequestEntityTooLarge:
        raise Halt(BODY_TOO_LARGE) from None
    except ConnectionError:  # who sent it has left: nobody reads the answer, and it is no failure of ours
        raise Halt(BAD_REQUEST) from None
