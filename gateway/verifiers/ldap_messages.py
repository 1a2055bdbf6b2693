"""The LDAP messages (RFC 4511) that a password check needs: bind, search, StartTLS, unbind, and their answers."""

from dataclasses import dataclass, field

from gateway.core.ldap_filter import Compare, Extensible, Filter, Group, Present, Substrings, filled

from . import ber

BIND, BIND_ANSWER = 0x60, 0x61
UNBIND = 0x42
SEARCH, ENTRY, SEARCH_DONE, REFERENCE = 0x63, 0x64, 0x65, 0x73
EXTENDED, EXTENDED_ANSWER = 0x77, 0x78

START_TLS = b"1.3.6.1.4.1.1466.20037"  # RFC 4511 4.14.1
SCOPES = {"one": 1, "subtree": 2}
_GROUPS = {"&": 0xA0, "|": 0xA1, "!": 0xA2}
_COMPARISONS = {"=": 0xA3, ">=": 0xA5, "<=": 0xA6, "~=": 0xA8}


class LdapError(Exception):
    """The server did not answer as it should. The text holds nothing of a person."""


@dataclass(frozen=True, slots=True)
class Result:
    """How an operation ended. `diagnostic` may name a person."""

    code: int
    diagnostic: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry that was found; names of attributes in lower case."""

    dn: str = field(repr=False)
    attributes: dict[str, tuple[bytes, ...]] = field(repr=False)


def message(number: int, operation: bytes) -> bytes:
    """The envelope."""
    return ber.element(ber.SEQUENCE, ber.integer(number), operation)


def bind(name: str, password: str) -> bytes:
    """A simple bind, version 3."""
    name_octets = ber.element(ber.OCTETS, name.encode())
    return ber.element(BIND, ber.integer(3), name_octets, ber.element(0x80, password.encode()))


def start_tls() -> bytes:
    """The request for TLS."""
    return ber.element(EXTENDED, ber.element(0x80, START_TLS))


def unbind() -> bytes:
    """The good-bye, which is not answered."""
    return ber.element(UNBIND)


def search(base: str, scope: int, limit: int, seconds: int, filter_octets: bytes, attributes: list[str]) -> bytes:
    """A search for at most `limit` entries within `seconds`, aliases not followed."""
    return ber.element(
        SEARCH,
        ber.element(ber.OCTETS, base.encode()),
        ber.integer(scope, ber.ENUMERATED),
        ber.integer(0, ber.ENUMERATED),  # neverDerefAliases
        ber.integer(limit),
        ber.integer(seconds),
        ber.element(ber.BOOLEAN, b"\0"),
        filter_octets,
        ber.element(ber.SEQUENCE, *(ber.element(ber.OCTETS, name.encode()) for name in attributes)),
    )


def filter_octets(node: Filter, username: bytes) -> bytes:
    """The filter with the username in it, as octets of values."""
    match node:
        case Group(operator, filters):
            return ber.element(_GROUPS[operator], *(filter_octets(each, username) for each in filters))
        case Present(attribute):
            return ber.element(0x87, attribute.encode())
        case Compare(operator, attribute, value):
            name = ber.element(ber.OCTETS, attribute.encode())
            return ber.element(_COMPARISONS[operator], name, ber.element(ber.OCTETS, filled(value, username)))
        case Substrings(attribute, initial, middle, final):
            ends = [(0x80, initial), *((0x81, each) for each in middle), (0x82, final)]
            parts = [ber.element(tag, octets) for tag, value in ends if (octets := filled(value, username))]
            return ber.element(0xA4, ber.element(ber.OCTETS, attribute.encode()), ber.element(ber.SEQUENCE, *parts))
        case Extensible(attribute, dn, rule, value):
            return ber.element(
                0xA9,
                ber.element(0x81, rule.encode()) if rule else b"",
                ber.element(0x82, attribute.encode()) if attribute else b"",
                ber.element(0x83, filled(value, username)),
                ber.element(0x84, b"\xff") if dn else b"",
            )


def opened(content: bytes) -> tuple[int, int, bytes]:
    """Number, operation's tag and contents of an envelope's contents. ValueError for anything else."""
    parts = list(ber.elements(content))
    if len(parts) < 2 or parts[0][0] != ber.INTEGER:
        raise ValueError("no LDAP message")
    return ber.number(parts[0][1]), *parts[1]


def result(content: bytes) -> Result:
    """The result in an answer. ValueError for anything else."""
    parts = list(ber.elements(content))
    if [tag for tag, _ in parts[:3]] != [ber.ENUMERATED, ber.OCTETS, ber.OCTETS]:
        raise ValueError("no LDAP result")
    return Result(ber.number(parts[0][1]), parts[2][1].decode(errors="replace"))


def entry(content: bytes) -> Entry:
    """The entry in a search's answer. ValueError for anything else."""
    parts = list(ber.elements(content))
    if [tag for tag, _ in parts] != [ber.OCTETS, ber.SEQUENCE]:
        raise ValueError("no entry")
    attributes: dict[str, tuple[bytes, ...]] = {}
    for tag, attribute in ber.elements(parts[1][1]):
        pair = list(ber.elements(attribute))
        if tag != ber.SEQUENCE or [each for each, _ in pair] != [ber.OCTETS, ber.SET]:
            raise ValueError("no attribute")
        attributes[pair[0][1].decode().lower()] = tuple(value for _, value in ber.elements(pair[1][1]))
    return Entry(parts[0][1].decode(), attributes)
