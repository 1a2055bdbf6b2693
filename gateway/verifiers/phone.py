"""One spelling for a mobile number: limits and look-ups count one phone once, a code has one recipient."""

import re
import unicodedata
from collections.abc import Iterable

from gateway.core.countries import COUNTRIES

MAX_INPUT = 64  # characters
HOME = "CN"

# Spaces and hyphens, and the invisible direction marks that a number copied from an address book brings along.
_FILLING = re.compile("[ \\-\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_ABROAD = re.compile(r"(?:\+|00)([1-9][0-9]{6,14})")  # E.164: at most 15 digits


class Phones:
    """Reads numbers of these `countries` (keys of COUNTRIES).

    With +, or 00 in its place, a number says whose it is. Without, it is a mainland one, if they are listed (also
    behind a bare 86), or one as dialled within the first country listed.
    """

    def __init__(self, countries: Iterable[str] = (HOME,)) -> None:
        listed = tuple(countries)
        known = [COUNTRIES[name] for name in listed]
        self._abroad = re.compile("|".join(f"{each.code}(?:{each.mobile})" for each in known))
        first = known[0]
        self._first_code = first.code
        self._within_first = re.compile(f"{first.trunk}({first.mobile})")
        self._mainland = re.compile(f"(?:86)?({COUNTRIES[HOME].mobile})") if HOME in listed else None

    def canonical(self, text: str) -> str | None:
        """Eleven digits for mainland China, E.164 with its + for others; None for anything else: two numbers,
        controls, landlines, extensions, countries that are not listed.
        """
        if len(text) > MAX_INPUT:
            return None
        plain = _FILLING.sub("", unicodedata.normalize("NFKC", text))
        if self._mainland and (found := self._mainland.fullmatch(plain)):
            return found[1]
        if (found := _ABROAD.fullmatch(plain)) and self._abroad.fullmatch(found[1]):
            return _canonical(found[1])
        if found := self._within_first.fullmatch(plain):
            return _canonical(self._first_code + found[1])
        return None


def _canonical(digits: str) -> str:
    if re.fullmatch(COUNTRIES[HOME].code + COUNTRIES[HOME].mobile, digits):
        return digits.removeprefix(COUNTRIES[HOME].code)
    return f"+{digits}"


def e164(phone: str) -> str:
    """A canonical number with its country: +86 and the eleven digits, or what it is."""
    return phone if phone.startswith("+") else f"+{COUNTRIES[HOME].code}{phone}"


canonical_phone = Phones().canonical
"""Mainland numbers only."""

any_phone = Phones(COUNTRIES).canonical
"""Numbers of every country that the gateway knows: for data of our own, like the users file."""
