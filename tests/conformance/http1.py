"""A strict reader of HTTP/1.1 requests as an upstream gets them: every liberty that was taken is a violation."""

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"/[!-\"$-~\x80-\xff]*")  # RFC 9112 3.2.1; a proxy that addresses an origin sends no other form
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._~!$&'()*+;=%-]*)(:[0-9]*)?")
_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})([ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass
class Request:
    """One request, or the beginning of one. `raw` is what it takes of the buffer; only a `complete` one has an end."""

    raw: bytes
    line: bytes = b""
    method: bytes = b""
    target: bytes = b""
    fields: list[tuple[str, str]] = field(default_factory=list)
    trailers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    violations: list[str] = field(default_factory=list)
    headed: bool = False  # the head is whole
    complete: bool = False

    def all(self, name: str) -> list[str]:
        """All values of that field."""
        return [value for key, value in self.fields if key.lower() == name]


def parse_all(buffer: bytes) -> list[Request]:
    """All requests in the buffer; the last one may be incomplete."""
    found = []
    while buffer:
        request = parse(buffer)
        found.append(request)
        if not request.complete:
            break
        buffer = buffer[len(request.raw) :]
    return found


def parse(buffer: bytes) -> Request:
    """The request at the start of a buffer that is not empty."""
    end = buffer.find(b"\r\n\r\n")
    head = buffer if end < 0 else buffer[:end]
    request = Request(buffer)
    _read_head(request, head)
    if end < 0:
        # without the end of the head only line ends can be judged
        request.violations = ["bare LF"] if re.search(rb"(?<!\r)\n", buffer) else []
        return request
    request.headed = True
    _check_host(request)
    rest = buffer[end + 4 :]
    taken = _read_body(request, rest)
    request.raw = buffer[: end + 4 + taken]
    return request


def _read_head(request: Request, head: bytes) -> None:
    if re.search(rb"(?<!\r)\n|\r(?!\n)", head):
        request.violations.append("bare CR or LF")
    request.line, *lines = head.split(b"\r\n")
    parts = request.line.split(b" ")
    if len(parts) != 3:
        request.violations.append(f"request line of {len(parts)} parts")
    request.method, request.target, version = [*parts, b"", b""][:3]
    if not _TOKEN.fullmatch(request.method):
        request.violations.append("method")
    if version != b"HTTP/1.1":
        request.violations.append("version")
    if not _TARGET.fullmatch(request.target) and (request.method, request.target) != (b"OPTIONS", b"*"):
        request.violations.append("target")
    for line in lines:
        if pair := _read_field(request, line):
            request.fields.append(pair)


def _read_field(request: Request, line: bytes) -> tuple[str, str] | None:
    name, colon, value = line.partition(b":")
    if not colon or not _TOKEN.fullmatch(name) or re.search(rb"[\0\r\n]", value):
        request.violations.append(f"field {line[:40]!r}")
        return None
    return name.decode(), value.strip(b" \t").decode("latin-1")


def _check_host(request: Request) -> None:
    hosts = request.all("host")
    if len(hosts) != 1:
        request.violations.append(f"{len(hosts)} Hosts")
    elif not _HOST.fullmatch(hosts[0]):
        request.violations.append("malformed Host")


def _read_body(request: Request, rest: bytes) -> int:
    """Read the body from what follows the head; the number of bytes that belong to it."""
    lengths, codings = request.all("content-length"), request.all("transfer-encoding")
    if len(lengths) + len(codings) > 1:
        request.violations.append("more than one framing field")
    if codings:
        if codings[0].lower() != "chunked":
            request.violations.append("Transfer-Encoding other than chunked")
        return _read_chunks(request, rest)
    if not lengths:
        request.complete = True
        return 0
    if not _LENGTH.fullmatch(lengths[0]):
        request.violations.append("Content-Length not a plain number")
        return len(rest)
    length = int(lengths[0])
    request.body = rest[:length]
    request.complete = len(request.body) == length
    return len(request.body)


def _read_chunks(request: Request, rest: bytes) -> int:
    position = 0
    while (line := _line(request, rest, position)) is not None:
        size_line = _SIZE_LINE.fullmatch(line)
        if size_line is None:
            request.violations.append(f"chunk size {line[:24]!r}")
            break
        position += len(line) + 2
        size = int(size_line[1], 16)
        if not size:
            return _read_trailers(request, rest, position)
        request.body += rest[position : position + size]
        position += size
        if not b"\r\n".startswith(rest[position : position + 2]):
            request.violations.append("chunk not ended by CRLF")
            break
        if len(rest) < position + 2:
            break
        position += 2
    return len(rest)


def _read_trailers(request: Request, rest: bytes, position: int) -> int:
    while (line := _line(request, rest, position)) is not None:
        position += len(line) + 2
        if not line:
            request.complete = True
            return position
        if pair := _read_field(request, line):
            request.trailers.append(pair)
    return len(rest)


def _line(request: Request, rest: bytes, position: int) -> bytes | None:
    """The line at `position` without its CRLF; None if it is not whole."""
    end = rest.find(b"\r\n", position)
    line = rest[position:] if end < 0 else rest[position:end]
    if re.search(rb"\n|\r(?!\Z)" if end < 0 else rb"[\r\n]", line):
        request.violations.append("bare CR or LF in the body's framing")
    return None if end < 0 else line
