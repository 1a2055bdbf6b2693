"""Which language a browser asks for."""

import pytest

from gateway.core.language import language


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "zh-Hans"),
        ("fr", "zh-Hans"),
        ("en", "en"),
        ("EN-us", "en"),
        ("zh-TW", "zh-Hans"),
        ("en;q=0.5, zh;q=0.9", "zh-Hans"),
        ("zh;q=0.5,en;q=0.9", "en"),
        ("fr, en;q=0.1", "en"),
        ("en;q=0", "zh-Hans"),
        ("en;q=nonsense", "zh-Hans"),
        ("en;q=nan", "zh-Hans"),
        (",;,;q=", "zh-Hans"),
    ],
)
def test_language(accept: str, expected: str) -> None:
    """The best-weighted language of an Accept-Language that we have; Chinese for nonsense."""
    assert language(accept) == expected
