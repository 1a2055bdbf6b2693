"""What the proxy's small pages say."""

from gateway.core.language import LANGUAGES
from gateway.proxy.texts import REQUEST_ID, TEXTS


def test_texts_say_the_same_things() -> None:
    """Every page in every language, none of it empty."""
    assert tuple(TEXTS) == tuple(REQUEST_ID) == LANGUAGES
    assert all(TEXTS[language].keys() == TEXTS[LANGUAGES[0]].keys() for language in LANGUAGES)
    assert all(all(words) for pages in TEXTS.values() for words in pages.values())


def test_each_chinese_is_written_in_its_own_characters() -> None:
    """GB 2312 has no traditional character, Big5 no simplified one that differs."""
    for language, characters in (("zh-Hans", "gb2312"), ("zh-Hant", "big5")):
        for words in TEXTS[language].values():
            assert all(word.encode(characters) for word in words)
