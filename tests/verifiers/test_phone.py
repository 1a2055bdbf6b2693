"""One spelling for a phone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.countries import COUNTRIES
from gateway.verifiers.phone import Phones, any_phone, canonical_phone, e164

HONG_KONG = Phones(("CN", "HK", "MO", "TW"))


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
        "+85291234567",
        "13800138000/13900139000",
        "13800138000%0a",
        "+86 0 13800138000",
        "000 86 13800138000",
        "tel:13800138000",
        "(138)00138000",
        "13800138000x1",
        "𝟙380013800０1",
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


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("13800138000", "13800138000"),
        ("+86 138 0013 8000", "13800138000"),
        ("+852 9123 4567", "+85291234567"),
        ("00852-9123-4567", "+85291234567"),
        ("＋８５２　９１２３　４５６７", "+85291234567"),
        ("+853 6612 3456", "+85366123456"),
        ("+886 912 345 678", "+886912345678"),
        ("9123 4567", None),  # whose? Hong Kong is not the first that is listed
        ("0912345678", None),
        ("852 9123 4567", None),
        ("+886 0912 345 678", None),
        ("+852 2123 4567", None),  # a landline
        ("+852 9123 4567 8", None),
        ("+65 9123 4567", None),  # not listed
        ("+85291234567,+85291234568", None),
    ],
)
def test_other_countries_are_taken_with_their_code(text: str, phone: str | None) -> None:
    """E.164 with its +; mainland numbers stay eleven digits."""
    assert HONG_KONG.canonical(text) == phone


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("9123 4567", "+85291234567"),
        ("13800138000", "13800138000"),
        ("8613800138000", "13800138000"),
        ("+852 9123 4567", "+85291234567"),
    ],
)
def test_the_first_country_needs_no_code(text: str, phone: str) -> None:
    """As people there dial; mainland numbers are known by their eleven digits."""
    assert Phones(("HK", "CN")).canonical(text) == phone


def test_a_trunk_prefix_belongs_to_dialling_within_a_country() -> None:
    """0912 345 678 in Taiwan is +886 912 345 678; without the 0 it is no number there."""
    taiwan = Phones(("TW",))
    assert taiwan.canonical("0912 345 678") == "+886912345678"
    assert taiwan.canonical("912 345 678") is None
    assert taiwan.canonical("13800138000") is None


EXAMPLES = st.sampled_from(sorted(COUNTRIES)).flatmap(
    lambda name: st.tuples(st.just(name), st.from_regex(COUNTRIES[name].mobile, fullmatch=True))
)
LISTS = st.lists(st.sampled_from(sorted(COUNTRIES)), min_size=1, unique=True)


@given(EXAMPLES, LISTS)
def test_a_number_with_its_code_is_one_phone_wherever_it_is_listed(example: tuple[str, str], others: list[str]) -> None:
    """The same canonical form under every list that has its country, and none where it is not listed."""
    name, number = example
    written = f"+{COUNTRIES[name].code}{number}"
    phone = any_phone(written)
    assert phone is not None
    assert e164(phone) == written
    listed = Phones([*(other for other in others if other != name), name])
    assert listed.canonical(written) == listed.canonical("00" + written[1:]) == phone
    assert Phones(others).canonical(written) == (phone if name in others else None)


@given(EXAMPLES, LISTS)
def test_dialled_within_the_first_country_it_is_the_same_phone(example: tuple[str, str], others: list[str]) -> None:
    """Whatever else is listed, no number of one country is taken for one of another."""
    name, number = example
    country = COUNTRIES[name]
    phones = Phones([name, *(other for other in others if other != name)])
    assert phones.canonical(country.trunk + number) == any_phone(f"+{country.code}{number}")


@given(st.text("+0123456789 -(),;x\r\n\u0660\uff11\u200e", max_size=24), LISTS)
def test_every_result_is_canonical_and_means_one_phone(text: str, countries: list[str]) -> None:
    """Eleven digits or E.164; what it says with its country reads as itself under the same list, and no longer input
    hides a second number: all digits of the text are in the result, but for prefixes."""
    phones = Phones(countries)
    phone = phones.canonical(text)
    if phone is None:
        return
    assert phones.canonical(e164(phone)) == phone
    digits = e164(phone)[1:]
    assert digits.isascii()
    assert digits.isdecimal()
    assert 8 <= len(digits) <= 15
    typed = "".join(str(int(letter)) for letter in text if letter.isdecimal())
    assert any(typed == prefix + digits[cut:] for prefix in ("", "0", "00") for cut in range(4))
