"""What a head says of itself, and when it says it ambiguously."""

import pytest

from gateway.core.errors import GatewayError
from gateway.core.fields import request_names, response_names
from gateway.core.head import RequestHead, ResponseHead

NAMES = request_names([b"X-User"])
Pairs = list[tuple[bytes, bytes]]


def lines(*fields: tuple[bytes, bytes]) -> list[bytes]:
    return [b"%b: %b" % field for field in fields]


def request(*fields: tuple[bytes, bytes], target: bytes = b"/", http11: bool = True, host: bytes = b"a") -> RequestHead:
    return RequestHead(b"GET", target, http11, lines((b"Host", host), *fields), NAMES)


def response(*fields: tuple[bytes, bytes], status: int = 200, http11: bool = True) -> ResponseHead:
    return ResponseHead(status, http11, lines(*fields), response_names())


@pytest.mark.parametrize(
    ("http11", "connection", "expected"),
    [
        (True, None, True),
        (True, b"close", False),
        (True, b"Keep-Alive, Close", False),
        (True, b"keep-alive", True),
        (False, None, False),
        (False, b"keep-alive", True),
        (False, b"close", False),
    ],
)
def test_keep_alive(http11: bool, connection: bytes | None, expected: bool) -> None:
    """RFC 9112 9.3, for requests and responses alike."""
    fields: Pairs = [] if connection is None else [(b"Connection", connection)]
    assert request(*fields, http11=http11).keep_alive is expected
    assert response(*fields, http11=http11).keep_alive is expected


@pytest.mark.parametrize(
    "host",
    [
        b"a",
        b"A.example.com",
        b"a.example.com:8080",
        b"127.0.0.1:1",
        b"[::1]",
        b"[2001:db8::1]:443",
        b"a_b.example.",
        b"9",
    ],
)
def test_hosts_that_are_hosts(host: bytes) -> None:
    """Lower-cased, otherwise as sent."""
    assert request(host=host).host == host.decode().lower()


@pytest.mark.parametrize(
    "host",
    [b"", b" ", b"a b", b"a/b", b"a@b", b"a:", b"a:x", b"a:123456", b"-a", b"a,b", b"[::1", b"\xe9", b"a%20"],
)
def test_hosts_that_are_not(host: bytes) -> None:
    """A Host decides the route and the origin of our own links."""
    with pytest.raises(GatewayError) as refusal:
        request(host=host)
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    ("target", "origin_form"),
    [(b"http://a/x?y", b"/x?y"), (b"HTTPS://A/x", b"/x"), (b"http://a", b"/"), (b"/x", b"/x"), (b"//x", b"//x")],
)
def test_absolute_targets_of_this_host_become_paths(target: bytes, origin_form: bytes) -> None:
    """RFC 9112 3.2.2."""
    assert request(target=target).target == origin_form


@pytest.mark.parametrize(
    "target", [b"http://b/x", b"http://a:80/x", b"http://u@a/x", b"*", b"x", b"ftp://a/x", b"http:///x"]
)
def test_other_targets_are_refused(target: bytes) -> None:
    """Two names for the place asked for: nobody knows which one is meant."""
    with pytest.raises(GatewayError) as refusal:
        request(target=target)
    assert refusal.value.status == 400


@pytest.mark.parametrize("length", [b"", b"-1", b"+1", b"1 1", b"01", b"0x1", b"1_0", b"1,1", b"1" * 19, b"\xb2"])
@pytest.mark.parametrize("make", [request, response])
def test_lengths_that_are_not_plain_numbers(make: object, length: bytes) -> None:
    """int() of Python would take some of them."""
    assert callable(make)
    with pytest.raises((GatewayError, ValueError)):
        make((b"Content-Length", length))


@pytest.mark.parametrize(
    "fields",
    [
        [(b"Content-Length", b"1"), (b"content-length", b"1")],
        [(b"Content-Length", b"1"), (b"Transfer-Encoding", b"chunked")],
        [(b"Transfer-Encoding", b"chunked"), (b"Transfer-Encoding", b"chunked")],
        [(b"Transfer-Encoding", b"gzip, chunked")],
        [(b"Transfer-Encoding", b"identity")],
        [(b"Transfer-Encoding", b"")],
        [(b"Content_Length", b"1")],
        [(b"Transfer.Encoding", b"chunked")],
    ],
)
@pytest.mark.parametrize("make", [request, response])
def test_ambiguous_framing_is_refused_on_both_sides(make: object, fields: Pairs) -> None:
    """Request smuggling and response splitting begin with two readings of a length."""
    assert callable(make)
    with pytest.raises((GatewayError, ValueError)):
        make(*fields)


def test_cookies_are_joined_and_not_kept() -> None:
    """What goes upstream of them is decided elsewhere."""
    head = request((b"Cookie", b"a=1"), (b"cookie", b"b=2"))
    assert head.cookie == b"a=1; b=2"
    assert head.kept == []


def test_a_repeated_field_has_no_value() -> None:
    """Nobody decides on one of two contradicting values."""
    head = request((b"Accept", b"text/html"), (b"accept", b"*/*"), (b"Origin", b"x"))
    assert head.get("Accept") is None
    assert head.get("ORIGIN") == "x"
    assert head.get("absent") is None


def test_expectations() -> None:
    """100-continue in any case, once; ignored in HTTP/1.0; nothing else can be met."""
    assert request((b"Expect", b"100-Continue")).expects
    assert not request((b"Expect", b"100-continue"), http11=False).expects
    for fields in ([(b"Expect", b"cake")], [(b"Expect", b"100-continue"), (b"Expect", b"100-continue")]):
        with pytest.raises(GatewayError) as refusal:
            request(*fields)
        assert refusal.value.status == 417


@pytest.mark.parametrize(
    ("said", "cache_control", "shareable"),
    [
        ([], False, False),
        ([b"no-store"], True, False),
        ([b"max-age=5, PRIVATE"], True, False),
        ([b"max-age=5", b"private"], True, False),
        ([b"public, max-age=60"], True, True),
        ([b"max-age=60"], True, True),
        ([b'private="x-y", max-age=60'], True, True),
        ([b""], True, True),
    ],
)
def test_what_a_response_says_of_caching(said: list[bytes], cache_control: bool, shareable: bool) -> None:
    """Shareable: it speaks of caching, and does not keep it to one user. Unsure means shareable: no cookie then."""
    head = response(*((b"Cache-Control", value) for value in said))
    assert (head.cache_control, head.shareable) == (cache_control, shareable)
    assert len(head.kept) == len(said)


def test_connection_names_what_is_dropped() -> None:
    """On both sides, in any case; never what gives the message its meaning."""
    named = (b"Connection", b"x-a, X-B, Content-Type, authorization")
    fields = [(b"X-A", b"1"), (b"x-b", b"1"), (b"X-C", b"1"), (b"Content-Type", b"t"), (b"Authorization", b"b")]
    kept = [b"X-C: 1\r\n", b"Content-Type: t\r\n", b"Authorization: b\r\n"]
    assert request(named, *fields).kept == kept
    assert response(named, *fields).kept == kept


def test_connection_has_few_options() -> None:
    """Thirty thousand of them, mostly the same, would cost 5 ms."""
    assert request((b"Connection", b"close" + b", x" * 20)).keep_alive is False
    for value in (b"x," * 32, b"," * 60_000):
        with pytest.raises(GatewayError, match="too many Connection options"):
            request((b"Connection", value))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"X",
        b": x",
        b"X : x",
        b" X: x",
        b"X\t: x",
        b"X: a\rb",
        b"X: a\nb",
        b"X: a\x00",
        b"X: \x7f",
        b"\xe9: x",
        b"X(: x",
    ],
)
def test_what_is_no_field_line_is_refused(line: bytes) -> None:
    """Also the second time: only what was understood is remembered."""
    for _ in range(2):
        with pytest.raises(ValueError, match="not a field line"):
            RequestHead(b"GET", b"/", True, [b"Host: a", line], NAMES)


@pytest.mark.parametrize("line", [b"X-A: 1", b"X-A:1", b"X-A: \t1 \t", b"X-A:  1"])
def test_white_space_around_a_value_is_not_of_it(line: bytes) -> None:
    """RFC 9110 5.5: the line travels on with one space."""
    assert RequestHead(b"GET", b"/", True, [b"Host: a", line], NAMES).kept == [b"X-A: 1\r\n"]


def test_a_head_again_differs_in_its_target_only() -> None:
    """And what becomes of one is not seen by the other."""
    first = request((b"Cookie", b"a=1"), (b"X-A", b"1"), (b"X-Forwarded-For", b"1.2.3.4"), target=b"/first")
    second = first.again(b"GET", b"/second")
    for name in RequestHead.__slots__:
        assert getattr(second, name) == (b"/second" if name == "target" else getattr(first, name))
    second.host = "other"
    assert first.host == "a"
