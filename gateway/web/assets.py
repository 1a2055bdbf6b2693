"""Static files under names that change with their content, so that a browser may keep them for ever."""

import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from aiohttp import hdrs, web

from .notices import NOT_FOUND, Halt

File = tuple[str, bytes]  # a name, whose suffix says what it is, and its content

FOLDER = Path(__file__).parent / "static"
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
MAX_FILE = 64 * 1024  # bytes of one of an operator's
_TEXTS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_PICTURES = {".png": "image/png", ".jpg": "image/jpeg", ".gif": "image/gif", ".webp": "image/webp"}
_DRAWING_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
_SERVED = {**{suffix: f"{kind}; charset=utf-8" for suffix, kind in _TEXTS.items()}, **_PICTURES}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is and compressed."""

    content_type: str
    plain: bytes
    compressed: bytes


def files_in(folder: Path) -> Iterator[File]:
    """The files of a folder that are served, by what they are called."""
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix in _SERVED and path.is_file():
            yield path.name, path.read_bytes()


def flaws_in(templates: Path) -> Iterator[tuple[Path, str]]:
    """The files beside an operator's templates that cannot be served, and why."""
    folder = templates / "static"
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.suffix not in _SERVED:
            yield path, f"is not served: what pages load is {', '.join(_SERVED)}"
        elif not _NAME.fullmatch(path.name):
            yield path, "has a name that is no address: letters, digits, _, - and . only"
        elif not path.is_file() or path.stat().st_size > MAX_FILE:
            yield path, f"is no file of at most {MAX_FILE // 1024} KB"


class Assets:
    """The files of our folder and `more`, of which a later one replaces an earlier of its name; compressed once."""

    def __init__(self, prefix: str, more: Iterable[File] = ()) -> None:
        self._assets: dict[str, Asset] = {}
        self._urls: dict[str, str] = {}
        for called, plain in [*files_in(FOLDER), *more]:
            stem, dot, suffix = called.rpartition(".")
            name = f"{stem}.{hashlib.sha256(plain).hexdigest()[:12]}.{suffix}"
            self._assets[name] = Asset(_SERVED[dot + suffix], plain, gzip.compress(plain, mtime=0))
            self._urls[called] = f"{prefix}/static/{name}"

    @property
    def urls(self) -> Mapping[str, str]:
        """From a file's name to its address."""
        return self._urls

    async def get(self, request: web.Request) -> web.Response:
        """One file; names with another content's hash do not exist."""
        asset = self._assets.get(request.match_info["name"])
        if asset is None:
            raise Halt(NOT_FOUND)
        headers: dict[str, str] = {
            hdrs.CONTENT_TYPE: asset.content_type,
            hdrs.CACHE_CONTROL: "public, max-age=31536000, immutable",
            hdrs.VARY: "Accept-Encoding",
        }
        if asset.content_type == _SERVED[".svg"]:  # opened by itself, a drawing is a page of our origin
            headers["Content-Security-Policy"] = _DRAWING_POLICY
        if len(asset.compressed) < len(asset.plain) and _takes_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, "")):
            headers[hdrs.CONTENT_ENCODING] = "gzip"
            return web.Response(body=asset.compressed, headers=headers)
        return web.Response(body=asset.plain, headers=headers)


def _takes_gzip(accept_encoding: str) -> bool:
    for part in accept_encoding.lower().split(","):
        coding, _, weight = part.replace(" ", "").partition(";")
        if coding == "gzip":
            return weight.rstrip("0.") != "q="
    return False
