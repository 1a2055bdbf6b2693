"""Heads from bytes: llhttp validates, and what it tolerates but others read differently is refused here."""

import re

import httptools

from gateway.core.errors import GatewayError
from gateway.core.fields import FieldNames
from gateway.core.head import RequestHead, ResponseHead, bad_request
from gateway.core.reasons import Reason

from .limits import Limits

_REQUEST_LINE = re.compile(rb"([A-Z][A-Z-]{0,31}) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])\r\n")
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}( [\t\x20-\x7e\x80-\xff]*)?\r\n")


class _Collector:
    """llhttp's callbacks for one head."""

    __slots__ = ("complete", "fields", "url")

    def __init__(self) -> None:
        self.fields: list[tuple[bytes, bytes]] = []
        self.url = b""
        self.complete = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.fields.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True


def parse_request(head: bytes, names: FieldNames, *, target_limit: int, fields_limit: int) -> RequestHead:
    """A whole request head, its empty line included. Raises GatewayError for what is not strict HTTP/1.x."""
    line = _REQUEST_LINE.match(head)
    if line is None:
        raise _explain(head, target_limit)
    if line[3] != b"1" or line[4] not in b"01":
        raise GatewayError(505, Reason.VERSION_NOT_SUPPORTED)
    if len(line[2]) > target_limit:
        raise GatewayError(414, Reason.TARGET_TOO_LONG)
    if line[1] in (b"CONNECT", b"TRACE", b"TRACK"):
        raise GatewayError(405, Reason.METHOD_NOT_ALLOWED, "a method that no origin server offers")
    _no_bare_line_ends(head)
    collector = _Collector()
    try:
        httptools.HttpRequestParser(collector).feed_data(head)
    except httptools.HttpParserUpgrade:
        pass  # the head is complete; whether to tunnel is not the parser's decision
    except httptools.HttpParserInvalidMethodError as error:
        raise GatewayError(501, Reason.METHOD_UNKNOWN) from error
    except httptools.HttpParserError as error:
        raise bad_request(str(error)) from error
    if not collector.complete or collector.url != line[2]:
        raise bad_request("llhttp read another head")
    if len(collector.fields) > fields_limit:
        raise GatewayError(431, Reason.HEAD_TOO_LARGE, "too many fields")
    return RequestHead(line[1], line[2], line[4] == b"1", collector.fields, names)


def check_unfinished(buffer: bytes, checked: int, limits: Limits) -> None:
    """Raise GatewayError if `buffer` can no longer become a valid request head. `checked`: as much passed before."""
    if len(buffer) > limits.target + 64 and b"\r\n" not in buffer:
        raise GatewayError(414, Reason.TARGET_TOO_LONG)
    if len(buffer) >= limits.head:
        raise GatewayError(431, Reason.HEAD_TOO_LARGE)
    if not 65 <= buffer[0] <= 90:
        raise bad_request("does not begin like a request")
    if buffer.count(b"\n", checked) != buffer.count(b"\r\n", max(0, checked - 1)):
        raise bad_request("a line ends in a bare LF")


def parse_response(head: bytes, names: FieldNames, *, fields_limit: int) -> ResponseHead:
    """A whole response head, its empty line included. Raises ValueError for what is not strict HTTP/1.x."""
    if _STATUS_LINE.match(head) is None:
        raise ValueError("malformed status line")
    _no_bare_line_ends(head)
    collector = _Collector()
    parser = httptools.HttpResponseParser(collector)
    try:
        parser.feed_data(head)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise ValueError(str(error)) from error
    if not collector.complete or len(collector.fields) > fields_limit:
        raise ValueError("an incomplete head, or too many fields")
    return ResponseHead(parser.get_status_code(), head[7:8] == b"1", collector.fields, names)


def _no_bare_line_ends(head: bytes) -> None:
    """Every CR and LF is half of a CRLF, no line is folded (RFC 9112 2.2, 5.2), no name is odd."""
    ends = head.count(b"\r\n")
    if head.count(b"\n") != ends or head.count(b"\r") != ends or b"\n " in head or b"\n\t" in head or b"\0" in head:
        raise bad_request("bare CR or LF, NUL or a folded line")


def _explain(head: bytes, target_limit: int) -> GatewayError:
    """Why a request line does not match."""
    first, _, _ = head.partition(b"\r\n")
    if len(first) > target_limit:
        return GatewayError(414, Reason.TARGET_TOO_LONG)
    if re.search(rb" HTTP/[0-9.]+$", first) and not re.search(rb" HTTP/1\.[01]$", first):
        return GatewayError(505, Reason.VERSION_NOT_SUPPORTED)
    return bad_request("malformed request line")
