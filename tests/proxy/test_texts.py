"""What the proxy's small pages say."""

from gateway.core.language import LANGUAGES
from gateway.proxy.texts import REQUEST_ID, TEXTS


def test_texts_say_the_same_things() -> None:
    """Every page in every language, none of it empty."""
    assert tuple(TEXTS) == tuple(REQUEST_ID) == LANGUAGES
    assert all(TEXTS[language].keys() == TEXTS[LANGUAGES[0]].keys() for language in LANGUAGES)
    assert all(all(words) for pages in TEXTS.values() for words in pages.values())
