"""The [bind.notice] table: what people are told before they agree (PIPL, article 17), in one language or several."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from gateway.core.language import LANGUAGES

from .context import Section, key

MAX_TEXT = 4000  # characters


def _texts(value: Any) -> Mapping[str, str]:
    texts = {"": value} if isinstance(value, str) else value
    if not isinstance(texts, dict) or not texts or not all(isinstance(text, str) for text in texts.values()):
        raise ValueError(f'must be a text, or one for each language, like {{ {LANGUAGES[0]} = "…", en = "…" }}')
    for language, text in texts.items():
        if language and language not in LANGUAGES:
            raise ValueError(f"{language[:20]!r} is no language of the pages: there is {', '.join(LANGUAGES)}")
        if not text.strip() or len(text) > MAX_TEXT or not text.replace("\n", "").isprintable():
            raise ValueError(f"must say something, in at most {MAX_TEXT} printable characters")
    return texts


Texts = Annotated[
    Mapping[str, str],
    BeforeValidator(_texts),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string"},
                {
                    "type": "object",
                    "properties": {language: {"type": "string"} for language in LANGUAGES},
                    "additionalProperties": False,
                },
            ]
        }
    ),
]
"""Texts by language; one for all is under ""."""


class Notice(Section):
    """The privacy notice on a page of the gateway's own."""

    controller: str = key(min_length=1, max_length=200, description="Who handles the data: the name of your company.")
    contact: str = key(
        min_length=1, max_length=200, description="How people reach them: an address, a phone number, an email address."
    )
    purpose: Texts | None = key(
        default=None, description="Why, and how. Default: a text that says what the gateway does."
    )
    data: Texts | None = key(default=None, description="Which data. Default: those that the gateway keeps.")
    retention: Texts | None = key(default=None, description="For how long. Default: until one unbinds.")
    rights: Texts | None = key(default=None, description="Which rights people have, and how they use them.")
