"""Independent, slow and simple models of what the gateway does fast."""

import re


class Broken(Exception):
    """The body's framing is broken."""


def dechunked(data: bytes) -> tuple[bytes, bytes | None]:
    """The payload, and what follows the end of the body, None if it has not come. Raises Broken, strictly.

    RFC 9112 7.1 without bare LF, without space before a size. What has been read before a fault does not matter.
    """
    payload = b""
    while True:
        line, end, rest = data.partition(b"\r\n")
        if not end:
            _check_unfinished(line)
            return payload, None
        match = re.fullmatch(rb"([0-9A-Fa-f]{1,16})[ \t]*(;[\t -~\x80-\xff]*)?", line)
        if match is None or len(line) > 4096:
            raise Broken(line)
        size = int(match[1], 16)
        if size == 0:
            return payload, _after_trailers(rest)
        payload += rest[:size]
        if not b"\r\n".startswith(rest[size : size + 2]):
            raise Broken("no CRLF behind a chunk")
        if len(rest) < size + 2:
            return payload, None
        data = rest[size + 2 :]


def _after_trailers(data: bytes) -> bytes | None:
    while True:
        line, end, data = data.partition(b"\r\n")
        if not end:
            if b"\n" in line or b"\r" in line[:-1]:
                raise Broken(line)
            return None
        if not line:
            return data
        if not re.fullmatch(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t -~\x80-\xff]*", line):
            raise Broken(line)


def _check_unfinished(line: bytes) -> None:
    """Only what cannot become a size line any more is broken."""
    if b"\n" in line or b"\r" in line[:-1] or len(line) > 4096:
        raise Broken(line)
    if line and not re.fullmatch(rb"[0-9A-Fa-f]{1,16}([ \t;\r].*)?", line, re.DOTALL):
        raise Broken(line)
