"""Heads as they travel on: what the upstream is told of a request, what the client is told of a response. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from gateway.authorizer import Verdict
from gateway.core.edits import FieldEdits
from gateway.core.head import RequestHead, ResponseHead
from gateway.core.policy import Route
from gateway.core.prefixes import Prefixes, split_refresh

from .origin import Origin
from .render import STATUS_LINES


def request_bytes(
    head: RequestHead, origin: Origin, verdict: Verdict, request_id: bytes, route: Route, host: bytes | None = None
) -> bytes:
    """The head as the upstream gets it: target and kept fields byte for byte, but for the route's edits; then ours.

    `host`: the Host that the route's upstream wants, if not the client's. Our own pages are told one address, the
    client's. What does not change while the client's fields, its origin, the route and the verdict stay the same is
    joined once (2 µs a request). Raises GatewayError for an unsafe target.
    """
    target = head.target if route.prefixes is None else route.prefixes.upstream_target(head.target)
    last = head.memory.get("upstream")
    if (
        isinstance(last, _Sent)
        and last.verdict is verdict
        and last.route is route
        and last.origin is origin
        and last.host == head.host
    ):
        fields = last.fields
    else:
        fields = request_fields(head, origin, verdict, route, host)
        head.memory["upstream"] = _Sent(verdict, route, origin, head.host, fields)
    return b"%b %b HTTP/1.1\r\n%bX-Request-Id: %b\r\n\r\n" % (head.method, target, fields, request_id)


class _Sent(NamedTuple):
    verdict: Verdict
    route: Route
    origin: Origin
    host: str
    fields: bytes


def request_fields(
    head: RequestHead, origin: Origin, verdict: Verdict, route: Route, wanted: bytes | None = None
) -> bytes:
    """All fields of a request but X-Request-Id. `wanted`: the Host for the upstream, if not the client's."""
    host = head.host.encode("ascii")
    forwarded_for = origin.client.encode("ascii", "replace") if route.own else origin.chain
    edits = route.policy.request_headers
    parts = [
        b"Host: %b\r\n" % (wanted or host),
        *(head.kept if edits is None else _kept(head, edits)),
        b"X-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\nX-Forwarded-Host: %b\r\n"
        % (forwarded_for, origin.scheme.encode("ascii"), host),
        verdict.identity,
    ]
    if route.prefixes is not None and route.prefixes.strip:
        parts.append(b"X-Forwarded-Prefix: %b\r\n" % route.prefixes.strip)
    if verdict.cookie is not None:
        parts.append(b"Cookie: %b\r\n" % verdict.cookie)
    if head.chunked:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    elif head.length is not None:
        parts.append(b"Content-Length: %d\r\n" % head.length)
    if head.upgrade is not None:
        parts.append(b"Connection: Upgrade\r\nUpgrade: %b\r\n" % head.upgrade)
    return b"".join(parts)


def _kept(head: RequestHead, edits: FieldEdits) -> list[bytes]:
    """The fields that travel on under a policy that changes some."""
    kept: list[bytes] | None = head.memory.get(edits)
    if kept is None:
        kept = head.memory[edits] = edits.apply(head.kept)
    return kept


def edited(head: ResponseHead, edits: FieldEdits) -> ResponseHead:
    """The upstream's head as if it had said what a policy makes of it. Remembered with the head."""
    result: ResponseHead | None = head.memory.get(edits)
    if result is None:
        result = head.memory[edits] = head.edited(edits.apply(head.kept))
    return result


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
    route: Route,
    keep_alive: bool,
    upstream_origins: tuple[bytes, ...],
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
        before, url = (b"", value) if name.lower() != b"refresh" else split_refresh(value)
        location = url if route.own else public_location(url, request, origin, upstream_origins, route.prefixes)
        parts.append(b"%b: %b%b\r\n" % (name, before, location))
    parts += _cookies(response, route, is_our_cookie)
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


def switching_bytes(
    response: ResponseHead, protocol: bytes, request_id: bytes, route: Route, is_our_cookie: Callable[[bytes], bool]
) -> bytes:
    """The head of a 101 as the client gets it: never with framing, nor with a cookie of ours."""
    parts = [b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n" % protocol, *response.kept]
    parts += _cookies(response, route, is_our_cookie)
    return b"%bX-Request-Id: %b\r\n\r\n" % (b"".join(parts), request_id)


def public_location(
    value: bytes,
    request: RequestHead,
    origin: Origin,
    upstream_origins: tuple[bytes, ...],
    prefixes: Prefixes | None = None,
) -> bytes:
    """A Location on an origin of the upstream's becomes one on ours, as this client addressed it, under its prefix."""
    host, scheme = request.host.encode("ascii"), origin.scheme.encode("ascii")
    if prefixes is not None and value.startswith(b"/"):
        return prefixes.public_path(value)
    origins = [*upstream_origins, b"http://" + host]
    if prefixes is not None and scheme != b"http":
        origins.append(b"%b://%b" % (scheme, host))  # told by X-Forwarded-Proto and Host, ignorant of its prefix
    for own in origins:
        if value[: len(own)].lower() != own.lower():
            continue
        rest = value[len(own) :]
        default = b":443" if own.startswith(b"https:") else b":80"
        if rest.startswith(default) and own.count(b":") == 1:  # the default port, spelled out
            rest = rest[len(default) :]
        if rest[:1] in (b"", b"/", b"?", b"#"):
            return b"%b://%b%b" % (scheme, host, rest if prefixes is None else prefixes.public_path(rest))
    return value


def _cookies(response: ResponseHead, route: Route, is_our_cookie: Callable[[bytes], bool]) -> Iterator[bytes]:
    """The Set-Cookie lines that pass: none of ours but from our own pages, and under the route's prefix."""
    for value in response.set_cookies:
        if route.own:
            yield b"Set-Cookie: %b\r\n" % value
        elif not is_our_cookie(_cookie_name(value)):
            yield b"Set-Cookie: %b\r\n" % (value if route.prefixes is None else route.prefixes.public_cookie(value))


def _cookie_name(value: bytes) -> bytes:
    """The name of a Set-Cookie. One with an empty name is sent back as its value alone, so that counts as the name."""
    return value.lstrip(b"= \t").partition(b"=")[0].strip()
