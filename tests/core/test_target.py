"""What a target is taken for, and which targets no route will ever see."""

import sys
import unicodedata
from urllib.parse import quote

import pytest

from gateway.core.errors import GatewayError
from gateway.core.reasons import Reason
from gateway.core.target import MAX_MARKS, MAX_READINGS, parse_target


@pytest.mark.parametrize(
    "raw",
    [
        b"/",
        b"/c/ok",
        b"/c/ok/",
        b"/c/ok?",
        b"/c/ok?a=?b=/c",
        b"/c/ok?a=%zz&b=%00&c=%5c..%2f../x\\y",
        b"/c/!$&'()*+,=:@",
        b"/c/~user/-._",
        b"/.well-known/x",
        b"/a..b/..c",
        b"/public/a.js?v=1&x=../y",
    ],
)
def test_a_clean_target_has_one_reading(raw: bytes) -> None:
    """Nothing in a clean path can be read in two ways; the query is nobody's business."""
    path, _, query = raw.partition(b"?")

    target = parse_target(raw)

    assert (target.raw, target.path, target.query) == (raw, path.decode(), query)
    assert target.readings == (path.decode(),)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/c/a%20b", {"/c/a%20b", "/c/a b"}),
        (b"/c/%e4%b8%ad", {"/c/%E4%B8%AD", "/c/中"}),
        (b"/c/100%25", {"/c/100%25", "/c/100%"}),
        (b"/c//ok", {"/c//ok", "/c/ok"}),
        (b"/c/ok;v=1/x;y", {"/c/ok;v=1/x;y", "/c/ok/x"}),
        (b"/c/ok%2fx", {"/c/ok%2Fx", "/c/ok/x"}),
        (b"/%2561", {"/%2561", "/%61", "/a"}),
        (b"/a%3fb%23c", {"/a%3Fb%23C".replace("C", "c"), "/a?b#c", "/a"}),
        (b"/a./b%20", {"/a./b%20", "/a./b ", "/a/b"}),
        (b"/x%ef%bc%8fy", {"/x%EF%BC%8Fy", "/x／y", "/x/y"}),
        (b"/%c1%a1dmin", {"/%C1%A1dmin", "/\udcc1\udca1dmin", "/admin"}),
        (b"/c/{x}|y[]", {"/c/{x}|y[]"}),
    ],
)
def test_readings_are_all_that_an_upstream_could_see(raw: bytes, expected: set[str]) -> None:
    """Decoding (any depth), parameters, slashes, trailing dots and spaces, look-alikes: each may happen or not."""
    target = parse_target(raw)

    assert set(target.readings) >= expected
    assert len(set(target.readings)) == len(target.readings)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"/app//p.do;jsessionid=A1", 4),
        (b"/c/%D6%D0%CE%C4", 2),
        (b"/c/a%2Eb", 2),
        (b"/files/a%23b.txt", 3),
        (b"/c/ok%2Fx", 2),
    ],
)
def test_legacy_spellings_are_accepted_with_few_readings(raw: bytes, expected: int) -> None:
    """Old Java and PHP systems' targets go through: their readings are counted, not refused."""
    assert len(parse_target(raw).readings) == expected


def test_the_first_reading_is_the_path_as_sent_with_escapes_in_upper_case() -> None:
    """RFC 3986 6.2.2.1: %2f and %2F are the same escape, so both are looked up alike."""
    assert parse_target(b"/c/%2f%D6").readings[0] == parse_target(b"/c/%2F%d6").readings[0] == "/c/%2F%D6"


DOTS = [
    b"..",
    b".",
    b"...",
    b"%2e%2e",
    b".%2e",
    b"%2E.",
    b"%252e%252e",
    b"%25252e%25252e",
    b"%2525252e.",
    b"..;",
    b"..;x=1",
    b".;a",
    b"%2e%2e%3b",
    b"..%3bx",
    b"..%20",
    b"%20..",
    b"..%20.",
    b".%20.",
    b"..%09",
    b"..%00",
    b"..%00.js",
    b"%c0%ae%c0%ae",
    b"%c0.%c0.",
    b"%e0%80%ae.",
    b"%f0%80%80%ae.",
    b"%u002e%u002e",
    b"%25u002e.",
    b"%ef%bc%8e%ef%bc%8e",
    b"%e2%80%a5",
    b".%ef%bc%8e",
    b"..%3f",
    b"..%23x",
]


@pytest.mark.parametrize("dots", DOTS)
@pytest.mark.parametrize("around", [b"/public/%s/admin", b"/public/%s", b"/%s/admin", b"/public/x%%2f%s%%2fadmin"])
def test_dot_segments_are_refused_in_every_spelling(around: bytes, dots: bytes) -> None:
    """A segment that anybody could resolve as "." or ".." reaches no route."""
    assert refusal(around % dots) is Reason.BAD_TARGET


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"*",
        b"x",
        b"?/x",
        b"http://a/b",
        b"//",
        b"//evil.test/x",
        b"///x",
        b"/%2fx",
        b"/%252fx",
        b"/;/x",
        b"/;a=b/x",
        b"/%20/x",
        b"/%ef%bc%8fx",
        b"/%c0%afx",
        b"/\\x",
        b"/%5cx",
        b"/a%5cb",
        b"/a%255cb",
        b"/a\\b",
        b"/a%ef%bc%bcb",
        b"/a%c1%9cb",
        b"/a b",
        b"/a?b c",
        b"/a\tb",
        b"/a\x00b",
        b"/a?b\r\nc",
        b"/a\x7f",
        b"/a\xe4\xb8\xad",
        b"/a?\xff",
        b"/a#b",
        b"/a?b#c",
        b"/a%00b",
        b"/a%0a",
        b"/a%1f",
        b"/a%7f",
        b"/a%2500",
        b"/a%c0%80",
        b"/%",
        b"/a%2",
        b"/%zz",
        b"/%u0041",
        b"/%-1",
        b"/a%25u0041",
    ],
)
def test_what_no_honest_client_sends_is_refused(raw: bytes) -> None:
    """Anything but a printable origin-form path, and what decodes to controls, backslashes or a leading "//"."""
    assert refusal(raw) is Reason.BAD_TARGET


def test_a_target_with_too_many_readings_is_refused() -> None:
    """The work for one target is bounded: deep nesting is refused, not unrolled."""
    assert len(parse_target(b"/%" + b"25" * (MAX_READINGS - 10) + b"41").readings) > MAX_READINGS - 10
    assert refusal(b"/%" + b"25" * (2 * MAX_READINGS) + b"41") is Reason.BAD_TARGET
    assert refusal(b"/" + b"%2561;%2f//x.%20" * 1000) is Reason.BAD_TARGET


def test_a_long_path_with_few_readings_passes() -> None:
    """Length alone is not suspicious: the wire limits it."""
    assert len(parse_target(b"/" + b"%E4%B8%AD" * 1700).readings) == 2


def test_marks_without_end_are_refused() -> None:
    """Unicode sorts the marks on a character, in quadratic time: 16 KB of them held a worker up for 25 ms."""
    above, below, voiced = "\N{COMBINING ACUTE ACCENT}", "\N{COMBINING GRAVE ACCENT BELOW}", "\uff9e"
    assert parse_target(escaped("a" + above * MAX_MARKS + "b" + below * MAX_MARKS)).readings
    for marks in (above, above + below, voiced + above, "\u0f73\u0f75\u0f81"):
        assert refusal(escaped("a" + marks * (MAX_MARKS + 1))) is Reason.BAD_TARGET


def test_all_marks_are_known() -> None:
    """Also those that look like letters until they are decomposed."""
    for point in range(0x80, sys.maxunicode + 1):
        if unicodedata.combining(unicodedata.normalize("NFKD", chr(point))[0]):
            assert refusal(escaped("a" + chr(point) * (MAX_MARKS + 1))) is Reason.BAD_TARGET


def escaped(text: str) -> bytes:
    return b"/" + quote(text).encode()


def refusal(raw: bytes) -> Reason:
    with pytest.raises(GatewayError) as refused:
        parse_target(raw)
    assert refused.value.status == 400
    return refused.value.reason
