"""What other machines fetch: the public keys, and the files by which WeChat checks who owns a domain."""

import hashlib
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from .notices import NOT_FOUND, Halt


class Jwks:
    """GET /jwks.json. `keys` gives the JWK set as JSON."""

    def __init__(self, keys: Callable[[], bytes]) -> None:
        self._keys = keys

    async def get(self, request: web.Request) -> web.Response:
        """The set, or 304 if the caller has it."""
        body = self._keys()
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = {hdrs.CACHE_CONTROL: "public, max-age=60", hdrs.ETAG: etag}
        known = {
            tag.strip().removeprefix("W/")
            for line in request.headers.getall(hdrs.IF_NONE_MATCH, [])
            for tag in line.split(",")
        }
        if etag in known or "*" in known:
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, content_type="application/json", headers=headers)


class DomainFiles:
    """GET /MP_verify_….txt at the root. `files` by name; the body is the text as it is."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files

    async def get(self, request: web.Request) -> web.Response:
        """One file."""
        text = self._files.get(request.match_info["name"])
        if text is None:
            raise Halt(NOT_FOUND)
        return web.Response(text=text, content_type="text/plain", charset="utf-8")
