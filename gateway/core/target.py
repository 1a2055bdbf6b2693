"""A request target as raw bytes, and every path that some upstream could take it for.

Law: the raw bytes are what goes upstream, so whatever two readers could disagree on is either
refused here or listed in `Target.readings`, which must all come under one route.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from .errors import GatewayError
from .reasons import Reason

MAX_READINGS = 64
MAX_WORK = 48 * 1024  # characters over all readings, some 5 ms: long paths may have fewer
MEMO_SIZE = 1024  # disputed paths remembered
MAX_MEMO_KEY = 256  # characters of a path that is remembered
MAX_MARKS = 30  # on one character, as in Unicode's Stream-Safe Text Format (UAX 15, 13): sorting more is quadratic

# Segments of plain characters that do not end in a dot, and a printable query: one reading only.
_SEGMENT = rb"[.A-Za-z0-9\-_~!$&'()*+,=:@]*[A-Za-z0-9\-_~!$&'()*+,=:@]"
_CLEAN = re.compile(rb"/(?:%b(?:/%b)*/?)?(?:\?[!-\"$-~]*)?" % (_SEGMENT, _SEGMENT))
_PRINTABLE = re.compile(rb"/[!-\"$-~]*")  # RFC 9112 3.2.1: origin-form has no fragment
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(r"%[0-9a-f]{2}", re.IGNORECASE)
# Backslash, controls, a leading "//", a segment of dots (and spaces), IIS's %uXXXX.
_REFUSED = re.compile(r"[\x00-\x1f\x7f\\]|\A//|/ *\.[ .]*(?=/|\Z)|%u[0-9A-Fa-f]{4}")
_MARKS_IN_DISGUISE = frozenset("\u0f73\u0f75\u0f81\uff9e\uff9f")  # letters of themselves, marks once decomposed
# ASCII in too many UTF-8 bytes (RFC 3629 section 3 forbids it, lax decoders read it), as surrogateescape shows it.
_OVERLONG = re.compile("(?:[\udcc0\udcc1]|\udce0[\udc80\udc81]|\udcf0\udc80[\udc80\udc81])[\udc80-\udcbf -?]")


@dataclass(frozen=True, slots=True)
class Target:
    """An accepted target: `raw` as received, its path and its query (without "?") as sent.

    `readings` are all plausible paths, the path as sent first (escapes in upper case).
    """

    raw: bytes
    path: str
    query: bytes
    readings: tuple[str, ...]


def parse_target(raw: bytes) -> Target:
    """Accept an origin-form target or raise GatewayError(400, BAD_TARGET)."""
    clean = _CLEAN.fullmatch(raw) is not None
    if not clean and _PRINTABLE.fullmatch(raw) is None:
        raise _refuse("not a printable path")
    path_bytes, _, query = raw.partition(b"?")
    path = path_bytes.decode("ascii")
    if clean:
        return Target(raw, path, query, (path,))
    return Target(raw, path, query, _remembered(path) if len(path) <= MAX_MEMO_KEY else _readings(path))


def _refuse(message: str) -> GatewayError:
    return GatewayError(400, Reason.BAD_TARGET, message)


def _readings(path: str) -> tuple[str, ...]:
    """All that the steps below make of `path`, in any order and number; refuses if one is dangerous."""
    if _BROKEN_ESCAPE.search(path):
        raise _refuse("broken percent escape")
    first = _ESCAPE.sub(lambda escape: escape[0].upper(), path)  # RFC 3986 6.2.2.1: the same escape
    limit = min(MAX_READINGS, MAX_WORK // len(path))
    readings = [first]
    seen = {first}
    for reading in readings:
        if _REFUSED.search(reading):
            raise _refuse("dot segment, backslash, control character or leading double slash")
        for step in _STEPS:
            if (other := step(reading)) not in seen:
                seen.add(other)
                readings.append(other)
        if len(readings) > limit:
            raise _refuse("too many readings")
    return tuple(readings)


_remembered = lru_cache(MEMO_SIZE)(_readings)


def _decoded(path: str) -> str:
    if "%" not in path:
        return path
    return unquote_to_bytes(path.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")


def _without_parameters(path: str) -> str:
    if ";" not in path:
        return path
    return "/".join(segment.partition(";")[0] for segment in path.split("/"))


def _cut_at_decoded_query(path: str) -> str:
    return path.partition("?")[0].partition("#")[0]


def _slashes_merged(path: str) -> str:
    return re.sub("//+", "/", path)


def _trimmed(path: str) -> str:
    """Windows drops trailing dots and spaces of file names."""
    if "./" not in path and " /" not in path and path[-1] not in ". ":
        return path
    return "/".join(segment.rstrip(" .") for segment in path.split("/"))


def _overlong_decoded(path: str) -> str:
    return path if path.isascii() else _OVERLONG.sub(_shortest, path)


def _shortest(overlong: re.Match[str]) -> str:
    return chr((ord(overlong[0][-2]) & 1) << 6 | ord(overlong[0][-1]) & 0x3F)


def _compatible(path: str) -> str:
    """Full-width and other look-alikes become what they look like."""
    if path.isascii():
        return path
    marks = 0
    for character in path:
        if character.isascii() or not (unicodedata.combining(character) or character in _MARKS_IN_DISGUISE):
            marks = 0
        elif marks == MAX_MARKS:
            raise _refuse("too many marks on one character")
        else:
            marks += 1
    return unicodedata.normalize("NFKC", path)


_STEPS: tuple[Callable[[str], str], ...] = (
    _decoded,
    _without_parameters,
    _cut_at_decoded_query,
    _slashes_merged,
    _trimmed,
    _overlong_decoded,
    _compatible,
)
