"""Upgrades: what a request may ask for, and whether an upstream agreed to just that (RFC 9110 7.8, RFC 6455). Pure.

Law: a tunnel carries bytes that nobody reads, so whatever is not exactly right never becomes one.
"""

import base64
import hashlib
import re
from collections.abc import Collection, Iterable

WEBSOCKET = b"websocket"

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PROTOCOL = re.compile(rb"%b(?:/%b)?" % (_TOKEN, _TOKEN))
# HTTP inside of a tunnel would pass the decision by (h2c smuggling, Bishop Fox 2020), and so would TLS (RFC 2817).
_NEVER = frozenset((b"http", b"h2", b"h2c", b"tls"))
_KEY = re.compile(rb"[A-Za-z0-9+/]{21}[AQgw]==")  # 16 bytes in base64 (RFC 6455 4.1)
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 1.3


def protocol_of(value: bytes) -> bytes | None:
    """The one protocol that an Upgrade field names, in lower case. None: none, several, or one never tunnelled."""
    if not _PROTOCOL.fullmatch(value):
        return None
    protocol = value.lower()
    return None if protocol.partition(b"/")[0] in _NEVER else protocol


def asked_for(value: bytes, method: bytes, options: Collection[bytes] | None, kept: Iterable[bytes]) -> bytes | None:
    """The protocol that a bodiless HTTP/1.1 request asks for. None: it is a request like any other.

    `value` is its Upgrade field, `options` those of Connection, `kept` the field lines that go upstream.
    """
    protocol = protocol_of(value)
    if protocol is None or method != b"GET" or options is None or b"upgrade" not in options:
        return None
    if protocol == WEBSOCKET:
        lines = list(kept)
        key = _only(lines, b"sec-websocket-key")
        if key is None or not _KEY.fullmatch(key) or _only(lines, b"sec-websocket-version") != b"13":
            return None
    return protocol


def agreed(protocol: bytes | None, asked: Iterable[bytes], answer: bytes | None, answered: Iterable[bytes]) -> bool:
    """Whether a 101 is the answer to the request: the same protocol and, for WebSocket, proof that the key was read.

    `answer` is the 101's Upgrade field; `asked` and `answered` are both sides' field lines.
    """
    if protocol is None or answer is None or answer.lower() != protocol:
        return False
    if protocol != WEBSOCKET:
        return True
    key = _only(asked, b"sec-websocket-key")
    return key is not None and _only(answered, b"sec-websocket-accept") == accept_of(key)


def accept_of(key: bytes) -> bytes:
    """Sec-WebSocket-Accept for a Sec-WebSocket-Key (RFC 6455 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def is_foreign(lines: Iterable[bytes], host: str, allowed: Collection[str], *, secure: bool) -> bool:
    """Whether a page of another origin asks, for which browsers keep no rule of theirs (RFC 6455 10.2).

    `host` is the request's, `secure` whether it came with TLS: a page without is anybody's who sits on the line.
    A program sends no Origin; one that is "null", odd or doubled is foreign.
    """
    origins = [line for line in lines if line[:7].lower() == b"origin:"]
    if not origins:
        return False
    origin = (_only(origins, b"origin") or b"").decode("latin-1").lower()
    scheme, _, page = origin.partition("://")
    ours = bool(page) and _bare(page) == _bare(host) and (scheme == "https" or not secure)
    return not ours and origin not in allowed


def _bare(host: str) -> str:
    return host.removesuffix(":80").removesuffix(":443")


def _only(lines: Iterable[bytes], name: bytes) -> bytes | None:
    """The value of a field that is there exactly once."""
    found = [value for field, _, value in (line.partition(b":") for line in lines) if field.lower() == name]
    return found[0].strip(b" \t\r\n") if len(found) == 1 else None
