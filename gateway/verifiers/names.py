"""One spelling for all usernames that a legacy database may take for one, so that budgets count an account once."""

import math
import re
import unicodedata

# The letter within a character's name, like "LATIN SMALL LETTER L WITH STROKE": collations (UTS 10) take many
# characters for a letter of which Unicode has no decomposition.
_LATIN = re.compile(r"\bLATIN (?:[A-Z]+ )*?(?:LETTER|LIGATURE(?= OE)) (?:[A-Z]+ )*?(?:([A-Z]{1,2})|ETH)\b")
_LETTERS = {"Lu", "Ll", "Lt", "Lo"}
_FILLERS = {"\u115f", "\u1160", "\u3164", "\uffa0"}  # letters by category, default-ignorable in Unicode


def folded(name: str) -> str:
    """Without case, width, accents, spaces, what nobody sees, and which script a digit is of.

    A legacy database may take such spellings for one: MySQL's usual collations have some sixty for each digit.
    """
    plain = "".join(map(_plain, name)).casefold().replace("ss", "s")  # an ß is either
    return plain or name.strip()  # a name of symbols alone is one, too


def _plain(letter: str) -> str:
    return _base(letter) if _latin(letter) else "".join(map(_base, unicodedata.normalize("NFKD", letter)))


def _latin(letter: str) -> re.Match[str] | None:
    return None if letter.isascii() else _LATIN.search(unicodedata.name(letter, ""))


def _base(letter: str) -> str:
    """A plain letter or digit; nothing for marks and symbols, which may count for nothing in a comparison."""
    if letter.isascii():
        return letter.strip()
    if found := _latin(letter):
        return found[1] or "d"  # eth
    category = unicodedata.category(letter)
    if category[0] == "N":
        value = math.ceil(unicodedata.numeric(letter))  # the Tibetan "digit half one" is 0.5, and compares as 1
        return str(value) if 0 <= value <= 9 else letter
    return letter if category in _LETTERS and letter not in _FILLERS else ""
