"""LDAP search filters as text (RFC 4515), read once; the username is filled in as a value, so it cannot be syntax."""

import re
from collections.abc import Callable
from dataclasses import dataclass

PLACEHOLDER = "{username}"
MAX_DEPTH = 20

Value = tuple[bytes, ...]
"""The octets around each place of the username; `filled` joins them."""


@dataclass(frozen=True, slots=True)
class Group:
    """`&`, `|` or `!` of other filters; `!` of exactly one."""

    operator: str
    filters: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Present:
    """`(attribute=*)`."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Compare:
    """`operator` is `=`, `>=`, `<=` or `~=`."""

    operator: str
    attribute: str
    value: Value


@dataclass(frozen=True, slots=True)
class Substrings:
    """`(attribute=initial*any*final)`; `initial` and `final` may be empty."""

    attribute: str
    initial: Value
    middle: tuple[Value, ...]
    final: Value


@dataclass(frozen=True, slots=True)
class Extensible:
    """`(attribute:dn:rule:=value)`: Active Directory's bits and nested groups are asked so."""

    attribute: str
    dn: bool
    rule: str
    value: Value


Filter = Group | Present | Compare | Substrings | Extensible

_NAME = r"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*)"
ATTRIBUTE = re.compile(rf"{_NAME}(?:;[A-Za-z0-9-]+)*")
_ITEM = re.compile(rf"({ATTRIBUTE.pattern})([~<>]?=)([^()]*)")
_EXTENSIBLE = re.compile(rf"({ATTRIBUTE.pattern})?(:dn)?(?::({_NAME}))?:=([^()]*)")
_ESCAPED = re.compile(r"\\([0-9A-Fa-f]{2})|([^\\*\0]+)")


def filled(value: Value, username: bytes) -> bytes:
    """The octets that are compared with."""
    return username.join(value)


def parse_filter(text: str) -> Filter:
    """The filter of a text like `(&(uid={username})(!(locked=TRUE)))`. ValueError if it is none or names no user."""
    cursor = _Cursor(text)
    found = cursor.filter(MAX_DEPTH)
    if cursor.at != len(text):
        raise ValueError(f"goes on behind its last parenthesis, at character {cursor.at + 1}")
    if not cursor.names_user:
        raise ValueError(f"does not contain {PLACEHOLDER}, so it would find the same entry for everybody")
    return found


class _Cursor:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.names_user = False

    def filter(self, depth: int) -> Filter:
        if depth == 0:
            raise ValueError(f"is nested more than {MAX_DEPTH} deep")
        self._expect("(")
        operator = self.text[self.at : self.at + 1]
        found: Filter
        if operator and operator in "&|!":
            self.at += 1
            filters = [self.filter(depth - 1)]
            while operator != "!" and self.text.startswith("(", self.at):
                filters.append(self.filter(depth - 1))
            found = Group(operator, tuple(filters))
        else:
            found = self._item()
        self._expect(")")
        return found

    def _expect(self, character: str) -> None:
        if not self.text.startswith(character, self.at):
            raise ValueError(f"needs a {character} at character {self.at + 1}, like (uid={PLACEHOLDER})")
        self.at += 1

    def _item(self) -> Filter:
        if match := _ITEM.match(self.text, self.at):
            self.at = match.end()
            attribute, operator, value = match.groups()
            if operator == "=" and "*" in value:
                return self._pattern(attribute, value.split("*"))
            return Compare(operator, attribute, self._value(value))
        match = _EXTENSIBLE.match(self.text, self.at)
        if not match or not (match[1] or match[3]):
            raise ValueError(f"has no comparison like uid={PLACEHOLDER} at character {self.at + 1}")
        self.at = match.end()
        return Extensible(match[1] or "", match[2] is not None, match[3] or "", self._value(match[4]))

    def _pattern(self, attribute: str, parts: list[str]) -> Filter:
        initial, *middle, final = map(self._value, parts)
        if all(part == "" for part in parts) and len(parts) == 2:
            return Present(attribute)
        if any(part == "" for part in parts[1:-1]):
            raise ValueError("has two * side by side")
        return Substrings(attribute, initial, tuple(middle), final)

    def _value(self, text: str) -> Value:
        parts = text.split(PLACEHOLDER)
        self.names_user |= len(parts) > 1
        return tuple(map(_unescaped, parts))


def _unescaped(text: str) -> bytes:
    octets: list[bytes] = []
    at = 0
    while at < len(text):
        match = _ESCAPED.match(text, at)
        if not match:
            raise ValueError(r"has a value with a character that is written as \2a (*), \28, \29 (parentheses) or \5c")
        octets.append(bytes.fromhex(match[1]) if match[1] else match[2].encode())
        at = match.end()
    return b"".join(octets)


_SPECIAL = re.compile(r'[\\,+"<>;=]|^[ #]| $|[\x00-\x1f\x7f]')


def escaped_dn(value: str) -> str:
    """`value` as it stands in a distinguished name (RFC 4514 2.4)."""
    escape: Callable[[re.Match[str]], str] = lambda match: f"\\{ord(match[0]):02x}"  # noqa: E731
    return _SPECIAL.sub(escape, value)
