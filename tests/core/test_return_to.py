"""Return targets never leave the origin, whatever a browser makes of them."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.return_to import MAX_IN_COOKIE, MAX_RETURN_TO, safe_return_to, shorten

PAYLOADS = [
    json.loads(line)["payload"]
    for line in (Path(__file__).parent / "data/open_redirect.jsonl").read_text().splitlines()
]


def stays(location: str) -> bool:
    """Whether `location` stays on its origin by the URL Standard, however the path is resolved or decoded later."""
    seen = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(0x21)))))
    path = re.split(r"[?#]", seen)[0]
    for _ in range(3):
        path = path.replace("\\", "/")
        resolved: list[str] = []
        for segment in path.split("/")[1:]:
            if segment == "..":
                del resolved[-1:]
            elif segment != ".":
                resolved.append(segment)
        if not path.startswith("/") or path.startswith("//") or (resolved[:1] == [""] and len(resolved) > 1):
            return False
        path = re.sub(r"%([0-9A-Fa-f]{2})", lambda match: chr(int(match[1], 16)), path)
    return True


def is_header_safe(location: str) -> bool:
    return re.fullmatch(r"[!-~]+", location) is not None


@pytest.mark.parametrize(
    "value",
    [
        "/",
        "/orders/7",
        "/orders?id=7&next=//evil.test/\\x#/detail?x=1#y",
        "/a%20b?q=%E4%B8%AD%0a",
        "/app//page.do;jsessionid=1",
        "/@evil.test",
        "/evil.test:80",
        "/c/ok%2Fx#",
        "/?#",
    ],
)
def test_own_targets_come_back_byte_for_byte(value: str) -> None:
    """Path, query and fragment of a page of ours are kept as they are."""
    assert safe_return_to(value) == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [("/中文?q=值#节", "/%E4%B8%AD%E6%96%87?q=%E5%80%BC#%E8%8A%82"), ("/search?q=a b", "/search?q=a%20b")],
)
def test_what_is_not_ascii_comes_back_encoded(value: str, expected: str) -> None:
    """As a browser would send it, so the result always fits a header."""
    assert safe_return_to(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        "",
        "x",
        "?x",
        "#x",
        "//evil.test",
        "/\\evil.test",
        "\\/evil.test",
        "/\t/evil.test",
        "/\n/evil.test",
        "/x\r\nSet-Cookie: a=b",
        "/x?\r\n",
        "/x#\x00",
        "/x\x7f",
        " //evil.test",
        " /x",
        "/ /evil.test",
        "/.//evil.test",
        "/..//evil.test",
        "/%2e//evil.test",
        "/x/..//evil.test",
        "/%2f%2fevil.test",
        "/%5cevil.test",
        "/%09/evil.test",
        "/；/evil.test",
        "/／evil.test",
        "/＼evil.test",
        "/\udcff",
        "https://evil.test",
        "javascript:alert(1)",
        "data:text/html,x",
    ],
)
def test_anything_else_becomes_the_front_page(value: str) -> None:
    """No host, no scheme, nothing that a browser strips, resolves or decodes into one."""
    assert safe_return_to(value) == "/"


@pytest.mark.parametrize("payload", PAYLOADS)
def test_known_open_redirects_stay(payload: str) -> None:
    """The published payloads end on our origin."""
    location = safe_return_to(payload)

    assert stays(location)
    assert is_header_safe(location)


def test_the_payloads_would_leave_if_they_were_not_checked() -> None:
    """The yardstick itself tells good from bad."""
    assert sum(not stays(payload) for payload in PAYLOADS) > 60
    assert stays("/orders?id=//x#//y")


ALPHABET = [
    *"/\\.?#%:;@& \t\n\r\x00ae2f5c／。",
    *["%2f", "%5c", "%2e", "%09", "//", "..", "evil.test", "https:"],
]


@given(st.lists(st.sampled_from(ALPHABET), max_size=12).map("".join), st.sampled_from(["", "/"]))
def test_return_targets_never_leave_the_origin(value: str, start: str) -> None:
    """Whatever comes in, what comes out stays, fits a header, and is not changed by a second look."""
    location = safe_return_to(start + value)

    assert stays(location)
    assert is_header_safe(location)
    assert safe_return_to(location) == location
    if is_header_safe(start + value):
        assert location in ("/", start + value)


@given(st.text(max_size=30))
def test_any_text_has_a_safe_return_target(value: str) -> None:
    """The function is total."""
    location = safe_return_to("/" + value)

    assert stays(location)
    assert is_header_safe(location)


def test_return_targets_are_bounded() -> None:
    """At most 4096 bytes, counted as they are sent."""
    longest = "/" + "a" * (MAX_RETURN_TO - 1)

    assert safe_return_to(longest) == longest
    assert safe_return_to(longest + "a") == "/"
    assert safe_return_to("/" + "中" * (MAX_RETURN_TO // 9 + 1)) == "/"


def test_a_long_target_keeps_its_path_in_a_cookie() -> None:
    """Over 1024 bytes the query and the fragment go, then the path."""
    assert shorten("/a?" + "b" * (MAX_IN_COOKIE - 3)) == "/a?" + "b" * (MAX_IN_COOKIE - 3)
    assert shorten("/a?" + "b" * (MAX_IN_COOKIE - 2)) == "/a"
    assert shorten("/a#?" + "b" * MAX_IN_COOKIE) == "/a"
    assert shorten("/" + "b" * MAX_IN_COOKIE) == "/"
