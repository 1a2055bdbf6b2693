"""Heads as they travel on: pure functions, so every combination is cheap to try."""

from dataclasses import replace
from itertools import product

import pytest

from gateway.authorizer import Verdict
from gateway.core.cookies import CookieNames
from gateway.core.decision import Forward
from gateway.core.edits import FieldEdits
from gateway.core.fields import request_names, response_names
from gateway.core.head import RequestHead, ResponseHead
from gateway.core.policy import Access, Policy, Route
from gateway.core.prefixes import Prefixes
from gateway.core.reasons import Reason
from gateway.proxy.heads import Framing, edited, public_location, request_bytes, response_bytes, response_framing
from gateway.proxy.origin import Origin

NAMES = request_names([b"X-User"])
ORIGIN = Origin("1.2.3.4", b"9.9.9.9, 1.2.3.4", "https", None)
PASSED = Forward(Reason.BOUND, identified=True)
KNOWN = Verdict(PASSED, identity=b"X-User: token\r\n", cookie=b"a=1")
ANONYMOUS = Verdict(Forward(Reason.PUBLIC, identified=False))
ROUTE = Route("app", ("*",), "/", False, frozenset("*"), Policy("page", Access.BOUND), "legacy")
OWN = replace(ROUTE, own=True)
OURS = CookieNames.for_scheme(True).is_ours


def request(*lines: bytes, method: bytes = b"GET", http11: bool = True) -> RequestHead:
    return RequestHead(method, b"/x?y", http11, [b"Host: App.example.com", *lines], NAMES)


def response(*lines: bytes, status: int = 200) -> ResponseHead:
    return ResponseHead(status, True, lines, response_names())


def sent(
    answer: ResponseHead, verdict: Verdict = ANONYMOUS, *, route: Route = ROUTE, keep_alive: bool = True
) -> list[bytes]:
    """The lines that a client gets."""
    asked = request()
    data = response_bytes(
        asked,
        answer,
        ORIGIN,
        verdict,
        b"id",
        response_framing(asked, answer),
        route=route,
        keep_alive=keep_alive,
        upstream_origins=(b"http://up:9000",),
        is_our_cookie=OURS,
    )
    assert data.endswith(b"\r\n\r\n")
    return data[:-4].split(b"\r\n")


def test_a_request_goes_up_with_ours_once() -> None:
    """The line, Host, what was kept, then what only we say."""
    head = request(b"X-Forwarded-For: 6.6.6.6", b"X-User: me", b"Accept: */*", b"Content-Length: 5", method=b"POST")
    assert request_bytes(head, ORIGIN, KNOWN, b"id-1", ROUTE).split(b"\r\n") == [
        b"POST /x?y HTTP/1.1",
        b"Host: app.example.com",
        b"Accept: */*",
        b"X-Forwarded-For: 9.9.9.9, 1.2.3.4",
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-Host: app.example.com",
        b"X-User: token",
        b"Cookie: a=1",
        b"Content-Length: 5",
        b"X-Request-Id: id-1",
        b"",
        b"",
    ]


def test_our_own_pages_are_told_one_address() -> None:
    """They count tries by it; a chain that a stranger began would let them choose."""
    assert b"X-Forwarded-For: 1.2.3.4\r\n" in request_bytes(request(), ORIGIN, ANONYMOUS, b"id", OWN)


@pytest.mark.parametrize("change", ["verdict", "origin", "host"])
def test_what_was_joined_once_is_joined_anew_when_anything_changes(change: str) -> None:
    """Another verdict, another client, another host: never one person's fields for another."""
    head = request()
    first = request_bytes(head, ORIGIN, KNOWN, b"1", ROUTE)
    again = head.again(b"GET", b"/z")
    assert request_bytes(again, ORIGIN, KNOWN, b"2", ROUTE) == first.replace(b"/x?y", b"/z").replace(b"Id: 1", b"Id: 2")
    verdict = Verdict(PASSED, identity=b"X-User: other\r\n") if change == "verdict" else KNOWN
    origin = Origin("5.5.5.5", b"5.5.5.5", "http", None) if change == "origin" else ORIGIN
    if change == "host":
        again.host = "b.example"
    expected = request()
    expected.host = again.host
    assert request_bytes(again, origin, verdict, b"1", ROUTE).replace(b"/z", b"/x?y") == request_bytes(
        expected, origin, verdict, b"1", ROUTE
    )


def edits(name: str, value: str) -> FieldEdits:
    made = FieldEdits.of([(name, value)], ())
    assert made is not None
    return made


ENVS = [replace(ROUTE, policy=replace(ROUTE.policy, request_headers=edits("X-Env", value))) for value in "ab"]
MOVED = [replace(ROUTE, prefixes=Prefixes(strip, b"/in", b"/_gateway")) for strip in (b"/x", b"/x/y", b"")]


def test_routes_that_share_fields_and_verdict_share_no_edits() -> None:
    """The same client's very same fields, the very same verdict: each route's own edits and prefix, in any order."""
    head = request(b"X_Env: evil", b"Accept: */*")
    for route in (*ENVS, ROUTE, *MOVED, *reversed(ENVS), ROUTE):
        lines = request_bytes(head.again(b"GET", b"/x/y/z?q"), ORIGIN, ANONYMOUS, b"id", route).split(b"\r\n")
        env = [line for line in lines if line.lower()[:6] in (b"x-env:", b"x_env:")]
        ours = route.policy.request_headers
        assert env == ([ours.fields[0].rstrip()] if ours is not None else [b"X_Env: evil"])
        prefix = [line for line in lines if line.startswith(b"X-Forwarded-Prefix")]
        strip = route.prefixes.strip if route.prefixes is not None else b""
        assert prefix == ([b"X-Forwarded-Prefix: " + strip] if strip else [])
        target = b"/x/y/z?q" if route.prefixes is None else b"/in" + b"/x/y/z?q"[len(strip) :]
        assert lines[0] == b"GET " + target + b" HTTP/1.1"


def test_policies_that_share_a_response_share_no_edits() -> None:
    """One upstream's head under several policies: each client gets its own policy's word."""
    answer = response(b"Server: old", b"X-Env: theirs", b"Content-Length: 0")
    for change in (edits("X-Env", "a"), None, edits("X-Env", "b"), edits("Cache-Control", "no-store"), None):
        for verdict in (ANONYMOUS, KNOWN, KNOWN):
            lines = sent(answer if change is None else edited(answer, change), verdict)
            names = [line.partition(b":")[0] for line in lines]
            assert (b"X-Env: theirs" in lines) == (change is None or change.gone == {b"cache-control"})
            assert change is None or change.fields[0].rstrip() in lines
            caching = [line for line in lines if line.startswith(b"Cache-Control")]
            if change is not None and change.gone == {b"cache-control"}:
                assert caching == [b"Cache-Control: no-store"]
            else:
                assert caching == ([b"Cache-Control: private, no-cache"] if verdict is KNOWN else [])
            assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("value", "public"),
    [
        (b"http://up:9000/in/a?b", b"https://app.example.com/out/a?b"),
        (b"http://up:9000/in", b"https://app.example.com/out"),
        (b"http://up:9000/else", b"https://app.example.com/else"),
        (b"http://up:9000//in/a", b"https://app.example.com//in/a"),
        (b"http://app.example.com/in/a", b"https://app.example.com/out/a"),
        (b"https://app.example.com/in/a", b"https://app.example.com/out/a"),
        (b"https://app.example.com/out/a", b"https://app.example.com/out/a"),
        (b"https://app.example.com/_gateway/me", b"https://app.example.com/_gateway/me"),
        (b"https://app.example.com:80/in/a", b"https://app.example.com:80/in/a"),
        (b"https://elsewhere.example/in/a", b"https://elsewhere.example/in/a"),
        (b"//elsewhere.example/in/a", b"//elsewhere.example/in/a"),
        (b"/in/a", b"/out/a"),
        (b"in/a", b"in/a"),
        (b"?in", b"?in"),
        (b"", b""),
    ],
)
def test_locations_under_a_prefix(value: bytes, public: bytes) -> None:
    """However an application names its own pages: by its own address, by ours, or by path; in Refresh too."""
    route = replace(ROUTE, prefixes=Prefixes(b"/out", b"/in", b"/_gateway"))
    fields = [
        b"Location: " + value,
        b"Content-Location: " + value,
        b"Refresh: 0; url=" + value,
        b"Set-Cookie: a=1; Path=/",
    ]
    lines = sent(response(*fields), route=route)
    assert {b"Location: " + public, b"Content-Location: " + public, b"Refresh: 0; url=" + public} <= set(lines)
    assert b"Set-Cookie: a=1; Path=/out" in lines
    assert set(fields) <= set(sent(response(*fields), route=replace(route, own=True)))


@pytest.mark.parametrize(
    ("method", "http11", "status", "lines", "expected"),
    [
        (b"GET", True, 200, [b"Content-Length: 5"], Framing(b"Content-Length: 5\r\n", False, False)),
        (b"GET", True, 200, [b"Transfer-Encoding: chunked"], Framing(b"Transfer-Encoding: chunked\r\n", True, False)),
        (b"GET", True, 200, [], Framing(b"Transfer-Encoding: chunked\r\n", True, False)),
        (b"GET", False, 200, [], Framing(b"", False, True)),
        (b"GET", False, 200, [b"Content-Length: 5"], Framing(b"Content-Length: 5\r\n", False, False)),
        (b"HEAD", True, 200, [], Framing(b"", False, False)),
        (b"HEAD", True, 200, [b"Content-Length: 5"], Framing(b"Content-Length: 5\r\n", False, False)),
        (b"HEAD", False, 200, [b"Transfer-Encoding: chunked"], Framing(b"", False, False)),
        (b"GET", True, 204, [b"Content-Length: 0"], Framing(b"", False, False)),
        (b"GET", True, 304, [], Framing(b"", False, False)),
        (b"GET", False, 304, [b"Content-Length: 5"], Framing(b"Content-Length: 5\r\n", False, False)),
    ],
)
def test_framing(method: bytes, http11: bool, status: int, lines: list[bytes], expected: Framing) -> None:
    """RFC 9112 6.3, for each version of HTTP."""
    assert response_framing(request(method=method, http11=http11), response(*lines, status=status)) == expected


def test_a_status_that_http_does_not_have_is_garbage() -> None:
    """600 and above."""
    with pytest.raises(ValueError, match="status"):
        sent(response(status=600))


RENEWED = Verdict(PASSED, identity=b"X-User: token\r\n", set_cookie="__Host-gateway_session=new; Path=/")


@pytest.mark.parametrize(
    ("cache_control", "renewed"),
    [
        ([], True),
        ([b"private"], True),
        ([b"max-age=5", b"no-store"], True),
        ([b"public, max-age=60"], False),
        ([b"max-age=60"], False),
        ([b"s-maxage=9"], False),
        ([b"no-cache, must-revalidate"], True),
        ([b"max-age=0"], True),
    ],
)
def test_a_renewed_session_is_on_no_response_that_a_cache_may_share(cache_control: list[bytes], renewed: bool) -> None:
    """A cache in between would hand one person's session to the next."""
    lines = sent(response(*(b"Cache-Control: " + value for value in cache_control)), RENEWED)
    assert (b"Set-Cookie: __Host-gateway_session=new; Path=/" in lines) == renewed
    if renewed and cache_control not in ([b"private"], [b"max-age=5", b"no-store"]):
        assert any(line.startswith(b"Cache-Control: private") for line in lines)


def test_own_pages_set_our_cookies_and_name_their_own_locations() -> None:
    """Nothing of theirs is rewritten or dropped."""
    lines = [b"Set-Cookie: __Host-gateway_session=x", b"Location: http://up:9000/x"]
    assert set(lines) <= set(sent(response(*lines), route=OWN))
    assert sent(response(*lines)) == [
        b"HTTP/1.1 200 OK",
        b"Location: https://app.example.com/x",
        b"Transfer-Encoding: chunked",
        b"X-Request-Id: id",
    ]


@pytest.mark.parametrize(
    ("own", "value", "public"),
    [
        (b"http://up:9000", b"http://up:9000/a?b#c", b"https://app.example.com/a?b#c"),
        (b"http://up:9000", b"HTTP://UP:9000", b"https://app.example.com"),
        (b"http://up", b"http://up:80/a", b"https://app.example.com/a"),
        (b"http://up", b"http://up:8080/a", b"http://up:8080/a"),
        (b"http://up", b"http://upper/a", b"http://upper/a"),
        (b"http://up", b"http://up@evil/a", b"http://up@evil/a"),
        (b"http://up", b"http://up\\evil", b"http://up\\evil"),
        (b"http://up", b"https://up/a", b"https://up/a"),
        (b"http://up", b"/a", b"/a"),
        (b"http://up", b"", b""),
        (None, b"http://app.example.com/a", b"https://app.example.com/a"),
        (None, b"http://up/a", b"http://up/a"),
    ],
)
def test_public_locations(own: bytes | None, value: bytes, public: bytes) -> None:
    """The upstream's own origin in any spelling, and no other."""
    assert public_location(value, request(), ORIGIN, (own,) if own is not None else ()) == public


@pytest.mark.parametrize(("http11", "keep_alive"), list(product([True, False], repeat=2)))
def test_what_is_said_of_the_connection(http11: bool, keep_alive: bool) -> None:
    """Only what the client's version does not assume anyway."""
    asked, answer = request(http11=http11), response(b"Content-Length: 0")
    data = response_bytes(
        asked,
        answer,
        ORIGIN,
        ANONYMOUS,
        b"id",
        response_framing(asked, answer),
        route=ROUTE,
        keep_alive=keep_alive,
        upstream_origins=(),
        is_our_cookie=OURS,
    )
    assert (b"Connection: close" in data) == (not keep_alive)
    assert (b"Connection: keep-alive" in data) == (keep_alive and not http11)


HEADS = [
    response(b"Content-Length: 5", b"X-A: 1"),
    response(b"Cache-Control: public"),
    response(b"Set-Cookie: a=1"),
    response(b"Location: http://up:9000/x"),
    response(status=204),
]


@pytest.mark.parametrize("answer", HEADS)
def test_a_response_head_that_came_before_is_not_anothers(answer: ResponseHead) -> None:
    """For any client, verdict and connection it becomes what it would have become the first time."""
    for method, http11, keep_alive, verdict, own in product(
        (b"GET", b"HEAD"), (True, False), (True, False), (ANONYMOUS, KNOWN, RENEWED), (True, False)
    ):
        asked = request(method=method, http11=http11)
        fresh = response(status=answer.status)
        for name in ResponseHead.__slots__:
            if name != "memory":
                setattr(fresh, name, getattr(answer, name))
        first, second = (
            response_bytes(
                asked,
                each,
                ORIGIN,
                verdict,
                b"id",
                response_framing(asked, answer),
                route=OWN if own else ROUTE,
                keep_alive=keep_alive,
                upstream_origins=(b"http://up:9000",),
                is_our_cookie=OURS,
            )
            for each in (answer, fresh)
        )
        assert first == second
