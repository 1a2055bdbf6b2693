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
        ("zh-CN", "zh-Hans"),
        ("zh-SG", "zh-Hans"),
        ("zh-TW", "zh-Hant"),
        ("zh-hk", "zh-Hant"),
        ("zh-MO", "zh-Hant"),
        ("zh-Hant", "zh-Hant"),
        ("zh-Hant-TW", "zh-Hant"),
        ("zh-Hant-CN", "zh-Hant"),
        ("zh-Hans-HK", "zh-Hans"),
        ("zh-yue-Hant-HK", "zh-Hant"),
        ("zh-yue-HK", "zh-Hant"),
        ("zh-x-hant", "zh-Hans"),
        ("zh-", "zh-Hans"),
        ("zhx-TW", "zh-Hans"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh-Hant"),
        ("en;q=0.8,zh-HK;q=0.9,zh;q=0.7", "zh-Hant"),
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
