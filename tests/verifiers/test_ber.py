"""BER as LDAP uses it: what was written reads back, and whatever else arrives is a ValueError."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.verifiers import ber, ldap_messages


@given(st.lists(st.tuples(st.sampled_from([0x02, 0x04, 0x30, 0x61, 0x80]), st.binary(max_size=400)), max_size=5))
def test_elements_read_back(pairs: list[tuple[int, bytes]]) -> None:
    """Tags and contents of any length."""
    assert list(ber.elements(b"".join(ber.element(tag, content) for tag, content in pairs))) == pairs


@given(st.integers(min_value=0, max_value=2**60))
def test_numbers_read_back(value: int) -> None:
    """Never taken for negative ones."""
    [(tag, content)] = ber.elements(ber.integer(value))
    assert (tag, ber.number(content)) == (ber.INTEGER, value)


def test_lengths_that_are_longer_than_need_be() -> None:
    """Active Directory writes all of them in four octets."""
    assert list(ber.elements(b"\x04\x84\x00\x00\x00\x02ab")) == [(4, b"ab")]


@pytest.mark.parametrize("octets", [b"\x04", b"\x04\x80ab\0\0", b"\x04\x85\0\0\0\0\1a", b"\x1f\x01a", b"\x04\x03ab"])
def test_what_is_refused(octets: bytes) -> None:
    """Indefinite lengths, long tags, and what is cut off."""
    with pytest.raises(ValueError, match=r"element|length"):
        list(ber.elements(octets))


@given(st.binary(max_size=200))
def test_any_octets_are_a_message_or_a_valueerror(octets: bytes) -> None:
    """Nothing else happens."""
    for read in (ldap_messages.opened, ldap_messages.result, ldap_messages.entry):
        with contextlib.suppress(ValueError):
            read(octets)  # type: ignore[operator]
