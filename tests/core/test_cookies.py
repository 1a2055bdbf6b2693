"""Our cookies: set, read, recognised under every spelling, and never passed on."""

import re
from contextlib import suppress
from http.cookies import CookieError, SimpleCookie

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.cookies import MAX_PAIRS, CookieNames, parse_cookies, strip_cookies

HTTPS = CookieNames.for_scheme(True)
HTTP = CookieNames.for_scheme(False)


def test_names_carry_the_host_prefix_on_https_only() -> None:
    """Browsers refuse `__Host-` without Secure, so plain http goes without both."""
    assert (HTTPS.session, HTTPS.login_prefix) == ("__Host-gateway_session", "__Host-gateway_login_")
    assert (HTTP.session, HTTP.login_prefix) == ("gateway_session", "gateway_login_")


def test_cookies_are_set_and_cleared_with_the_same_attributes() -> None:
    """HttpOnly, SameSite=Lax, Path=/, Secure on https only, never a Domain."""
    assert HTTPS.set_cookie(HTTPS.session, "abc", 60) == (
        "__Host-gateway_session=abc; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure"
    )
    assert HTTP.clear_cookie(HTTP.session) == "gateway_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax"


@pytest.mark.parametrize("value", ["a;b", "a\r\nX: y", "a b", "a,b", '"a"', "é", "a\\b"])
def test_a_value_cannot_leave_its_cookie(value: str) -> None:
    """What does not fit a cookie's value is an error of ours, not an attribute or a header."""
    with pytest.raises(ValueError, match="not a cookie"):
        HTTPS.set_cookie(HTTPS.session, value, 60)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("a=1; b=2", [("a", "1"), ("b", "2")]),
        ("a=1;a=2 ;  a=3", [("a", "1"), ("a", "2"), ("a", "3")]),
        ("a=b=c; e=", [("a", "b=c"), ("e", "")]),
        ('; ;=; =x; a; a b=1; c="q"; d=1,2; e=\x00; f=1', [("f", "1")]),
        ("", []),
        ("x=é; y=1", [("y", "1")]),
    ],
)
def test_well_formed_pairs_are_read_and_junk_is_skipped(header: str, expected: list[tuple[str, str]]) -> None:
    """Order and duplicates are kept: the reader decides which of two copies is good."""
    assert parse_cookies(header) == expected


def test_reading_cookies_is_bounded() -> None:
    """A header of thousands of pairs costs no more than 200."""
    assert len(parse_cookies("a=1;" * 5000)) == MAX_PAIRS


@pytest.mark.parametrize("names", [HTTP, HTTPS])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (b"gateway_session", True),
        (b"__Host-gateway_session", True),
        (b"__HOST-GATEWAY_SESSION", True),
        (b"__Secure-gateway_session", True),
        (b' "gateway_session"\t', True),
        (b"gateway_login_", True),
        (b"__host-gateway_login_0f", True),
        (b"gateway_session_id", False),
        (b"my_gateway_session", False),
        (b"gateway_theme", False),
        (b"sessionid", False),
        (b"", False),
    ],
)
def test_either_spelling_of_our_names_is_ours(names: CookieNames, name: bytes, expected: bool) -> None:
    """Whatever the scheme, a cookie that could be taken for ours is; others' similar names are theirs."""
    assert names.is_ours(name) is expected


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"a=1; b=2", b"a=1; b=2"),
        (b"gateway_session=x", None),
        (b"__Host-gateway_session=x; a=1", b"a=1"),
        (b"a=1; __Host-gateway_session=x; b=2", b"a=1; b=2"),
        (b'a=1;gateway_login_1=x;  b = "q" ;c', b'a=1;  b = "q" ;c'),
        (b"a=1; gateway_session=x; gateway_session=y", b"a=1"),
        (b"; ;gateway_session=x", None),
        (b"a=1; GATEWAY_session =x", b"a=1"),
        (b'a=1; "gateway_session"=x', b"a=1"),
        (b"a=1; gateway_session", b"a=1"),
        (b"a=1; b=2,gateway_session=x", b"a=1"),
        (b"a=1; b=2 gateway_session=x; c=3", b"a=1; c=3"),
        (b'a="1; gateway_session=x"; c=3', b'a="1; c=3'),
        (b"a=1; =gateway_session=x", b"a=1"),
        (b"note=gateway_session; gateway_theme=dark", b"note=gateway_session; gateway_theme=dark"),
        (b"a=\xe4\xb8\xad; gateway_session=x", b"a=\xe4\xb8\xad"),
    ],
)
def test_our_pairs_are_taken_out_and_the_rest_is_untouched(header: bytes, expected: bytes | None) -> None:
    """Old systems read cookies in their own ways: their bytes arrive as they were sent."""
    assert strip_cookies(header, HTTPS.is_ours) == expected


def names_by_python(header: str) -> list[str]:
    with suppress(CookieError):
        return list(SimpleCookie(header))
    return []


def names_by_semicolons(header: str) -> list[str]:
    return [piece.partition("=")[0] for piece in header.split(";")]


def names_by_any_separator(header: str) -> list[str]:
    return re.findall(r"([^;,\s\"'=]+)[\s\"']*=", header)


NAMES = ["gateway_session", "GATEWAY_SESSION", "gateway_login_7", "__Host-", "__Secure-", "a", "b=1"]
SIGNS = ["=", "=", "=x", ";", "; ", ",", " ", "\t", '"', "'"]


@given(st.lists(st.sampled_from(NAMES + SIGNS), max_size=12).map("".join))
def test_no_reader_finds_our_cookies_in_what_is_passed_on(header: str) -> None:
    """Not one that ends pairs at commas, spaces and quotes, nor Python's own, nor one that is strict."""
    rest = (strip_cookies(header.encode(), HTTPS.is_ours) or b"").decode()

    found = [*names_by_python(rest), *names_by_semicolons(rest), *names_by_any_separator(rest)]
    found += [name for name, _ in parse_cookies(rest)]
    ours = re.compile(r"[\s\"']*(__host-|__secure-)?gateway_(session|login_.*)[\s\"']*", re.IGNORECASE)
    assert not [name for name in found if ours.fullmatch(name)]


@given(st.lists(st.sampled_from(["a=1", "b", "", ' c = "2"', "d=x,y", "gateway_theme=1"]), max_size=8))
def test_a_header_without_ours_is_passed_on_byte_for_byte(pairs: list[str]) -> None:
    """Stripping changes nothing but what it must."""
    header = ";".join(pairs).encode().strip()

    assert strip_cookies(header, HTTPS.is_ours) == header


@pytest.mark.parametrize("around", [b"\xa0", b"\xc2\xa0", b"\xe3\x80\x80", b"\x85", b"\0", b'"', b"."])
def test_what_a_reader_may_trim_off_a_name_does_not_hide_it(around: bytes) -> None:
    """Readers that take a header for Unicode text trim more than blanks (Python's str.strip, for one)."""
    is_ours = CookieNames.for_scheme(secure=True).is_ours
    assert strip_cookies(b"a=1;%bgateway_session%b=x; b=2" % (around, around), is_ours) == b"a=1; b=2"


@pytest.mark.parametrize("blank", [b"\x85", b"\xa0", b"\xc2\x85", b"\xe2\x80\x83", b" "])
def test_our_name_behind_a_blank_of_any_kind_is_ours(blank: bytes) -> None:
    """Some readers take the last word before "=" for the name, and split words at Unicode's blanks."""
    names = CookieNames.for_scheme(False)
    assert strip_cookies(b"t" + blank + b"gateway_session=secret; a=1", names.is_ours) == b"a=1"
    assert strip_cookies(b"gateway_session" + blank + b"t; a=1", names.is_ours) == b"a=1"
