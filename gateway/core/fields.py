"""Header field names: what the proxy does with each, decided once per spelling and remembered.

Two names are the same to us if they are the same to the laxest upstream: compare after folding every
non-alphanumeric to "-" and lower-casing (CGI and WSGI read `X_User` as `X-User`; CVE-2025-64484).
"""

import re
from collections.abc import Iterable
from enum import Enum, auto
from typing import NamedTuple

_FOLD = bytes(each if chr(each).encode().isalnum() else 0x2D for each in bytes(range(256)).lower())


def fold(name: bytes) -> bytes:
    """The name as the laxest reader compares it."""
    return name.translate(_FOLD)


class Kind(Enum):
    """What a field is to the proxy."""

    KEEP = auto()
    DROP = auto()  # hop-by-hop, a stranger's forwarding header, or a spelling of an identity header
    REFUSE = auto()  # a spelling of a framing field that only some parsers would honour
    HOST = auto()
    LENGTH = auto()
    CODING = auto()
    CONNECTION = auto()
    EXPECT = auto()
    UPGRADE = auto()
    COOKIE = auto()
    SET_COOKIE = auto()
    LOCATION = auto()
    CACHE_CONTROL = auto()
    FORWARDED_FOR = auto()
    FORWARDED_PROTO = auto()
    FORWARDED_HOST = auto()
    REQUEST_ID = auto()


# RFC 9110 7.6.1, and Proxy-Connection from the wild. Trailer too: trailers are dropped.
_HOP_BY_HOP = (
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authenticate",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"upgrade",
    b"http2-settings",
)

_REQUEST_KINDS = {
    b"host": Kind.HOST,
    b"content-length": Kind.LENGTH,
    b"transfer-encoding": Kind.CODING,
    b"connection": Kind.CONNECTION,
    b"expect": Kind.EXPECT,
    b"upgrade": Kind.UPGRADE,
    b"cookie": Kind.COOKIE,
    b"x-forwarded-for": Kind.FORWARDED_FOR,
    b"x-forwarded-proto": Kind.FORWARDED_PROTO,
    b"x-forwarded-host": Kind.FORWARDED_HOST,
    b"x-request-id": Kind.REQUEST_ID,
}

_RESPONSE_KINDS = {
    b"content-length": Kind.LENGTH,
    b"transfer-encoding": Kind.CODING,
    b"connection": Kind.CONNECTION,
    b"set-cookie": Kind.SET_COOKIE,
    b"location": Kind.LOCATION,
    b"content-location": Kind.LOCATION,
    b"refresh": Kind.LOCATION,
    b"cache-control": Kind.CACHE_CONTROL,
    b"upgrade": Kind.UPGRADE,
    b"x-request-id": Kind.DROP,
}

_HTTPOXY = b"proxy"  # CGI programs read it as the variable HTTP_PROXY (CVE-2016-5385)

# A stranger's word on where the request came from or which address was meant.
_STRANGERS = re.compile(
    rb"forwarded|x-forwarded(-.*)?|x-real-ip|x-client-ip|x-cluster-client-ip|true-client-ip|client-ip"
    rb"|x-originating-ip|x-remote-(ip|addr)|x-original-(url|uri|host|method|forwarded-.*)|x-rewrite-(url|uri)|x-host"
)

# Framing and routing fields whose other spellings (Content_Length) are refused: parsers differ on them.
_UNAMBIGUOUS = (b"content-length", b"transfer-encoding", b"host", b"connection", b"cookie", b"expect", b"upgrade")

_MEMO_LIMIT = 4096
_MEMO_LINE = 256  # bytes of a line that is remembered
_PERSONAL = frozenset((b"cookie", b"set-cookie", b"authorization", b"location", b"x-forwarded-for", b"x-request-id"))
_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)")
_MEMO_NAME_LIMIT = 64  # bytes: longer names are classified anew each time


class Line(NamedTuple):
    """One field line, understood. `forwarded` is the line as it is handed on, its CRLF included."""

    kind: "Kind"
    name: bytes
    value: bytes
    forwarded: bytes


class FieldLines(dict[bytes, Line]):
    """Memo from the exact line as received to what it says: the same lines come again and again.

    It saves 5 µs of 9 a request head. Bounded, and emptied when full, so that lines made up by strangers do not stay.
    Lines of one person (cookies, credentials) are not remembered. Raises ValueError for what is not a field line.
    """

    def __init__(self, names: "FieldNames") -> None:
        super().__init__()
        self._names = names

    def __missing__(self, line: bytes) -> Line:
        match = _LINE.fullmatch(line)
        if match is None:
            raise ValueError("not a field line")  # bare CR or LF, NUL, a folded line, an odd name (RFC 9112 5)
        name, value = match[1], match[2].rstrip(b" \t")
        kind = self._names[name]
        understood = Line(kind, name, value, b"%b: %b\r\n" % (name, value))
        if len(line) <= _MEMO_LINE and name.lower() not in _PERSONAL:
            if len(self) >= _MEMO_LIMIT:
                self.clear()
            self[line] = understood
        return understood


class FieldNames(dict[bytes, Kind]):
    """Memo from the exact name as received to its Kind. Bounded: strangers choose the names.

    `lines` is the same for whole field lines.
    """

    def __init__(self, kinds: dict[bytes, Kind], dropped: Iterable[bytes], refuse: tuple[bytes, ...]) -> None:
        super().__init__()
        self.lines = FieldLines(self)
        self._kinds = kinds
        self._dropped = frozenset(fold(name) for name in dropped)
        self._refuse = frozenset(refuse)

    def __missing__(self, name: bytes) -> Kind:
        kind = self._classify(name)
        if len(self) < _MEMO_LIMIT and len(name) <= _MEMO_NAME_LIMIT:
            self[name] = kind
        return kind

    def _classify(self, name: bytes) -> Kind:
        lowered = name.lower()
        folded = fold(name)
        if folded in self._dropped:
            return Kind.DROP
        known = self._kinds.get(lowered)
        if known is not None:
            return known
        if folded in self._refuse:
            return Kind.REFUSE
        if folded in _HOP_BY_HOP:
            return Kind.DROP
        if self._kinds is _REQUEST_KINDS and (
            folded in self._kinds or folded == _HTTPOXY or _STRANGERS.fullmatch(folded)
        ):
            return Kind.DROP
        return Kind.KEEP


def request_names(identity_headers: Iterable[bytes]) -> FieldNames:
    """The memo for requests. `identity_headers`: X-User and the plain headers of every policy."""
    return FieldNames(_REQUEST_KINDS, identity_headers, tuple(n for n in _UNAMBIGUOUS if n != b"upgrade"))


def response_names() -> FieldNames:
    """The memo for responses."""
    return FieldNames(_RESPONSE_KINDS, (), (b"content-length", b"transfer-encoding", b"connection"))
