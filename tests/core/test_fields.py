"""What the proxy does with each field name, in every spelling."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.core.fields import Kind, fold, request_names, response_names
from gateway.core.head import RequestHead

IDENTITY = [b"X-User", b"X-User-Name", b"Remote_User"]
NAMES = request_names(IDENTITY)
PUNCTUATION = "-_.!#$%&'*+^`|~"


def spelling(name: bytes) -> st.SearchStrategy[bytes]:
    """Any case of the letters, any punctuation that a field name may have for the hyphens."""
    characters = [
        st.sampled_from(PUNCTUATION)
        if not chr(byte).isalnum()
        else st.sampled_from([chr(byte).lower(), chr(byte).upper()])
        for byte in name
    ]
    return st.tuples(*characters).map(lambda parts: "".join(parts).encode("ascii"))


@given(st.sampled_from(IDENTITY).flatmap(spelling), st.sampled_from([None, b"close", b"X-A"]))
def test_no_spelling_of_an_identity_header_is_kept(name: bytes, connection: bytes | None) -> None:
    """CGI, WSGI, PHP and Java fold punctuation and case in ways of their own."""
    fields = [b"Host: a", name + b": spoofed", b"X-Users: stays"]
    if connection is not None:
        fields.append(b"Connection: " + connection)
    head = RequestHead(b"GET", b"/", True, fields, NAMES)
    assert head.kept == [b"X-Users: stays\r\n"]


FORWARDING = [b"Forwarded", b"X-Forwarded-For", b"X-Forwarded-Host", b"X-Forwarded-Anything", b"X-Real-IP"]
FORWARDING += [b"X-Original-URL", b"X-Rewrite-URL", b"X-Request-Id", b"X-Forwarded", b"True-Client-IP"]


@given(st.sampled_from(FORWARDING).flatmap(spelling))
def test_no_spelling_of_a_forwarding_header_is_kept(name: bytes) -> None:
    """Ours are the only ones that an upstream sees."""
    assert RequestHead(b"GET", b"/", True, [b"Host: a", name + b": 6.6.6.6"], NAMES).kept == []


FRAMING = [b"Content-Length", b"Transfer-Encoding", b"Host", b"Connection", b"Cookie", b"Expect"]


@given(st.sampled_from(FRAMING).flatmap(spelling))
def test_a_spelling_of_a_framing_field_is_that_field_or_a_400(name: bytes) -> None:
    """Never forwarded as something unknown that a lax upstream would honour."""
    fields = [name + (b": chunked" if name.lower().startswith(b"transfer") else b": 1")]
    if name.lower() != b"host":
        fields.append(b"Host: a")
    try:
        head = RequestHead(b"GET", b"/", True, fields, NAMES)
    except GatewayError as refusal:
        assert refusal.status in (400, 417)  # noqa: PT017 - either outcome is right
    else:
        assert name.lower() in {each.lower() for each in FRAMING}
        assert head.kept == []


@pytest.mark.parametrize("name", [b"Keep-Alive", b"proxy-connection", b"TE", b"Trailer", b"HTTP2-Settings"])
@pytest.mark.parametrize("names", [NAMES, response_names()])
def test_hop_by_hop_names_are_dropped(name: bytes, names: dict[bytes, Kind]) -> None:
    """In requests and in responses, in any case."""
    assert names[name] is Kind.DROP
    assert names[name.replace(b"-", b"_")] is Kind.DROP


@pytest.mark.parametrize(
    "name", [b"Accept", b"X-Users", b"X-Use", b"Authorization", b"Range", b"X-Custom_Name", b"Via"]
)
def test_other_names_are_kept(name: bytes) -> None:
    """The legacy system's own business."""
    assert NAMES[name] is Kind.KEEP


def test_the_memo_is_bounded_in_number_and_size() -> None:
    """Strangers choose the names; forgetting never changes the answer."""
    names = request_names([b"X-User"])
    for number in range(10_000):
        assert names[b"X-%d" % number] is Kind.KEEP
    long = b"X-" + b"a" * 60_000
    assert names[long] is Kind.KEEP
    assert len(names) <= 4096
    assert long not in names
    assert names[b"x_user"] is Kind.DROP


@given(st.binary(max_size=20))
def test_folding_is_the_laxest_reading(name: bytes) -> None:
    """Idempotent, the same for every case, only letters, digits and hyphens."""
    folded = fold(name)
    assert fold(folded) == folded == fold(name.upper()) == fold(name.replace(b"-", b"_"))
    assert re.fullmatch(rb"[a-z0-9-]*", folded)


def test_the_memo_of_lines_is_bounded_and_holds_nothing_of_one_person() -> None:
    """Cookies, credentials and long lines are read anew each time; a flood empties it, and changes no answer."""
    names = request_names([b"X-User"])
    personal = [b"Cookie: a=1", b"Authorization: Basic eA==", b"X-Forwarded-For: 1.2.3.4", b"cookie: b"]
    for line in [*personal, b"X-Long: " + b"a" * 300]:
        assert names.lines[line].value == line.partition(b": ")[2]
    assert len(names.lines) == 0
    for number in range(10_000):
        assert names.lines[b"X-A: %d" % number].value == b"%d" % number
        assert len(names.lines) <= 4096
    assert names.lines[b"x_user: me"].kind is Kind.DROP
