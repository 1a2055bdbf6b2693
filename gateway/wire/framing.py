"""Where a body ends: readers that take bytes and give payload, one per framing of RFC 9112 section 6.

llhttp reads heads only: it cannot stop between two pipelined messages, and a proxy must.
"""

import re
from typing import Protocol

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")
_LINE_LIMIT = 4096  # a chunk-size line with its extensions
_TRAILERS_LIMIT = 8192  # all trailer fields; they are dropped
_DEGENERATE = 1 << 18  # bytes of framing that a body may cost beyond ten for each of its payload


class BadFraming(ValueError):
    """The body's framing is broken; the connection cannot be trusted any further."""


class BodyReader(Protocol):
    """Reads one body. `done` is true once its last byte has been taken."""

    done: bool

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """Take `data`; give (payload, what lies behind the body's end). Raises BadFraming."""


class NoBody:
    """Nothing follows the head."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = True

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """All of it lies behind."""
        return b"", data


class FixedLength:
    """Exactly `length` bytes (Content-Length)."""

    __slots__ = ("_left", "done")

    def __init__(self, length: int) -> None:
        self._left = length
        self.done = length == 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """As BodyReader.feed."""
        size = len(data)
        if size < self._left:
            self._left -= size
            return data, b""
        payload, rest = (data, b"") if size == self._left else (data[: self._left], data[self._left :])
        self._left = 0
        self.done = True
        return payload, rest


class UntilClose:
    """A response without a length: its end is the connection's (RFC 9112 6.3 rule 8)."""

    __slots__ = ("done",)

    def __init__(self) -> None:
        self.done = False

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """As BodyReader.feed."""
        return data, b""


class Chunked:
    """The chunked coding, strictly: CRLF only, no signs or spaces before a size, extensions and trailers dropped."""

    __slots__ = ("_buffer", "_in_trailers", "_left", "_overhead", "_payload", "_trailers", "done")

    def __init__(self) -> None:
        self.done = False
        self._buffer = b""  # an unfinished line
        self._left = 0  # payload bytes of the chunk at hand, plus its CRLF (2) once begun
        self._in_trailers = False
        self._trailers = 0
        self._overhead = 0
        self._payload = 0

    def feed(self, data: bytes) -> tuple[bytes, bytes]:
        """As BodyReader.feed."""
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        pieces: list[bytes] = []
        position = 0
        size = len(data)
        while position < size:
            if self._left > 2:
                piece = data[position : position + self._left - 2]
                pieces.append(piece)
                position += len(piece)
                self._left -= len(piece)
                self._payload += len(piece)
            elif self._left:
                wanted = b"\r\n"[2 - self._left :]
                if not wanted.startswith(data[position : position + self._left]):
                    raise BadFraming("chunk data does not end in CRLF")
                taken = min(self._left, size - position)
                position += taken
                self._left -= taken
            else:
                end = data.find(b"\r\n", position)
                line = data[position:end] if end >= 0 else data[position:]
                if len(line) > _LINE_LIMIT or b"\n" in line or b"\r" in line[:-1]:
                    raise BadFraming("a chunk line too long or with a bare line end")
                if end < 0:
                    self._check_start(line)
                    self._buffer = line
                    break
                position = end + 2
                self._line(line)
                if self.done:
                    break
        return b"".join(pieces), data[position:] if self.done else b""

    def _line(self, line: bytes) -> None:
        if self._in_trailers:
            self._trailer(line)
            return
        match = _SIZE_LINE.fullmatch(line)
        if match is None:
            raise BadFraming("malformed chunk size")
        self._overhead += len(line) + 4
        if self._overhead > _DEGENERATE + 10 * self._payload:
            raise BadFraming("more framing than payload")
        length = int(match[1], 16)
        if length:
            self._left = length + 2
        else:
            self._in_trailers = True

    def _trailer(self, line: bytes) -> None:
        self._trailers += len(line) + 2
        if not line:
            self.done = True
        elif self._trailers > _TRAILERS_LIMIT or not _TRAILER.fullmatch(line):
            raise BadFraming("malformed trailers, or too many")

    def _check_start(self, line: bytes) -> None:
        """Refuse nonsense before its line is whole, so that nobody waits for it."""
        if not self._in_trailers and line and not re.match(rb"[0-9A-Fa-f]{1,16}(?:[ \t;\r]|$)", line):
            raise BadFraming("malformed chunk size")


def chunk(payload: bytes) -> bytes:
    """`payload` (not empty: an empty chunk would end the body) as one chunk."""
    return b"%x\r\n%b\r\n" % (len(payload), payload)


LAST_CHUNK = b"0\r\n\r\n"
