"""The tables [request_headers] and [response_headers] of a policy: which fields are changed on the way."""

import re
from typing import Annotated, ClassVar

from pydantic import AfterValidator, field_validator

from gateway.core.edits import FieldEdits
from gateway.core.fields import FieldNames, Kind, fold, request_names, response_names

from .context import Section, key
from .names import folded

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]{0,63}")  # RFC 9110 5.6.2, as people write them
_VALUE = re.compile(r"[!-~](?:[ -~]{0,1022}[!-~])?")
_MANY = 50

# Of these the gateway knows what they mean, but not what a change of them would.
_NEVER_CHANGED = frozenset(
    ("cookie2", "set-cookie", "set-cookie2", "content-encoding", "content-range", "date", "via", "age")
)


def _check_value(value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise ValueError("must be 1 to 1024 visible ASCII characters, spaces only between them")
    return value


HeaderValue = Annotated[str, AfterValidator(_check_value)]


class _HeaderEdits(Section):
    """What both directions share."""

    _names: ClassVar[FieldNames]
    _allowed: ClassVar[tuple[Kind, ...]]

    set: dict[str, HeaderValue] = key(
        default={}, description="Fields with a value of yours, in place of any that came under their names."
    )
    remove: tuple[str, ...] = key(default=(), description="Fields that do not travel on, in any spelling.")

    @field_validator("set", "remove")
    @classmethod
    def _may_change(cls, names: dict[str, str] | tuple[str, ...]) -> dict[str, str] | tuple[str, ...]:
        for name in names:
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name[:70]!r} is not a header name: letters, digits and hyphens, like X-Env")
            plain = folded(name)
            if plain in _NEVER_CHANGED or cls._names[fold(name.encode())] not in cls._allowed:
                raise ValueError(f"{name!r} is the gateway's own business (framing, routing, cookies): leave it out")
        if len(names) > _MANY:
            raise ValueError(f"names more than {_MANY} headers")
        if len({folded(name) for name in names}) < len(names):
            raise ValueError("names one header in two spellings")
        return names

    @field_validator("remove")
    @classmethod
    def _once(cls, remove: tuple[str, ...], info: object) -> tuple[str, ...]:
        placed = {folded(name) for name in getattr(info, "data", {}).get("set", ())}
        if twice := [name for name in remove if folded(name) in placed]:
            raise ValueError(f"{twice[0]!r} stands under set too, which replaces what came: leave it out here")
        return remove

    def edits(self) -> FieldEdits | None:
        """The rule book's value."""
        return FieldEdits.of(self.set.items(), self.remove)


class RequestHeaders(_HeaderEdits):
    """Fields of a request that are changed on the way to the upstream."""

    _names = request_names(())
    _allowed = (Kind.KEEP,)

    @field_validator("set")
    @classmethod
    def _no_secret(cls, fields: dict[str, str]) -> dict[str, str]:
        if secret := [name for name in fields if folded(name) == "authorization"]:
            raise ValueError(f"{secret[0]!r} carries a secret, and policies hold none; it can be removed, not set")
        return fields


class ResponseHeaders(_HeaderEdits):
    """Fields of an upstream's response that are changed on the way to the client. Our own answers are not edited."""

    _names = response_names()
    _allowed = (Kind.KEEP, Kind.CACHE_CONTROL)
