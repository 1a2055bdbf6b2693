"""How plain values are written in TOML: durations, sizes, names, hosts, paths. Text in, a value or a ValueError out."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema

from gateway.core.errors import GatewayError
from gateway.core.target import parse_target
from gateway.core.upgrade import protocol_of

from .context import context_of

# --- durations and sizes ------------------------------------------------------------------------------

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"([0-9]{1,9})(ms|s|m|h|d)")
_SIZES = {"": 1, "B": 1, "KB": 1024, "MB": 1024**2, "GB": 1024**3}
_SIZE = re.compile(r"([0-9]{1,9})(B|KB|MB|GB)")
_DURATION_FORM = 'a number and a unit, like "7d", "2h", "30m", "120s" or "500ms"'


def parse_duration(text: object) -> float:
    """Seconds of "7d", "2h", "30m", "120s", "500ms"; ValueError for anything else."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if not match:
        raise ValueError(f"is not a duration: write {_DURATION_FORM}")
    return int(match[1]) * _UNITS[match[2]]


def parse_seconds(text: object) -> int:
    """Like `parse_duration`, in whole seconds."""
    seconds = parse_duration(text)
    if seconds != int(seconds):
        raise ValueError('must be whole seconds, like "1s"')
    return int(seconds)


def parse_size(text: object) -> int | None:
    """Bytes of "64MB", "16KB", "512B" (powers of 1024); None, no limit, for "0"."""
    if text == "0":
        return None
    match = _SIZE.fullmatch(text) if isinstance(text, str) else None
    if not match or int(match[1]) == 0:
        raise ValueError('is not a size: write a number and a unit, like "64MB" or "16KB", or "0" for no limit')
    return int(match[1]) * _SIZES[match[2]]


def between(low: str, high: str) -> AfterValidator:
    """A check that a duration is within two others, both included."""
    least, most = parse_duration(low), parse_duration(high)

    def check(seconds: Any) -> Any:
        if not least <= seconds <= most:
            raise ValueError(f'must be between "{low}" and "{high}"')
        return seconds

    return AfterValidator(check)


_DURATION_SCHEMA = WithJsonSchema({"type": "string", "pattern": f"^{_DURATION.pattern}$"})

Duration = Annotated[float, BeforeValidator(parse_duration), _DURATION_SCHEMA]
"""Seconds, fractions allowed."""

Seconds = Annotated[int, BeforeValidator(parse_seconds), _DURATION_SCHEMA]
"""Whole seconds."""

ServiceTimeout = Annotated[Duration, between("10ms", "30s")]
"""How long a service of the legacy system may take to answer: a person waits."""

Timeout = Annotated[Duration, between("10ms", "1d")]
"""Seconds that a wait may take: never 0, never for ever."""

Size = Annotated[
    int | None,
    BeforeValidator(parse_size),
    WithJsonSchema({"type": "string", "pattern": f"^(0|{_SIZE.pattern})$"}),
]
"""Bytes, or None for no limit."""


def _parse_limited(text: object) -> int:
    if (size := parse_size(text)) is None:
        raise ValueError('must have a limit: "0" is not possible here')
    return size


LimitedSize = Annotated[
    int,
    BeforeValidator(_parse_limited),
    WithJsonSchema({"type": "string", "pattern": f"^{_SIZE.pattern}$"}),
]
"""Bytes, at least 1."""

# --- names --------------------------------------------------------------------------------------------


def _shown(text: str) -> str:
    return repr(text) if len(text) <= 60 else "this"


def matching(pattern: str, form: str) -> AfterValidator:
    """A check that a whole string has a form, which the message then says."""
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if not compiled.fullmatch(text):
            raise ValueError(f"{_shown(text)} is not possible here: write {form}")
        return text

    return AfterValidator(check)


Id = Annotated[str, matching(r"[a-z0-9_-]{1,64}", "lower-case letters, digits, _ and - only")]
Word = Annotated[str, matching(r"[\x21-\x7e]{1,256}", "visible ASCII characters without spaces")]

_LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
HOST = re.compile(rf"{_LABEL}(\.{_LABEL})*|\[[0-9a-f:.]+\]")


def parse_host(text: object) -> str:
    """A host name as it is compared: lower case, no port. Accepts `name.example`, `192.0.2.1`, `[2001:db8::1]`."""
    if not isinstance(text, str) or not HOST.fullmatch(text.lower()) or len(text) > 253:
        raise ValueError(
            "is not a host name: write it like app.example.com, without scheme and path; Chinese names as xn--…"
        )
    return text.lower()


def parse_authority(text: object) -> str:
    """A host name, or one with a port."""
    match = re.fullmatch(r"(.*?)(:[1-9][0-9]{0,4})?", text) if isinstance(text, str) else None
    return parse_host(match[1] if match else text) + ((match[2] or "") if match else "")


def parse_host_pattern(text: object) -> str:
    """A host name, `*.suffix` or `*`."""
    if text == "*":
        return text
    if isinstance(text, str) and text.startswith("*."):
        return "*." + parse_host(text[2:])
    return parse_host(text)


Host = Annotated[str, BeforeValidator(parse_host), WithJsonSchema({"type": "string"})]
Authority = Annotated[str, BeforeValidator(parse_authority), WithJsonSchema({"type": "string"})]
HostPattern = Annotated[str, BeforeValidator(parse_host_pattern), WithJsonSchema({"type": "string"})]
Method = Annotated[str, matching(r"\*|[A-Z][A-Z-]{0,31}", 'a method in capitals, like "GET", or "*"')]


def parse_protocol(text: object) -> str:
    """A protocol to switch to, as it is compared: lower case. Never HTTP or TLS: they would pass the gateway by."""
    protocol = protocol_of(text.encode("ascii", "replace")) if isinstance(text, str) else None
    if protocol is None or protocol == b"*":
        raise ValueError('is no protocol to tunnel: write "websocket" or a name like "foo/1", never HTTP or TLS')
    return protocol.decode("ascii")


Protocol = Annotated[str, BeforeValidator(parse_protocol), WithJsonSchema({"type": "string"})]

# --- paths --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RoutePath:
    """A route's path without trailing slash (but "/"), and whether it means itself only."""

    path: str
    exact: bool


def _unambiguous(path: str) -> bool:
    """Whether every reader takes the path for the same."""
    try:
        return "?" not in path and parse_target(path.encode("ascii")).readings == (path,)
    except (GatewayError, UnicodeEncodeError):
        return False


def parse_route_path(text: object) -> RoutePath:
    """The path of "/prefix", "/prefix/" or "= /exact"; ValueError unless every reader agrees on it."""
    if not isinstance(text, str):
        raise ValueError('must be a string in quotes, like "/app"')
    exact = text.startswith("=")
    path = text[1:].strip() if exact else text
    if not _unambiguous(path):
        raise ValueError("is not a clean path: begin with /, and leave out //, . and .. segments, %, ; and spaces")
    return RoutePath(path if exact or path == "/" else path.rstrip("/"), exact)


def _no_pattern(text: object) -> RoutePath:
    if "*" in str(text):
        raise ValueError("is no pattern: leave the * out, for all below a path comes with it")
    return parse_route_path(text)


ParsedRoutePath = Annotated[RoutePath, BeforeValidator(_no_pattern), WithJsonSchema({"type": "string"})]


def _prefix(text: str) -> str:
    path = parse_route_path(text)
    if path.exact or path.path == "/" or path.path != text:
        raise ValueError('must be a path of its own without trailing slash, like "/app"')
    return text


Prefix = Annotated[str, AfterValidator(_prefix)]


def _resolved(text: object, info: ValidationInfo) -> Path:
    if not isinstance(text, str) or not text or "\0" in text:
        raise ValueError("must be a path in quotes")
    return context_of(info).base / text


FilePath = Annotated[Path, BeforeValidator(_resolved), WithJsonSchema({"type": "string"})]
"""A path; relative ones start at the folder of gateway.toml."""

# --- what a later version brings ----------------------------------------------------------------------


def only(*now: str, later: tuple[str, ...]) -> Any:
    """A choice of strings; those of a later version are refused with a word about it."""

    def check(value: object) -> object:
        if value in later:
            raise ValueError(f"{value!r} is not in this version, which has {_either(now)}")
        if value not in now:
            raise ValueError(f"must be {_either(now)}")
        return value

    return BeforeValidator(check)


def not_yet(what: str) -> BeforeValidator:
    """Refuses a key whose feature a later version brings."""

    def check(value: object) -> object:
        if value is not None:
            raise ValueError(f"this version has no {what}: leave it out")
        return value

    return BeforeValidator(check)


def _either(values: tuple[str, ...]) -> str:
    return " or ".join(repr(value) for value in values)
