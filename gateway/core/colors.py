"""Colours as designers write them, and how far two are apart for an eye (WCAG 2.2, 1.4.3)."""

import re

AA = 4.5  # the contrast that text needs, but for large print

_HEX = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})")
Rgb = tuple[int, int, int]
WHITE: Rgb = (255, 255, 255)


def parse_color(text: str) -> Rgb:
    """The parts of `#07c160` or `#fff`; ValueError for anything else."""
    lower = text.lower()
    if not _HEX.fullmatch(lower):
        raise ValueError('is not a colour: write it like "#07873f"')
    digits = lower[1:] if len(lower) == 7 else "".join(digit * 2 for digit in lower[1:])
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:], 16)


def hex_of(color: Rgb) -> str:
    """`#07c160`."""
    return "#{:02x}{:02x}{:02x}".format(*color)


def contrast(one: Rgb, other: Rgb) -> float:
    """From 1, the same, to 21, black and white (WCAG 2.2, "contrast ratio")."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def darkened(color: Rgb, against: Rgb, least: float) -> Rgb:
    """The nearest shade towards black with at least this contrast."""
    for percent in range(100, -1, -1):
        shade = (color[0] * percent // 100, color[1] * percent // 100, color[2] * percent // 100)
        if contrast(shade, against) >= least:
            return shade
    raise ValueError("no shade is dark enough")


def _luminance(color: Rgb) -> float:
    red, green, blue = (_linear(part / 255) for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
