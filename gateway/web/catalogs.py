"""The texts of the pages with an operator's own in their places, and what may be wrong with those."""

import difflib
import string
from collections.abc import Iterator, Mapping

from .look import Overrides
from .texts import CATALOGS, Texts

MAX_TEXT = 2000  # characters


def with_overrides(overrides: Overrides) -> Mapping[str, Texts]:
    """All catalogs, each with the operator's words instead of ours."""
    return {language: {**texts, **overrides.get(language, {})} for language, texts in CATALOGS.items()}


def problems_in(overrides: Overrides) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with them: the language and key, and what would be right."""
    for language, texts in overrides.items():
        if language not in CATALOGS:
            yield (language,), f"is none of the pages' languages: {', '.join(CATALOGS)}"
            continue
        for key, text in texts.items():
            for message in _problems_with(key, text, CATALOGS[language]):
                yield (language, key), message


def _problems_with(key: str, text: str, ours: Texts) -> Iterator[str]:
    if key not in ours:
        close = difflib.get_close_matches(key, ours, n=1)
        yield f"unknown text; did you mean {close[0]!r}?" if close else "unknown text: docs/binding.md lists them"
    elif not text.strip():
        yield "is empty: leave it out to keep ours"
    elif len(text) > MAX_TEXT:
        yield f"is longer than {MAX_TEXT} characters"
    elif _placeholders(text) != (needed := _placeholders(ours[key])):
        yield f"must hold {' and '.join(sorted(needed or ())) or 'no { and }'}, as ours does: {ours[key]!r}"


def _placeholders(text: str) -> set[str] | None:
    """`{link}` and the like; None if braces do not pair."""
    try:
        return {f"{{{name}}}" for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        return None
