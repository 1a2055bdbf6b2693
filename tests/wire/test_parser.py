"""Heads from bytes: a strict head, or a refusal with the right status; never something in between."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.core.fields import request_names, response_names
from gateway.core.head import RequestHead
from gateway.wire.limits import Limits
from gateway.wire.parser import check_unfinished, parse_request, parse_response

NAMES = request_names([b"X-User"])
LIMITS = Limits()


def parse(head: bytes) -> RequestHead:
    return parse_request(head, NAMES, target_limit=LIMITS.target, fields_limit=LIMITS.fields)


def serialised(head: RequestHead) -> bytes:
    """The head as a strict sender writes what was understood."""
    parts = [b"%b %b HTTP/1.%d\r\nHost: %b\r\n" % (head.method, head.target, head.http11, head.host.encode())]
    parts += head.kept
    if head.cookie is not None:
        parts.append(b"Cookie: %b\r\n" % head.cookie)
    if head.chunked:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    elif head.length is not None:
        parts.append(b"Content-Length: %d\r\n" % head.length)
    return b"".join([*parts, b"\r\n"])


def meaning(head: RequestHead) -> tuple[object, ...]:
    return head.method, head.target, head.host, head.http11, list(head.kept), head.cookie, head.chunked, head.length


LINES = st.sampled_from(
    [
        b"Host: a",
        b"Host: a.example:8080",
        b"Host: [::1]",
        b"Host: a b",
        b"host : a",
        b"Content-Length: 5",
        b"Content-Length: 05",
        b"Content-Length: 5, 5",
        b"Content_Length: 5",
        b"Transfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer_Encoding: chunked",
        b"transfer-encoding: Chunked ",
        b"Connection: close, X-A",
        b"Connection: upgrade",
        b"X-A: 1",
        b"X-A:",
        b"X-B:  two  words \t",
        b" folded: 1",
        b"\tfolded",
        b"Cookie: a=1",
        b"Cookie: b=2;c",
        b"X-User: me",
        b"x_user: me",
        b"X.User: me",
        b"Expect: 100-continue",
        b"X-\xff: 1",
        b"X-C: caf\xc3\xa9",
        b"X-D: a\rb",
        b"X-E: a\nb",
        b"X-F: a\x00b",
        b": empty",
        b"no colon",
    ]
)
REQUEST_LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"POST /a;b=1//c?d#e HTTP/1.1",
        b"GET http://a/x?y HTTP/1.1",
        b"GET http://other/x HTTP/1.1",
        b"GET / HTTP/1.0",
        b"GET / HTTP/1.2",
        b"GET  / HTTP/1.1",
        b"get / HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"OPTIONS * HTTP/1.1",
        b"FROBNICATE / HTTP/1.1",
    ]
)


@given(REQUEST_LINES, st.lists(LINES, max_size=8))
def test_a_head_is_refused_or_means_one_thing(line: bytes, lines: list[bytes]) -> None:
    """What was understood, written by a strict sender, is understood as the same: nobody behind us reads another."""
    try:
        head = parse(b"\r\n".join([line, *lines, b"", b""]))
    except GatewayError:
        return
    assert meaning(parse(serialised(head))) == meaning(head)
    assert b"me" not in b"".join(head.kept)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    """Total: a head or a GatewayError."""
    with contextlib.suppress(GatewayError):
        parse(data + b"\r\n\r\n")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: \r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n", 400),
        (b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
        (b"TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        (b"POST / HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n", 417),
        (b"GET /" + b"a" * 16384 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nConnection: " + b",".join(b"x%d" % n for n in range(17)) + b"\r\n\r\n", 400),
    ],
)
def test_each_refusal_has_its_status(head: bytes, status: int) -> None:
    """And none is a 500."""
    with pytest.raises(GatewayError) as refusal:
        parse(head)
    assert refusal.value.status == status


@given(REQUEST_LINES, st.lists(LINES, max_size=5), st.integers(0, 500))
def test_no_valid_head_is_refused_while_it_is_unfinished(line: bytes, lines: list[bytes], cut: int) -> None:
    """The early check only refuses what the whole could not heal."""
    whole = b"\r\n".join([line, *lines, b"", b""])
    part = whole[: cut % len(whole)] or whole[:1]
    try:
        parse(whole)
    except GatewayError:
        return
    check_unfinished(part, 0, LIMITS)
    check_unfinished(part, len(part) // 2, LIMITS)


@pytest.mark.parametrize(
    ("part", "status"),
    [
        (b"G" * (LIMITS.target + 65), 414),
        (b"G\r\n" + b"a" * LIMITS.head, 431),
        (b"\x16\x03\x01", 400),
        (b"get", 400),
        (b"\rG", 400),
        (b"GET / HTTP/1.1\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\n\n", 400),
    ],
)
def test_what_cannot_become_a_head_is_not_waited_for(part: bytes, status: int) -> None:
    """TLS on the plain port, bare line feeds, and what is too long: answered at once, at any step."""
    for checked in (0, len(part) - 1):
        with pytest.raises(GatewayError) as refusal:
            check_unfinished(part, checked, LIMITS)
        assert refusal.value.status == status


@given(st.binary(max_size=120))
def test_a_response_head_is_understood_or_an_error(data: bytes) -> None:
    """ValueError or GatewayError, which the connection takes for garbage; nothing else."""
    with contextlib.suppress(ValueError, GatewayError):
        parse_response(b"HTTP/1.1 200 OK\r\n" + data + b"\r\n\r\n", response_names(), fields_limit=200)


@pytest.mark.parametrize("method", [b"FROBNICATE", b"VERSION-CONTROL", b"DESCRIBE", b"SOURCE", b"M-SEARCH", b"QUERY"])
def test_any_method_token_is_a_method(method: bytes) -> None:
    """RFC 9110 9.1: methods are extensible; what llhttp knows of them, or ties to another protocol, does not matter."""
    head = parse(method + b" /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
    assert head.method == method
    assert head.length == 3
