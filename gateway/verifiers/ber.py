"""BER as LDAP uses it (RFC 4511 5.1): definite lengths, tags of one octet, primitive strings."""

from collections.abc import Iterator

INTEGER, BOOLEAN, OCTETS, ENUMERATED, SEQUENCE, SET = 0x02, 0x01, 0x04, 0x0A, 0x30, 0x31


def element(tag: int, *contents: bytes) -> bytes:
    """One element: tag, length, contents."""
    body = b"".join(contents)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8)
    return bytes((tag, 0x80 | len(length))) + length + body


def integer(value: int, tag: int = INTEGER) -> bytes:
    """A whole number that is not negative."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1))


def number(content: bytes) -> int:
    """The number of an INTEGER or ENUMERATED. ValueError unless it has 1 to 8 octets."""
    if not 1 <= len(content) <= 8:
        raise ValueError("a number of no length or too long")
    return int.from_bytes(content, signed=True)


def length_octets(first: int) -> int:
    """How many more octets of length follow the first one. ValueError for indefinite and huge ones."""
    if first < 0x80:
        return 0
    if not 0x81 <= first <= 0x84:
        raise ValueError("a length that LDAP does not have")
    return first - 0x80


def elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and contents of each element in a row. ValueError unless they fill `octets` exactly."""
    at = 0
    while at < len(octets):
        if len(octets) - at < 2 or octets[at] & 0x1F == 0x1F:
            raise ValueError("an element without length, or a long tag")
        tag, first = octets[at], octets[at + 1]
        more = length_octets(first)
        start = at + 2 + more
        length = int.from_bytes(octets[at + 2 : start]) if more else first
        at = start + length
        if at > len(octets):
            raise ValueError("an element that is longer than what holds it")
        yield tag, octets[start:at]
