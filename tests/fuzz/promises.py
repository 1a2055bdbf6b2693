"""The promises that are fuzzed: each takes bytes of one kind and raises if it is broken by them."""

import itertools
from typing import Any

from gateway.authorizer import Verdict
from gateway.core.cookies import CookieNames, strip_cookies
from gateway.core.decision import Forward
from gateway.core.errors import GatewayError
from gateway.core.fields import request_names, response_names
from gateway.core.head import RequestHead, ResponseHead
from gateway.core.policy import Access, Policy, Route
from gateway.core.prefixes import Prefixes
from gateway.core.reasons import Reason
from gateway.core.routing import RouteTable
from gateway.core.target import parse_target
from gateway.front import own_routes
from gateway.proxy.heads import request_bytes, response_bytes, response_framing
from gateway.proxy.origin import Origin
from gateway.wire.framing import BadFraming, Chunked
from gateway.wire.limits import Limits
from gateway.wire.memo import HeadMemo, ResponseMemo, rechunked
from gateway.wire.parser import check_unfinished, parse_request, parse_response
from tests.conformance.readings import only_below_public, readings

from . import models, readers
from .engine import drawn

TOKEN = "ours.signed.token"
LIMITS = Limits()
ORIGIN = Origin("192.0.2.1", b"192.0.2.1", "https", None)
COOKIES = (CookieNames.for_scheme(secure=True), CookieNames.for_scheme(secure=False))
_SPACE = bytes(range(33)) + b"\x7f"
IDENTITY = ("X-User", "X-User-Name")

_PUBLIC = Policy("public", Access.PUBLIC)
_BOUND = Policy("bound", Access.BOUND)
_MOVED = Prefixes(b"/old", b"/new", b"/_gateway")
ROUTES = [
    Route("public", ("*",), "/public", False, frozenset("*"), _PUBLIC, "legacy"),
    Route("moved", ("*",), "/old", False, frozenset("*"), _BOUND, "legacy", "legacy", prefixes=_MOVED),
    Route("app", ("*",), "/", False, frozenset("*"), _BOUND, "legacy", "legacy"),
]
TABLE = RouteTable([*own_routes("/_gateway", ["MP_verify_a.txt"]), *ROUTES])


def names() -> Any:
    """Fresh memos: what one input teaches must not hide what another would show."""
    return request_names([name.encode() for name in IDENTITY])


def parsed(head: bytes, fields: Any) -> RequestHead | None:
    """The head, or None if it is refused."""
    try:
        return parse_request(head, fields, target_limit=LIMITS.target, fields_limit=LIMITS.fields)
    except GatewayError as error:
        if error.status not in (400, 405, 414, 417, 431, 505):
            raise
        return None


def a_request_head(data: bytes) -> None:
    """What is accepted is forwarded so that every reader sees our identity header, once, and nobody else's."""
    end = data.find(b"\r\n\r\n")
    if not 0 <= end <= LIMITS.head - 4:
        return
    raw = data[: end + 4]
    head = parsed(raw, names())
    if head is None:
        return
    for cut in {1, *(drawn(data).randrange(1, len(raw)) for _ in range(4)), len(raw) - 1}:
        check_unfinished(raw[:cut], 0, LIMITS)  # nobody is refused for a head's arriving in pieces
    try:
        route = TABLE.match(head.host, head.method.decode("ascii"), parse_target(head.target))
    except GatewayError:
        return
    if head.upgrade is not None and head.upgrade not in route.upgrade:
        head.upgrade = None  # as the front has it
    identified = route.policy.access is Access.BOUND
    cookie = strip_cookies(head.cookie, COOKIES[0].is_ours) if head.cookie is not None else None
    identity = b"X-User: %b\r\n" % TOKEN.encode() if identified else b""
    verdict = Verdict(Forward(Reason.BOUND, identified=identified), identity, cookie)
    try:
        forwarded = request_bytes(head, ORIGIN, verdict, b"id", route)
    except GatewayError:
        assert route.prefixes is not None
        return
    assert forwarded.endswith(b"\r\n\r\n")
    assert forwarded.count(b"\r\n\r\n") == 1
    assert not set(forwarded.replace(b"\r\n", b"")) & set(b"\r\n\0"), "a bare line end or NUL"
    method, target, version = forwarded.split(b"\r\n")[0].split(b" ")
    assert (method, version) == (head.method, b"HTTP/1.1")
    if route.prefixes is None:
        assert target == head.target
    else:
        assert all(path == "/new" or path.startswith("/new/") for path in readings(target.decode())), (
            "out of its prefix"
        )
    lines = {line.lower() for line in forwarded.split(b"\r\n")}
    assert (b"content-length: %d" % (head.length or 0) in lines) == (head.length is not None)
    assert (b"transfer-encoding: chunked" in lines) == head.chunked
    for reader in readers.READERS:
        _check_seen(reader(forwarded), head, identified)


def _check_seen(seen: readers.Fields, head: RequestHead, identified: bool) -> None:
    assert readers.all_of(seen, "X-USER") == ([TOKEN] if identified else [])
    assert readers.all_of(seen, "X-USER-NAME") == []
    assert readers.all_of(seen, "HOST") == [head.host]
    assert readers.all_of(seen, "X-FORWARDED-FOR") == ["192.0.2.1"]
    assert readers.all_of(seen, "X-FORWARDED-HOST") == [head.host]
    assert readers.all_of(seen, "X-FORWARDED-PROTO") == ["https"]
    assert readers.all_of(seen, "X-REQUEST-ID") == ["id"]
    assert readers.all_of(seen, "TRANSFER-ENCODING") == (["chunked"] if head.chunked else [])
    assert readers.all_of(seen, "CONTENT-LENGTH") == ([str(head.length)] if head.length is not None else [])
    for name in ("PROXY", "FORWARDED", "X-REAL-IP", "X-ORIGINAL-URL", "CONNECTION", "TE", "UPGRADE", "KEEP-ALIVE"):
        assert readers.all_of(seen, name) == [], name
    for cookie in readers.all_of(seen, "COOKIE"):
        assert not _ours_among(readers.cookie_names(cookie))
    assert len(readers.all_of(seen, "COOKIE")) <= 1


def a_sequence_of_heads(data: bytes) -> None:
    """The memos' answer is the slow way's, whatever came before."""
    shared, memo, rng = names(), HeadMemo(LIMITS.target), drawn(data)
    heads = [each + b"\r\n\r\n" for each in data.split(b"\r\n\r\n") if each][:4]
    lines = [each.partition(b"\r\n")[0] for each in heads] + [
        b"GET /x HTTP/1.1",
        b"GET /x HTTP/1.0",
        b"HEAD / HTTP/1.1",
        b"POST /y HTTP/1.1",
    ]
    for _ in range(3 * len(heads)):
        head = rng.choice(heads)
        if rng.random() < 0.5:
            head = rng.choice(lines) + head[len(head.partition(b"\r\n")[0]) :]
        expected = parsed(head, names())
        behind = rng.choice([b"", b"GET / HTTP/1.1\r\nHost: other\r\n\r\n"])
        found = memo.find(head + behind, len(head) - 4)
        slow = parsed(head, shared)
        assert _meaning(slow) == _meaning(expected), "the lines' memo disagrees"
        if found is not None:
            assert _meaning(found) == _meaning(expected), "the heads' memo disagrees"
        elif slow is not None:
            memo.keep(head + behind, len(head) - 4, slow)


def _meaning(head: RequestHead | ResponseHead | None) -> list[object] | None:
    return head and [getattr(head, name) for name in type(head).__slots__ if name != "memory"]


def a_chunked_body(data: bytes) -> None:
    """However it is cut into pieces, the same payload comes out as a simple model has it, and the same rest."""
    rng = drawn(data)
    try:
        expected: tuple[bytes, bytes | None] | None = models.dechunked(data)
    except models.Broken:
        expected = None
    again = rechunked(data)
    if again is not None:
        assert expected is not None
        assert expected[1] == b""
        assert models.dechunked(again[0]) == expected
        assert again[1] == len(expected[0])
    elif expected is not None:
        assert expected[1] != b""
    for pieces in (1, 2, 1 + rng.randrange(max(len(data), 1)), len(data)):
        cuts = (
            sorted(rng.randrange(len(data) + 1) for _ in range(pieces - 1)) if pieces < len(data) else range(len(data))
        )
        assert _fed(data, [0, *cuts, len(data)]) == expected


def _fed(data: bytes, cuts: list[int]) -> tuple[bytes, bytes | None] | None:
    reader, payload = Chunked(), b""
    for start, end in itertools.pairwise(cuts):
        try:
            piece, rest = reader.feed(data[start:end])
        except BadFraming:
            return None
        payload += piece
        if reader.done:
            return payload, rest + data[end:]
        assert rest == b""
    return payload, None


def a_target(data: bytes) -> None:
    """What comes under the public route is below /public to everybody, and what is not clean has one route or none."""
    try:
        target = parse_target(data)
        route = TABLE.match("gw.test", "GET", target)
    except GatewayError as error:
        if error.status not in (400, 404, 405):
            raise
        return
    assert target.raw == data
    assert data.startswith(b"/")
    assert not set(data) & set(b" \r\n\0#")
    if route.id == "public":
        assert only_below_public(data.decode("latin-1")), "somebody reads another path"
    elif route.id == "app":
        # the other way round: nobody may take a page of the legacy system's for one of ours
        assert not data.lower().startswith(b"/_gateway/")


def a_cookie_field(data: bytes) -> None:
    """No reader of cookies finds one of ours in what is left, and none of the others is changed."""
    for cookies in COOKIES:
        rest = strip_cookies(data, cookies.is_ours)
        if rest is None:
            continue
        assert not _ours_among(readers.cookie_names(rest.decode("latin-1")))
        others = {piece.strip(_SPACE) for piece in data.split(b";") if b"gateway" not in piece.lower()}
        assert others - {b""} <= {piece.strip(_SPACE) for piece in rest.split(b";")}
        if b"gateway_" not in data.lower():
            assert rest == data


def _ours_among(names: set[str]) -> bool:
    lowered = {name.lower().removeprefix("__host-").removeprefix("__secure-") for name in names}
    return any(name == "gateway_session" or name.startswith("gateway_login_") for name in lowered)


def _check_whole(memo: ResponseMemo, raw: bytes, body: bytes, head: ResponseHead) -> None:
    """What is taken for a whole response is one, and its body is the model's."""
    whole = memo.whole(raw + body)
    if whole is None:
        return
    assert _meaning(whole[0]) == _meaning(head)
    if head.chunked:
        assert models.dechunked(whole[1]) == models.dechunked(body)
        assert models.dechunked(body)[1] == b""
    else:
        assert whole[1] == body
        assert head.length == len(body)


def a_response(data: bytes) -> None:
    """What a client gets has one framing, none of our cookies but ours, and no line that nobody wrote."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return
    raw = data[: end + 4]
    fields = response_names()
    memo = ResponseMemo()
    try:
        head = parse_response(raw, fields, fields_limit=LIMITS.fields)
    except (ValueError, GatewayError):
        return
    memo.keep(raw, head)
    again = memo.find(raw)
    assert again is None or _meaning(again) == _meaning(head)
    _check_whole(memo, raw, data[end + 4 :], head)
    rng = drawn(data)
    method = rng.choice([b"GET", b"HEAD", b"POST"])
    request = RequestHead(method, b"/", rng.random() < 0.8, [b"Host: gw.test"], names())
    identity = rng.choice([b"", b"X-User: t\r\n"])
    verdict = Verdict(Forward(Reason.BOUND, identified=bool(identity)), identity, None, None)
    framing = response_framing(request, head)
    try:
        sent = response_bytes(
            request, head, ORIGIN, verdict, b"id", framing, route=rng.choice(ROUTES), keep_alive=head.keep_alive,
            upstream_origins=(b"http://127.0.0.1:9",), is_our_cookie=COOKIES[0].is_ours,
        )  # fmt: skip
    except ValueError:
        assert not 200 <= head.status <= 599
        return
    assert sent.count(b"\r\n\r\n") == 1
    assert not set(sent.replace(b"\r\n", b"")) & set(b"\r\n\0")
    for reader in (readers.exact, readers.library):
        seen = reader(sent)
        framed = readers.all_of(seen, "CONTENT-LENGTH") + readers.all_of(seen, "TRANSFER-ENCODING")
        assert framed == ([framing.line.split(b": ")[1].strip().decode()] if framing.line else [])
        assert readers.all_of(seen, "X-REQUEST-ID") == ["id"]
        for value in readers.all_of(seen, "SET-COOKIE"):
            assert not _ours_among({value.lstrip("= \t").partition("=")[0].strip(), value.partition("=")[0].strip()})
        if identity:
            assert readers.all_of(seen, "CACHE-CONTROL")
