"""What a browser is about with a request: navigating (only that is redirected), or asking first (CORS)."""

import re
from collections.abc import Callable, Iterable

from .fields import fold

# Android's WebView, and so WeChat on Android, names its application in X-Requested-With on every navigation.
_ANDROID_PACKAGE = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)+", re.ASCII)

# Browsers ask without credentials (Fetch, 4.8). The others would make it another method for some frameworks.
_NEVER_ASKED_WITH = frozenset(
    (b"cookie", b"authorization", b"x-http-method-override", b"x-http-method", b"x-method-override")
)
_MAX_ACCEPT = 2048  # characters that are looked at
_HTML = re.compile(r"(?:\A|,)\s*text/html\s*(?:[,;]|\Z)", re.IGNORECASE)
_METHOD = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}")


def is_navigation(method: str, header: Callable[[str], str | None]) -> bool:
    """Say whether a redirect would be seen by a person. `header` gives a field's value, or None.

    Sec-Fetch-Mode decides (W3C Fetch Metadata); browsers without it are known by their Accept.
    """
    if method not in ("GET", "HEAD"):
        return False
    requested_with = header("X-Requested-With")
    if requested_with is not None and not _ANDROID_PACKAGE.fullmatch(requested_with):
        return False
    mode = header("Sec-Fetch-Mode")
    if mode is not None:
        return mode.strip().lower() == "navigate"
    return _HTML.search((header("Accept") or "")[:_MAX_ACCEPT]) is not None


def is_preflight(method: str, header: Callable[[str], str | None], names: Iterable[bytes], *, has_body: bool) -> bool:
    """Say whether a request is exactly what a browser asks before a cross-origin request (Fetch, 4.8).

    `names` are those of all its fields.
    """
    if method != "OPTIONS" or has_body or not header("Origin"):
        return False
    if any(fold(name) in _NEVER_ASKED_WITH for name in names):
        return False
    return _METHOD.fullmatch(header("Access-Control-Request-Method") or "") is not None
