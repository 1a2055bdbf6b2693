"""The fast path: the same outcome as the whole way, or none."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.core.fields import request_names, response_names
from gateway.core.head import RequestHead
from gateway.wire.memo import HeadMemo, ResponseMemo
from gateway.wire.parser import parse_request, parse_response

NAMES = request_names([b"X-User"])


def parse(head: bytes) -> RequestHead | None:
    try:
        return parse_request(head, NAMES, target_limit=100, fields_limit=20)
    except GatewayError:
        return None


def meaning(head: RequestHead) -> list[object]:
    return [getattr(head, name) for name in RequestHead.__slots__ if name != "memory"]


def met(memo: HeadMemo, head: bytes, behind: bytes = b"") -> RequestHead | None:
    return memo.find(head + behind, len(head) - 4)


def learn(memo: HeadMemo, head: bytes) -> None:
    parsed = parse(head)
    if parsed is not None:
        memo.keep(head, len(head) - 4, parsed)


LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"GET /a;b=1//c%2F?d=e HTTP/1.1",
        b"GET /" + b"a" * 90 + b" HTTP/1.1",
        b"GET /" + b"a" * 120 + b" HTTP/1.1",
        b"GET /a#b HTTP/1.1",
        b"GET /a b HTTP/1.1",
        b"GET /\xff HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET / HTTP/1.0",
        b"GET http://a/ HTTP/1.1",
        b"HEAD / HTTP/1.1",
        b"POST / HTTP/1.1",
        b"GET * HTTP/1.1",
        b"GET /",
        b"",
    ]
)
FIELDS = st.lists(
    st.sampled_from(
        [
            b"Host: a",
            b"Host: b",
            b"Cookie: a=1",
            b"X-A: 1",
            b"Content-Length: 0",
            b"Content-Length: 5",
            b"Transfer-Encoding: chunked",
            b"Connection: close",
            b"Connection: X-A",
            b"Expect: 100-continue",
            b"X_User: me",
            b" folded",
            b"X-B: a\x00",
            b"X-Forwarded-Host: evil",
        ]
    ),
    max_size=4,
)


@given(st.lists(st.tuples(LINES, FIELDS), max_size=6), LINES, FIELDS, st.binary(max_size=20))
@example([(b"GET / HTTP/1.1", [b"Host: a"])], b"GET /x HTTP/1.1", [b"Host: a"], b"GET / HTTP/1.1\r\n")
def test_a_remembered_head_means_what_the_whole_way_says(
    learned: list[tuple[bytes, list[bytes]]], line: bytes, fields: list[bytes], behind: bytes
) -> None:
    """Whatever was learned before, and whatever stands behind it in the buffer."""
    memo = HeadMemo(target_limit=100)
    for known_line, known_fields in learned:
        learn(memo, b"\r\n".join([known_line, *known_fields, b"", b""]))
    head = b"\r\n".join([line, *fields, b"", b""])
    if head.find(b"\r\n\r\n") != len(head) - 4:
        return
    found = met(memo, head, behind)
    if found is not None:
        expected = parse(head)
        assert expected is not None
        assert meaning(found) == meaning(expected)


def test_it_is_used_at_all() -> None:
    """The next request of the same client, for another target."""
    memo = HeadMemo(target_limit=100)
    learn(memo, b"GET /first HTTP/1.1\r\nHost: a\r\nCookie: s=1\r\n\r\n")
    found = met(memo, b"GET /second?x HTTP/1.1\r\nHost: a\r\nCookie: s=1\r\n\r\n")
    assert found is not None
    assert (found.target, found.cookie) == (b"/second?x", b"s=1")


def test_a_head_that_was_changed_by_its_exchange_is_not_changed_for_the_next() -> None:
    """A trusted proxy's X-Forwarded-Host becomes the host of one request."""
    memo = HeadMemo(target_limit=100)
    data = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    parsed = parse(data)
    assert parsed is not None
    memo.keep(data, len(data) - 4, parsed)
    parsed.host = "evil"
    found = met(memo, data)
    assert found is not None
    found.host = "evil"
    again = met(memo, data)
    assert again is not None
    assert again.host == "a"


def test_it_is_bounded() -> None:
    """In number and in size."""
    memo = HeadMemo(target_limit=100)
    for number in range(5000):
        learn(memo, b"GET / HTTP/1.1\r\nHost: a\r\nX-A: %d\r\n\r\n" % number)
        assert len(memo._heads) <= 2048
    count = len(memo._heads)
    learn(memo, b"GET / HTTP/1.1\r\nHost: a\r\nX-A: %b\r\n\r\n" % (b"a" * 5000))
    assert len(memo._heads) == count


def test_a_response_head_is_remembered_byte_for_byte() -> None:
    """The same bytes are the same head; cookies, addresses and long heads are read anew each time; it is bounded."""
    memo = ResponseMemo()

    def learn_response(*lines: bytes) -> bytes:
        head = b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"", b""])
        memo.keep(head, parse_response(head, response_names(), fields_limit=20))
        return head

    known = learn_response(b"Content-Length: 5")
    found = memo.find(known)
    assert found is not None
    assert found.length == 5
    assert memo.find(known.replace(b"5", b"6")) is None
    for line in (b"Set-Cookie: a=1", b"Location: /x", b"X-A: " + b"a" * 5000):
        assert memo.find(learn_response(line)) is None
    for number in range(5000):
        learn_response(b"X-A: %d" % number)
        assert len(memo._heads) <= 2048


@pytest.mark.parametrize(
    ("head", "rest", "body"),
    [
        (b"200 OK\r\nContent-Length: 2", b"ab", b"ab"),
        (b"404 No\r\nContent-Length: 0", b"", b""),
        (b"200 OK\r\nContent-Length: 2", b"a", None),
        (b"200 OK\r\nContent-Length: 2", b"abc", None),
        (b"200 OK\r\nTransfer-Encoding: chunked", b"1\r\na\r\n1;x\r\nb\r\n0\r\nA: b\r\n\r\n", b"2\r\nab\r\n0\r\n\r\n"),
        (b"200 OK\r\nTransfer-Encoding: chunked", b"0\r\n\r\n", b"0\r\n\r\n"),
        (b"200 OK\r\nTransfer-Encoding: chunked", b"1\r\na\r\n0\r\n", None),
        (b"200 OK\r\nTransfer-Encoding: chunked", b"1\r\na\r\n0\r\n\r\nx", None),
        (b"200 OK\r\nTransfer-Encoding: chunked", b"1\r\nab\r\n0\r\n\r\n", None),
        (b"200 OK", b"until close", None),
        (b"204 No\r\nContent-Length: 2", b"ab", None),
        (b"304 No\r\nContent-Length: 2", b"ab", None),
        (b"103 No\r\nContent-Length: 0", b"", None),
        (b"200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 2", b"ab", None),
    ],
)
def test_a_whole_response_is_one_that_ends_where_its_read_ends(head: bytes, rest: bytes, body: bytes | None) -> None:
    """By its length or its last chunk, and only once the head has been read the whole way."""
    memo = ResponseMemo()
    lines = b"HTTP/1.1 " + head + b"\r\n\r\n"
    assert memo.whole(lines + rest) is None
    memo.keep(lines, parse_response(lines, response_names(), fields_limit=20))
    whole = memo.whole(lines + rest)
    assert (whole[1] if whole is not None else None) == body


def test_fields_that_ask_for_an_upgrade_with_one_method_are_not_remembered_from_another() -> None:
    """Found by fuzzing: a POST, which asks for none, made a later GET with its fields an ordinary request."""
    fields = b"Host: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    post, get = (
        method + b" / HTTP/1.1\r\n" + fields + b"Sec-WebSocket-Version: 13\r\n\r\n" for method in (b"POST", b"GET")
    )
    asking = parse(get)
    assert asking is not None
    assert asking.upgrade is not None
    memo = HeadMemo(100)
    learn(memo, post)
    learn(memo, get)
    assert met(memo, get) is None
