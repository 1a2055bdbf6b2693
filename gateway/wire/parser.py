"""Heads from bytes: llhttp validates, and what it tolerates but others read differently is refused here."""

import re

import httptools

from gateway.core.errors import GatewayError
from gateway.core.fields import FieldNames
from gateway.core.head import RequestHead, ResponseHead, bad_request
from gateway.core.reasons import Reason

from .limits import Limits

_FAMILIAR = frozenset((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH"))
_REQUEST_LINE = re.compile(rb"([A-Z][A-Z-]{0,31}) ([\x21-\x7e]+) HTTP/([0-9])\.([0-9])")
_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*)?")


class _Witness:
    """All that llhttp need tell of a head: that it was one. The lines are read by FieldLines, which remembers them."""

    __slots__ = ("complete",)

    def __init__(self) -> None:
        self.complete = False

    def on_headers_complete(self) -> None:
        self.complete = True


def parse_request(head: bytes, names: FieldNames, *, target_limit: int, fields_limit: int) -> RequestHead:
    """A whole request head, its empty line included. Raises GatewayError for what is not strict HTTP/1.x."""
    lines = head[:-4].split(b"\r\n")
    line = _REQUEST_LINE.fullmatch(lines.pop(0))
    if line is None:
        raise _explain(head, target_limit)
    if line[3] != b"1" or line[4] not in b"01":
        raise GatewayError(505, Reason.VERSION_NOT_SUPPORTED)
    if len(line[2]) > target_limit:
        raise GatewayError(414, Reason.TARGET_TOO_LONG)
    if line[1] in (b"CONNECT", b"TRACE", b"TRACK"):
        raise GatewayError(405, Reason.METHOD_NOT_ALLOWED, "a method that no origin server offers")
    if len(lines) > fields_limit:
        raise GatewayError(431, Reason.HEAD_TOO_LARGE, "too many fields")
    # llhttp has a list of methods, some for other protocols. HTTP has none (RFC 9110 9.1), and the line is checked.
    familiar = head if line[1] in _FAMILIAR else b"POST" + head[len(line[1]) :]
    witness = _Witness()
    try:
        httptools.HttpRequestParser(witness).feed_data(familiar)
    except httptools.HttpParserUpgrade:
        pass  # the head is complete; whether to tunnel is not the parser's decision
    except httptools.HttpParserError as error:
        raise bad_request(str(error)) from error
    if not witness.complete:
        raise bad_request("llhttp read another head")
    try:
        return RequestHead(line[1], line[2], line[4] == b"1", lines, names)
    except ValueError as error:
        raise bad_request(str(error)) from error


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
    lines = head[:-4].split(b"\r\n")
    line = _STATUS_LINE.fullmatch(lines.pop(0))
    if line is None:
        raise ValueError("malformed status line")
    if len(lines) > fields_limit:
        raise ValueError("too many fields")
    witness = _Witness()
    try:
        httptools.HttpResponseParser(witness).feed_data(head)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError as error:
        raise ValueError(str(error)) from error
    if not witness.complete:
        raise ValueError("llhttp read another head")
    return ResponseHead(int(line[2]), line[1] == b"1", lines, names)


def _explain(head: bytes, target_limit: int) -> GatewayError:
    """Why a request line does not match."""
    first, _, _ = head.partition(b"\r\n")
    if len(first) > target_limit:
        return GatewayError(414, Reason.TARGET_TOO_LONG)
    if re.search(rb" HTTP/[0-9.]+$", first) and not re.search(rb" HTTP/1\.[01]$", first):
        return GatewayError(505, Reason.VERSION_NOT_SUPPORTED)
    return bad_request("malformed request line")
