"""One spelling for a mainland China mobile number, so that limits and look-ups count one phone once."""

import re
import unicodedata

MAX_INPUT = 64  # characters

# Spaces and hyphens, and the invisible direction marks that a number copied from an address book brings along.
_FILLING = re.compile("[ \\-\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2066-\u2069]")
_MOBILE = re.compile(r"(?:\+86|0086|86)?(1[3-9][0-9]{9})")


def canonical_phone(text: str) -> str | None:
    """The eleven digits of the number, or None if `text` is anything else (two numbers, controls, a landline)."""
    if len(text) > MAX_INPUT:
        return None
    found = _MOBILE.fullmatch(_FILLING.sub("", unicodedata.normalize("NFKC", text)))
    return found[1] if found else None
