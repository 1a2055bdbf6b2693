"""Where to go back to after signing in: only ever a target on our own origin."""

from urllib.parse import quote

from .errors import GatewayError
from .target import parse_target

MAX_RETURN_TO = 4096  # bytes
MAX_IN_COOKIE = 1024  # bytes

_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def safe_return_to(value: str) -> str:
    """`value` if it is path, query and fragment that stay on the origin, else "/". Never longer than 4096 bytes.

    The rule is that of our own front door: what `parse_target` takes as a request has no reading that
    names another host (WHATWG URL: backslashes, "//", removed tabs and newlines). ASCII is returned
    byte for byte; spaces and other characters come back percent-encoded, so the result fits a header.
    """
    if len(value) > MAX_RETURN_TO or any(character < " " or character == "\x7f" for character in value):
        return "/"
    try:
        target = quote(value, safe=_ASCII)
        parse_target(target.partition("#")[0].encode("ascii"))
    except (GatewayError, UnicodeEncodeError):
        return "/"
    return target if len(target) <= MAX_RETURN_TO else "/"


def shorten(value: str) -> str:
    """Make a safe return target fit into a cookie: over 1024 bytes its path only, or "/"."""
    if len(value) <= MAX_IN_COOKIE:
        return value
    path = value.partition("#")[0].partition("?")[0]
    return path if len(path) <= MAX_IN_COOKIE else "/"
