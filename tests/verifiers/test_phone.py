"""One spelling for a phone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.verifiers.phone import canonical_phone


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        " 138 0013 8000 ",
        "138-0013-8000",
        "+86 138 0013 8000",
        "+8613800138000",
        "008613800138000",
        "8613800138000",
        "１３８００１３８０００",
        "＋８６　１３８－００１３－８０００",
        "138‑0013‑8000",
        "\u202d138 0013 8000\u202c",
        "138\u00a00013\u00a08000",
    ],
)
def test_every_spelling_is_one_phone(text: str) -> None:
    """Prefixes, separators, full-width digits and pasted direction marks do not make another phone."""
    assert canonical_phone(text) == "13800138000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1380013800",
        "138001380000",
        "12800138000",
        "010-12345678",
        "13800138000,13900139000",
        "13800138000 13900139000",
        "13800138000\r\n",
        "138\n00138000",
        "13800138000\x00",
        "+1 13800138000",
        "86+13800138000",
        "+86+8613800138000",
        "١٣٨٠٠١٣٨٠٠٠",
        "13800138000;ext=1",
        "1380013800o",
        "13800138000" + " " * 100,
    ],
)
def test_whatever_else_is_no_phone(text: str) -> None:
    """Two numbers, controls, other countries, landlines: nobody gets an SMS."""
    assert canonical_phone(text) is None


@given(st.text(max_size=80))
def test_the_result_is_always_canonical(text: str) -> None:
    """Eleven ASCII digits, and its own canonical form."""
    phone = canonical_phone(text)
    if phone is not None:
        assert len(phone) == 11
        assert phone.isascii()
        assert phone.isdigit()
        assert canonical_phone(phone) == phone
