"""What may become a tunnel: exactly what was asked, by one who may ask, and was agreed to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.core.fields import request_names, response_names
from gateway.core.head import RequestHead, ResponseHead
from gateway.core.upgrade import accept_of, agreed, protocol_of

NAMES, RESPONSE_NAMES = request_names([b"X-User"]), response_names()
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ASKING = (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + KEY)


def asked(*lines: bytes, method: bytes = b"GET", http11: bool = True) -> bytes | None:
    return RequestHead(method, b"/", http11, [b"Host: a", *lines], NAMES).upgrade


@pytest.mark.parametrize(
    ("value", "protocol"),
    [
        (b"websocket", b"websocket"),
        (b"WebSocket", b"websocket"),
        (b"foo/1.2", b"foo/1.2"),
        (b"", None),
        (b"foo/", None),
        (b"foo/1/2", None),
        (b"foo bar", None),
        (b"websocket,", None),
        (b"websocket, websocket", None),
        (b"h2c", None),
        (b"H2", None),
        (b"HTTP/2.0", None),
        (b"http/1.1", None),
        (b"TLS/1.3", None),
        (b"tls", None),
    ],
)
def test_one_protocol_that_is_neither_http_nor_tls(value: bytes, protocol: bytes | None) -> None:
    """Lists name none, and what would pass the gateway by is none."""
    assert protocol_of(value) == protocol


def test_the_rfcs_example() -> None:
    """RFC 6455 1.3."""
    assert accept_of(KEY) == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


def test_a_handshake_asks_and_less_does_not() -> None:
    """Each part is needed, once."""
    assert asked(*ASKING) == b"websocket"
    for part in range(len(ASKING)):
        assert asked(*ASKING[:part], *ASKING[part + 1 :]) is None
        if part != 1:  # Connection may come in pieces
            assert asked(*ASKING, ASKING[part]) is None
    assert asked(*ASKING, method=b"POST") is None
    assert asked(*ASKING, http11=False) is None
    assert asked(*ASKING, b"Content-Length: 0") is None
    assert asked(*ASKING, b"Transfer-Encoding: chunked") is None
    assert asked(*ASKING, b"Expect: 100-continue") is None


LINES = st.lists(
    st.sampled_from(
        [
            *ASKING,
            *(
                b"upgrade: h2c",
                b"Upgrade: TLS/1.0",
                b"UPGRADE: WebSocket",
                b"Upgrade:",
                b"Upgrade: foo",
                b"Up_grade: a",
            ),
            *(b"Connection: close", b"connection: a, UPGRADE", b"Connection: sec-websocket-key, upgrade"),
            *(b"Sec-WebSocket-Version: 8", b"Sec-WebSocket-Key: short", b"Sec_WebSocket_Key: " + KEY),
            *(b"Content-Length: 0", b"Content-Length: 5", b"Transfer-Encoding: chunked", b"Expect: 100-continue"),
        ]
    ),
    max_size=8,
)


@given(lines=LINES, method=st.sampled_from([b"GET", b"POST", b"HEAD"]), http11=st.booleans())
def test_whatever_asks_has_said_all_of_it_once(lines: list[bytes], method: bytes, http11: bool) -> None:
    """Nothing else ever becomes a tunnel."""
    try:
        protocol = asked(*lines, method=method, http11=http11)
    except GatewayError:
        return
    if protocol is None:
        return
    lower = [line.lower() for line in lines]
    assert (method, http11) == (b"GET", True)
    assert [line for line in lower if line.startswith(b"upgrade:")] == [b"upgrade: " + protocol]
    assert protocol in (b"websocket", b"foo")
    assert any(b"upgrade" in line for line in lower if line.startswith(b"connection:"))
    assert not any(line.startswith((b"content-length", b"transfer-encoding", b"expect")) for line in lower)
    if protocol == b"websocket":
        assert [line for line in lines if line.lower().startswith(b"sec-websocket-key:")] == [ASKING[3]]
        assert [line for line in lines if line.lower().startswith(b"sec-websocket-version:")] == [ASKING[2]]


def answer(*lines: bytes, status: int = 101) -> ResponseHead:
    return ResponseHead(status, True, lines, RESPONSE_NAMES)


AGREEING = (b"Upgrade: websocket", b"Connection: upgrade", b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")


def agrees(*lines: bytes) -> bool:
    head = RequestHead(b"GET", b"/", True, [b"Host: a", *ASKING], NAMES)
    response = answer(*lines)
    return agreed(head.upgrade, head.kept, response.upgrade, response.kept)


def test_an_answer_agrees_and_less_does_not() -> None:
    """Each part is needed; of another protocol or key is none."""
    assert agrees(*AGREEING)
    for part in range(len(AGREEING)):
        assert not agrees(*AGREEING[:part], *AGREEING[part + 1 :])
    assert not agrees(*AGREEING, b"Upgrade: h2c")
    assert not agrees(*AGREEING[:2], b"Sec-WebSocket-Accept: " + accept_of(b"another"))
    assert not agreed(None, [], b"websocket", [])
    assert agreed(b"foo", [], b"FOO", [])
    assert not agreed(b"foo", [], None, [])


def test_a_101_has_no_framing() -> None:
    """RFC 9110 15.2: whatever it says of a body, the new protocol follows."""
    head = answer(*AGREEING, b"Content-Length: 5")
    assert (head.length, head.chunked, head.status) == (None, False, 101)
    assert answer(b"Content-Length: 5", status=200).length == 5
