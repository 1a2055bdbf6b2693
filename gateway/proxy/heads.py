"""Heads as they travel on: what the upstream is told of a request, what the client is told of a response. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from gateway.authorizer import Verdict
from gateway.core.head import RequestHead, ResponseHead

from .origin import Origin
from .render import STATUS_LINES


def request_bytes(head: RequestHead, origin: Origin, verdict: Verdict, request_id: bytes, *, own: bool) -> bytes:
    """The head as the upstream gets it: the target and the kept fields byte for byte, then ours.

    `own`: for our own pages, which are told one address, the client's. What does not change while the client's
    fields, its origin and the verdict stay the same is joined once (2 µs a request).
    """
    last = head.memory.get("upstream")
    if isinstance(last, _Sent) and last.verdict is verdict and last.origin is origin and last.host == head.host:
        fields = last.fields
    else:
        fields = request_fields(head, origin, verdict, own=own)
        head.memory["upstream"] = _Sent(verdict, origin, head.host, fields)
    return b"%b %b HTTP/1.1\r\n%bX-Request-Id: %b\r\n\r\n" % (head.method, head.target, fields, request_id)


class _Sent(NamedTuple):
    verdict: Verdict
    origin: Origin
    host: str
    fields: bytes


def request_fields(head: RequestHead, origin: Origin, verdict: Verdict, *, own: bool) -> bytes:
    """All fields of a request but X-Request-Id."""
    host = head.host.encode("ascii")
    forwarded_for = origin.client.encode("ascii", "replace") if own else origin.chain
    parts = [
        b"Host: %b\r\n" % host,
        *head.kept,
        b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\n"
        % (forwarded_for, origin.scheme.encode("ascii"), host),
        verdict.identity,
    ]
    if verdict.cookie is not None:
        parts.append(b"Cookie: %b\r\n" % verdict.cookie)
    if head.chunked:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    elif head.length is not None:
        parts.append(b"Content-Length: %d\r\n" % head.length)
    return b"".join(parts)


def response_key(verdict: Verdict, *, head_only: bool, http11: bool, keep_alive: bool) -> tuple[bool, bool, bool, bool]:
    """Under which key a response's memory holds all its fields but X-Request-Id, for such requests."""
    return (head_only, http11, keep_alive, bool(verdict.identity))


@dataclass(frozen=True, slots=True)
class Framing:
    """How a response's body ends for this client. Neither chunked nor of a length: with the connection."""

    line: bytes
    chunked: bool
    until_close: bool


_NONE = Framing(b"", chunked=False, until_close=False)
_CHUNKED = Framing(b"Transfer-Encoding: chunked\r\n", chunked=True, until_close=False)
_UNTIL_CLOSE = Framing(b"", chunked=False, until_close=True)  # HTTP/1.0 has nothing else


def response_framing(request: RequestHead, response: ResponseHead) -> Framing:
    """RFC 9112 6.3, for the client's version of HTTP."""
    if response.status == 204:
        return _NONE
    if response.length is not None:
        return Framing(b"Content-Length: %d\r\n" % response.length, chunked=False, until_close=False)
    if request.method == b"HEAD" or response.status == 304:
        return _NONE
    return _CHUNKED if request.http11 else _UNTIL_CLOSE


def response_bytes(
    request: RequestHead,
    response: ResponseHead,
    origin: Origin,
    verdict: Verdict,
    request_id: bytes,
    framing: Framing,
    *,
    own: bool,
    keep_alive: bool,
    upstream_origin: bytes | None,
    is_our_cookie: Callable[[bytes], bool],
) -> bytes:
    """The head as the client gets it: no cookie of ours from an upstream, no address of the upstream's own.

    Raises ValueError for a status that HTTP does not have.
    """
    simple = not (response.locations or response.set_cookies or verdict.set_cookie)
    key = response_key(verdict, head_only=request.method == b"HEAD", http11=request.http11, keep_alive=keep_alive)
    if simple and (fields := response.memory.get(key)) is not None:  # 1 µs saved, for a head that came before
        return b"%bX-Request-Id: %b\r\n\r\n" % (fields, request_id)
    if response.status not in STATUS_LINES:
        raise ValueError("a status beyond 599")
    parts = [STATUS_LINES[response.status], *response.kept]
    for name, value in response.locations:
        location = value if own else public_location(value, request, origin, upstream_origin)
        parts.append(b"%b: %b\r\n" % (name, location))
    parts += [
        b"Set-Cookie: %b\r\n" % value for value in response.set_cookies if own or not is_our_cookie(_cookie_name(value))
    ]
    if verdict.identity:
        if not response.cache_control:
            parts.append(b"Cache-Control: private, no-cache\r\n")
        if verdict.set_cookie is not None and (response.stale or not response.shareable):
            if response.shareable:
                parts.append(b"Cache-Control: private\r\n")  # a page that is asked for anew each time, now one user's
            parts.append(b"Set-Cookie: %b\r\n" % verdict.set_cookie.encode("ascii"))
    parts.append(framing.line)
    if not keep_alive:
        parts.append(b"Connection: close\r\n")
    elif not request.http11:
        parts.append(b"Connection: keep-alive\r\n")
    fields = b"".join(parts)
    if simple:
        response.memory[key] = fields
    return b"%bX-Request-Id: %b\r\n\r\n" % (fields, request_id)


def public_location(value: bytes, request: RequestHead, origin: Origin, upstream_origin: bytes | None) -> bytes:
    """A Location on the upstream's own origin becomes one on ours, as this client addressed it."""
    host, scheme = request.host.encode("ascii"), origin.scheme.encode("ascii")
    for own in (upstream_origin, b"http://" + host):
        if own is None or value[: len(own)].lower() != own.lower():
            continue
        rest = value[len(own) :]
        if rest.startswith(b":80") and own.count(b":") == 1:  # the default port, spelled out
            rest = rest[3:]
        if rest[:1] in (b"", b"/", b"?", b"#"):
            return b"%b://%b%b" % (scheme, host, rest)
    return value


def _cookie_name(value: bytes) -> bytes:
    """The name of a Set-Cookie. One with an empty name is sent back as its value alone, so that counts as the name."""
    return value.lstrip(b"= \t").partition(b"=")[0].strip()
