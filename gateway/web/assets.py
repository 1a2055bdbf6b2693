"""Static files under names that change with their content, so that a browser may keep them for ever."""

import gzip
import hashlib
import mimetypes
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

from .notices import NOT_FOUND, Halt

FOLDER = Path(__file__).parent / "static"
_SERVED = {".css", ".js"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and compressed."""

    content_type: str
    plain: bytes
    compressed: bytes


class Assets:
    """The files of `folder`, read and compressed once."""

    def __init__(self, prefix: str, folder: Path = FOLDER) -> None:
        self._assets: dict[str, Asset] = {}
        self._urls: dict[str, str] = {}
        for path in sorted(folder.iterdir()):
            if path.suffix in _SERVED:
                plain = path.read_bytes()
                name = f"{path.stem}.{hashlib.sha256(plain).hexdigest()[:12]}{path.suffix}"
                kind = mimetypes.types_map[path.suffix]
                self._assets[name] = Asset(f"{kind}; charset=utf-8", plain, gzip.compress(plain, mtime=0))
                self._urls[path.name] = f"{prefix}/static/{name}"

    @property
    def urls(self) -> Mapping[str, str]:
        """From a file's name to its address."""
        return self._urls

    async def get(self, request: web.Request) -> web.Response:
        """One file; names with another content's hash do not exist."""
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise Halt(NOT_FOUND)
        headers = {
            hdrs.CONTENT_TYPE: asset.content_type,
            hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable",
            hdrs.VARY: "Accept-Encoding",
        }
        if _takes_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            return web.Response(body=asset.compressed, headers=headers)
        return web.Response(body=asset.plain, headers=headers)


def _takes_gzip(accept_encoding: str) -> bool:
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";")
        if coding == "gzip":
            return weight.rstrip("0.") != "q="
    return False
