"""Message heads: what a request and a response say of themselves, and when they say it ambiguously.

Law: whatever two parsers could read differently is refused, never repaired (RFC 9112 section 11).
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from .errors import GatewayError
from .fields import FieldNames, Kind
from .reasons import Reason
from .upgrade import asked_for

Lines = Sequence[bytes]  # field lines without their CRLF

_HOST = re.compile(rb"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?\.?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,17}")
_ABSOLUTE = re.compile(rb"https?://([^/?#]+)(/.*|)", re.IGNORECASE | re.DOTALL)
# Fields that a Connection option must never remove: the request would change its meaning (RFC 9110 7.6.1).
_NEVER_NOMINATED = frozenset(
    (b"host", b"content-length", b"transfer-encoding", b"content-type", b"authorization", b"cookie", b"expect")
)
_CONNECTION_LIMIT = 16
_STALE = re.compile(rb"(?:^|[,\s])(?:no-cache|max-age=0)(?:$|[,\s])", re.IGNORECASE)
_PRIVATE = re.compile(rb"(?:^|[,\s])(?:private|no-store)(?:$|[,\s])", re.IGNORECASE)  # not `private="x"`


class RequestHead:
    """A request's head after the rules: framing known, fields sorted into forwarded and ours to deal with.

    `target` is in origin form, byte for byte as sent. `kept` are whole field lines to forward as they came.
    `length` is None without a body length; `chunked` and `length` exclude each other. `upgrade` is the protocol to
    switch to, if it asks for one in all form; else its Upgrade field means nothing.
    """

    __slots__ = (
        "chunked",
        "cookie",
        "expects",
        "forwarded_for",
        "forwarded_host",
        "forwarded_proto",
        "host",
        "http11",
        "keep_alive",
        "kept",
        "length",
        "lines",
        "memory",
        "method",
        "request_id",
        "target",
        "upgrade",
    )

    def __init__(self, method: bytes, target: bytes, http11: bool, lines: Lines, names: FieldNames) -> None:
        """Sort the field lines. Raises GatewayError for anything ambiguous, ValueError for no field line."""
        self.method = method
        self.http11 = http11
        self.lines = lines
        self.memory: dict[object, Any] = {}
        self.cookie: bytes | None = None
        self.chunked = False
        self.expects = False
        self.length: int | None = None
        self.forwarded_for: bytes | None = None
        self.forwarded_proto: bytes | None = None
        self.forwarded_host: bytes | None = None
        self.request_id: bytes | None = None
        host: bytes | None = None
        options: list[bytes] | None = None
        upgrade: bytes | None = None
        kept: list[bytes] = []
        known = names.lines
        for line in lines:
            kind, _, value, forwarded = known[line]
            if kind is Kind.KEEP:
                kept.append(forwarded)
            elif kind is Kind.HOST:
                if host is not None:
                    raise bad_request("more than one Host")
                host = value
            elif kind is Kind.COOKIE:  # RFC 6265 5.4 sends one; RFC 9113 8.2.3 joins several
                self.cookie = value if self.cookie is None else b"%b; %b" % (self.cookie, value)
            elif kind is Kind.CONNECTION:
                options = (options or []) + _options(value)
            elif kind is Kind.LENGTH:
                if self.length is not None or not _LENGTH.fullmatch(value):
                    raise bad_request("Content-Length repeated or not a plain number")
                self.length = int(value)
            elif kind is Kind.CODING:
                if self.chunked or value.lower() != b"chunked" or not http11:
                    raise bad_request("Transfer-Encoding other than one chunked")
                self.chunked = True
            elif kind is Kind.EXPECT:
                if self.expects or value.lower() != b"100-continue":
                    raise GatewayError(417, Reason.EXPECTATION_FAILED)
                self.expects = http11  # RFC 9110 10.1.1: ignored in HTTP/1.0
            elif kind is Kind.FORWARDED_FOR:
                self.forwarded_for = value if self.forwarded_for is None else b"%b, %b" % (self.forwarded_for, value)
            elif kind is Kind.FORWARDED_PROTO:
                self.forwarded_proto = value
            elif kind is Kind.FORWARDED_HOST:
                self.forwarded_host = value
            elif kind is Kind.REQUEST_ID:
                self.request_id = value
            elif kind is Kind.UPGRADE:
                upgrade = value if upgrade is None else b"%b, %b" % (upgrade, value)
            elif kind is Kind.REFUSE:
                raise bad_request("a spelling of a framing field")
        if self.chunked and self.length is not None:
            raise bad_request("Content-Length beside Transfer-Encoding")
        if options is None:
            self.keep_alive = http11
        else:
            self.keep_alive = b"close" not in options if http11 else b"keep-alive" in options
            kept = _without_nominated(kept, options)
        self.kept = kept
        self.upgrade: bytes | None = None
        if upgrade is not None and http11 and self.length is None and not self.chunked and not self.expects:
            self.upgrade = asked_for(upgrade, method, options, kept)
        if host is None or not _HOST.fullmatch(host):
            raise bad_request("Host missing or malformed")
        self.target, self.host = _origin_form(target, host)

    def get(self, name: str) -> str | None:
        """The field's value, or None if it is absent or repeated. For the slow path."""
        wanted = name.lower().encode("ascii")
        values = [value for field, _, value in (line.partition(b":") for line in self.lines) if field.lower() == wanted]
        return values[0].strip(b" \t").decode("latin-1") if len(values) == 1 else None

    def again(self, method: bytes, target: bytes) -> "RequestHead":
        """The head of another request with the very same fields, and no upgrade. `memory` is shared by all of them."""
        head = RequestHead.__new__(RequestHead)
        head.method, head.target, head.http11, head.host = method, target, self.http11, self.host
        head.lines, head.kept, head.memory, head.cookie = self.lines, self.kept, self.memory, self.cookie
        head.chunked, head.length, head.expects, head.keep_alive = (
            self.chunked,
            self.length,
            self.expects,
            self.keep_alive,
        )
        head.forwarded_for, head.forwarded_proto = self.forwarded_for, self.forwarded_proto
        head.forwarded_host, head.request_id = self.forwarded_host, self.request_id
        head.upgrade = None
        return head

    @property
    def has_body(self) -> bool:
        """Whether body bytes follow the head."""
        return self.chunked or bool(self.length)


class ResponseHead:
    """An upstream's response head after the rules.

    `cache_control`: it says something of caching; `shareable`: and not that only one user may have it;
    `stale`: that caches must ask again each time. `may_have_body`: unless it answers HEAD. `upgrade` is the protocol
    that it names to switch to. `memory` is for what others derive from it alone.
    """

    __slots__ = (
        "cache_control",
        "chunked",
        "keep_alive",
        "kept",
        "length",
        "locations",
        "may_have_body",
        "memory",
        "set_cookies",
        "shareable",
        "stale",
        "status",
        "upgrade",
    )

    def __init__(self, status: int, http11: bool, lines: Lines, names: FieldNames) -> None:
        """Sort the field lines. Raises ValueError for anything ambiguous."""
        self.status = status
        self.chunked = False
        self.cache_control = False
        self.stale = False
        private = False
        self.length: int | None = None
        self.locations: list[tuple[bytes, bytes]] = []
        self.memory: dict[object, Any] = {}
        self.set_cookies: list[bytes] = []
        options: list[bytes] | None = None
        upgrade: bytes | None = None
        kept: list[bytes] = []
        known = names.lines
        for line in lines:
            kind, name, value, forwarded = known[line]
            if kind is Kind.KEEP:
                kept.append(forwarded)
            elif kind is Kind.LENGTH:
                if self.length is not None or not _LENGTH.fullmatch(value):
                    raise ValueError("Content-Length repeated or not a plain number")
                self.length = int(value)
            elif kind is Kind.CACHE_CONTROL:
                self.cache_control = True
                private = private or _PRIVATE.search(value) is not None
                self.stale = self.stale or _STALE.search(value) is not None
                kept.append(forwarded)
            elif kind is Kind.SET_COOKIE:
                self.set_cookies.append(value)
            elif kind is Kind.CONNECTION:
                options = (options or []) + _options(value)
            elif kind is Kind.LOCATION:
                self.locations.append((name, value))
            elif kind is Kind.CODING:
                if self.chunked or value.lower() != b"chunked" or not http11:
                    raise ValueError("Transfer-Encoding other than one chunked")
                self.chunked = True
            elif kind is Kind.UPGRADE:
                upgrade = value if upgrade is None else b"%b, %b" % (upgrade, value)
            elif kind is Kind.REFUSE:
                raise ValueError("a spelling of a framing field")
        if self.chunked and self.length is not None:
            raise ValueError("Content-Length beside Transfer-Encoding")
        if options is None:
            self.keep_alive = http11
        else:
            self.keep_alive = b"close" not in options if http11 else b"keep-alive" in options
            kept = _without_nominated(kept, options)
        self.kept = kept
        self.upgrade = upgrade if options is not None and b"upgrade" in options else None
        if status == 101:  # RFC 9110 15.2: no content, whatever it says; the new protocol follows
            self.chunked, self.length = False, None
        self.shareable = self.cache_control and not private
        self.may_have_body = status >= 200 and status not in (204, 304)

    def edited(self, kept: list[bytes]) -> "ResponseHead":
        """The same head with other fields kept, which may speak of caching otherwise; with a memory of its own."""
        head = ResponseHead.__new__(ResponseHead)
        for name in ResponseHead.__slots__:
            setattr(head, name, getattr(self, name))
        head.kept, head.memory = kept, {}
        caching = [line for line in kept if line[:14].lower() == b"cache-control:"]
        head.cache_control = bool(caching)
        head.stale = any(_STALE.search(line[14:]) for line in caching)
        head.shareable = head.cache_control and not any(_PRIVATE.search(line[14:]) for line in caching)
        return head


def bad_request(message: str) -> GatewayError:
    """A 400 for a head that breaks RFC 9112 or could be read in two ways."""
    return GatewayError(400, Reason.BAD_REQUEST, message)


def _options(value: bytes) -> list[bytes]:
    """What a Connection field names. As many as nobody honest sends are not even counted."""
    if value.count(b",") >= 2 * _CONNECTION_LIMIT:
        raise bad_request("too many Connection options")
    return [option.strip(b" \t").lower() for option in value.split(b",")]


def _without_nominated(kept: list[bytes], options: Iterable[bytes]) -> list[bytes]:
    """Drop the fields that Connection names as hop-by-hop. Ours are added later, out of its reach."""
    named = {option for option in options if option not in (b"close", b"keep-alive", b"upgrade", b"te", b"")}
    if not named:
        return kept
    if len(named) > _CONNECTION_LIMIT:
        raise bad_request("too many Connection options")
    named -= _NEVER_NOMINATED
    return [line for line in kept if line[: line.index(b":")].lower() not in named]


def _origin_form(target: bytes, host: bytes) -> tuple[bytes, str]:
    """An absolute-form target becomes origin form, if it names the same host (RFC 9112 3.2.2)."""
    if not target.startswith(b"/"):
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None or absolute[1].lower() != host.lower():
            raise GatewayError(400, Reason.BAD_TARGET, "target neither a path nor an address of this Host")
        target = absolute[2] or b"/"
    return target, host.decode("ascii").lower()
