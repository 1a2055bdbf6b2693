"""Search filters as text: what is read, and what is refused with a word about it."""

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.ldap_filter import (
    Compare,
    Extensible,
    Group,
    Present,
    Substrings,
    escaped_dn,
    filled,
    parse_filter,
)

NAME = (b"", b"")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(uid={username})", Compare("=", "uid", NAME)),
        (
            "(&(uid={username})(!(locked=TRUE)))",
            Group("&", (Compare("=", "uid", NAME), Group("!", (Compare("=", "locked", (b"TRUE",)),)))),
        ),
        ("(|(a;lang-de={username})(b=*))", Group("|", (Compare("=", "a;lang-de", NAME), Present("b")))),
        ("(mail={username}@corp.example)", Compare("=", "mail", (b"", b"@corp.example"))),
        (r"(cn=\2a\28{username}\29\5c\e4\bd\a0)", Compare("=", "cn", (b"*(", b")\\\xe4\xbd\xa0"))),
        ("(cn=a*b*{username}*)", Substrings("cn", (b"a",), ((b"b",), NAME), (b"",))),
        ("(1.2.3>={username})", Compare(">=", "1.2.3", NAME)),
        ("(a~={username})", Compare("~=", "a", NAME)),
        ("(a<={username})", Compare("<=", "a", NAME)),
        (
            "(&(sAMAccountName={username})(!(userAccountControl:1.2.840.113556.1.4.803:=2)))",
            Group(
                "&",
                (
                    Compare("=", "sAMAccountName", NAME),
                    Group("!", (Extensible("userAccountControl", False, "1.2.840.113556.1.4.803", (b"2",)),)),
                ),
            ),
        ),
        ("(o:dn:={username})", Extensible("o", True, "", NAME)),
        ("(:dn:caseExactMatch:={username})", Extensible("", True, "caseExactMatch", NAME)),
    ],
)
def test_filters_are_read(text: str, expected: object) -> None:
    """RFC 4515 section 4, and what Active Directory is asked with."""
    assert parse_filter(text) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "needs a ( at character 1"),
        ("uid={username}", "needs a ( at character 1"),
        ("(uid={username}", "needs a ) at character 16"),
        ("(uid={username}))", "behind its last parenthesis, at character 17"),
        ("(uid={username})x", "behind its last parenthesis"),
        ("(uid=x)", "does not contain {username}"),
        ("({username}=x)", "has no comparison"),
        ("(&)", "needs a ("),
        ("(!(a={username})(b=c))", "needs a )"),
        ("(uid=\\4{username})", r"written as \2a"),
        ("(uid=\\zz{username})", r"written as \2a"),
        ("(uid>=*{username})", r"written as \2a"),
        ("(uid=a**{username})", "two * side by side"),
        ("(:={username})", "has no comparison"),
        ("(uid =\0{username})", "has no comparison"),
        ("(!" * 30 + "(uid={username})" + ")" * 30, "nested more than 20 deep"),
        (r"(uid=\7busername})", "does not contain {username}"),
    ],
)
def test_what_is_no_filter_is_told(text: str, word: str) -> None:
    """In words about the place."""
    with pytest.raises(ValueError, match=re.escape(word)):
        parse_filter(text)


@given(st.text(max_size=60))
def test_any_text_is_a_filter_or_a_valueerror(text: str) -> None:
    """Nothing else happens."""
    for each in (text, f"(uid={text}{{username}})"):
        with contextlib.suppress(ValueError):
            parse_filter(each)


@given(st.binary(max_size=40))
def test_a_name_is_filled_in_as_it_is(name: bytes) -> None:
    """Wherever it stands, octet by octet."""
    parsed = parse_filter("(cn=a{username}b{username})")
    assert isinstance(parsed, Compare)
    assert filled(parsed.value, name) == b"a" + name + b"b" + name


@given(st.text(max_size=40))
def test_a_value_in_a_dn_reads_back_as_itself(value: str) -> None:
    """RFC 4514 2.4: pairs of hex digits; nothing that separates, opens or ends is left bare."""
    escaped = escaped_dn(value)
    bare = re.sub(r"\\[0-9a-f]{2}", "", escaped)
    assert not set(bare) & set('\\,+"<>;=\0\n\r')
    assert re.sub(r"\\([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), escaped) == value
    assert not re.match(r"[ #]", escaped)
    assert not escaped.endswith(" ")
