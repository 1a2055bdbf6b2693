"""Addresses as QR codes (ISO/IEC 18004) that a page may hold: markup without style, script or other files."""

import segno
from markupsafe import Markup

MAX_TEXT = 700  # characters; beyond it the squares get too small for a phone that looks at a screen


def qr_svg(text: str) -> Markup:
    """An <svg> of `text` with the quiet zone that scanners want, dark on white in dark mode too."""
    code = segno.make(text, error="m", micro=False)
    squares = code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None)
    return Markup(squares)  # noqa: S704  numbers of ours


def fitting(origin: str, target: str) -> str:
    """`target` on `origin`, without its query where it would be too long for a code, or the origin's root."""
    for text in (target, target.partition("#")[0].partition("?")[0], "/"):
        if len(origin) + len(text) <= MAX_TEXT:
            return origin + text
    return origin + "/"
