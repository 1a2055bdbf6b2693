"""Plain identity headers: claims as bytes that any header may carry."""

from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.core.policy import Access, Policy
from gateway.signing import plain_headers
from gateway.signing.headers import MAX_BYTES


def headers_of(claims: dict[str, Any], *headers: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    return plain_headers(Policy("page", Access.BOUND, headers=headers), claims)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("clerk", b"clerk"),
        ("张三", b"%E5%BC%A0%E4%B8%89"),
        ("a, b%", b"a%2C%20b%25"),
        ("a\r\nX-Evil: 1", b"a%0D%0AX-Evil%3A%201"),
        (["a", "b,c"], b"a,b%2Cc"),
        ([], b""),
        (42, b"42"),
        (True, b"true"),
        (1.5, b"1.5"),
        ({"a": "b"}, b"%7B%22a%22%3A%22b%22%7D"),
        ("\ud800", b"%3F"),
    ],
)
def test_a_claim_is_percent_encoded_utf_8(value: Any, encoded: bytes) -> None:
    """Each kind of JSON value has one spelling; a list's comma is never an item's."""
    assert headers_of({"x": value}, ("X-Claim", "x")) == [(b"X-Claim", encoded)]


def test_absent_and_null_claims_give_no_header() -> None:
    """No header is better than one that says "None"."""
    assert headers_of({"x": None}, ("X-A", "x"), ("X-B", "y")) == []


def test_headers_are_bounded() -> None:
    """A value is never cut: half a list of roles would be another list."""
    with pytest.raises(GatewayError, match="'page'"):
        headers_of({"x": "y" * MAX_BYTES}, ("X-Claim", "x"))
    with pytest.raises(GatewayError):
        headers_of({"x": "y" * (MAX_BYTES // 2)}, ("X-A", "x"), ("X-B", "x"))


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=50))
def test_any_text_survives_and_is_header_safe(text: str) -> None:
    """What a backend decodes is what the verifier said; the bytes are printable ASCII."""
    ((_, encoded),) = headers_of({"x": text}, ("X-Claim", "x"))
    assert unquote(encoded.decode("ascii")) == text
    assert all(0x21 <= byte <= 0x7E for byte in encoded)
