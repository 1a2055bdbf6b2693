"""One spelling for all usernames that a legacy database may take for one, so that budgets count an account once."""

import unicodedata

_MARKS = {"Mn", "Me", "Cf"}  # variation selectors and U+034F among them
_FILLERS = {"\u115f", "\u1160", "\u3164", "\uffa0"}  # letters by category, default-ignorable in Unicode


def folded(name: str) -> str:
    """Without case, width, accents, spaces and what nobody sees: a legacy database may take such spellings for one."""
    plain = unicodedata.normalize("NFKD", name)
    return "".join(letter for letter in plain if not _ignorable(letter)).casefold()


def _ignorable(letter: str) -> bool:
    return letter.isspace() or letter in _FILLERS or unicodedata.category(letter) in _MARKS
