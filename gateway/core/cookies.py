"""The gateway's cookies: their names, how they are set, read, and kept from upstreams."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

MAX_PAIRS = 200

_SESSION = "gateway_session"
_LOGIN = "gateway_login_"
_OURS = re.compile(rb"(?:__(?:host|secure)-)?gateway_(?:session|care|login_.*)", re.IGNORECASE | re.DOTALL)
_SPACE = bytes(range(0x21)) + b"\x7f"
# What some reader may trim off a name: controls, quotes, and in text that it takes for Unicode many a blank.
_AROUND = bytes(each for each in range(256) if not chr(each).isascii() or not (chr(each).isalnum() or each in b"-_"))
# RFC 6265 4.1.1: a token, "=", cookie-octets (quotes are not in them)
_PAIR = re.compile(r"([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=([!#-+\--:<-\[\]-~]*)")
# What a lax parser could take for a name: it may end it at blanks (of Unicode, too: U+0085 ends lines), commas, quotes.
_END = re.compile(rb"[\x00-\x20\x7f-\xff,\"']")
_LAX_NAME = re.compile(rb"(?<![^\x00-\x20\x7f-\xff,\"'=])([^\x00-\x20\x7f-\xff,\"'=]+)[\x00-\x20\x7f-\xff\"']*=")


@dataclass(frozen=True, slots=True)
class CookieNames:
    """The names of our cookies on one site. `secure`: the public URL is https."""

    session: str
    login_prefix: str
    secure: bool

    @classmethod
    def for_scheme(cls, secure: bool) -> Self:
        """On https the `__Host-` prefix keeps sibling hosts from planting our cookies (RFC 6265bis 4.1.3)."""
        prefix = "__Host-" if secure else ""
        return cls(prefix + _SESSION, prefix + _LOGIN, secure)

    def is_ours(self, name: bytes) -> bool:
        """Whether a cookie of this name could be taken for one of ours: any prefix, any case."""
        return _OURS.fullmatch(name.strip(_AROUND)) is not None

    def set_cookie(self, name: str, value: str, max_age: int) -> str:
        """Return the value of a Set-Cookie field. `max_age` in seconds; ValueError if `value` does not fit a cookie."""
        if _PAIR.fullmatch(f"{name}={value}") is None:
            raise ValueError("not a cookie's name and value")
        secure = "; Secure" if self.secure else ""
        return f"{name}={value}; Max-Age={max_age}; Path=/; HttpOnly; SameSite=Lax{secure}"

    def clear_cookie(self, name: str) -> str:
        """Return the value of a Set-Cookie field that removes the cookie."""
        return self.set_cookie(name, "", 0)


def parse_cookies(header: str) -> list[tuple[str, str]]:
    """Well-formed pairs of a Cookie field, in order, duplicates kept. Junk is skipped; at most 200 pairs are read."""
    pieces = header.split(";", MAX_PAIRS)[:MAX_PAIRS]
    matches = (_PAIR.fullmatch(piece.strip(" \t")) for piece in pieces)
    return [(match[1], match[2]) for match in matches if match is not None]


def strip_cookies(header: bytes, is_ours: Callable[[bytes], bool]) -> bytes | None:
    """A Cookie field without our pairs, under any spelling; the rest byte for byte, or None if nothing is left."""
    if b"gateway_" not in header.lower():
        return header
    kept = [piece for piece in header.split(b";") if not _names_ours(piece, is_ours)]
    rest = b";".join(kept).strip(_SPACE)
    return rest if rest.strip(_SPACE + b";") else None


def _names_ours(piece: bytes, is_ours: Callable[[bytes], bool]) -> bool:
    before = piece.partition(b"=")[0]
    names = [before, *_END.split(before), *_LAX_NAME.findall(piece)]
    return any(is_ours(name) for name in names)
