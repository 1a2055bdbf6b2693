"""The client's side of the wire: one connection, its requests one after the other.

    IDLE ──first byte──▶ HEAD ──whole head──▶ BUSY ──finish──▶ IDLE, or QUEUED, or LINGER, or CLOSING

While BUSY the exchange owns the connection: body bytes go to it once it asks for them, and a pipelined
request waits in the buffer, behind a paused socket. No request begins while answers pile up unread.
"""

import asyncio
import contextlib
import logging
import re
import socket
import struct
from enum import Enum, auto
from typing import cast

from gateway.core.errors import GatewayError
from gateway.core.fields import FieldNames
from gateway.core.reasons import Reason

from .exchange import Door, Exchange
from .framing import BadFraming, BodyReader, Chunked, FixedLength, NoBody
from .limits import Limits
from .memo import HeadMemo
from .parser import check_unfinished, parse_request

log = logging.getLogger(__name__)

NEVER = float("inf")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


_NO_BODY = NoBody()


class _State(Enum):
    IDLE = auto()
    HEAD = auto()
    BUSY = auto()
    QUEUED = auto()  # as IDLE, but the next request has come, or the last answer is still unread
    LINGER = auto()  # answered; reading on, so that a reset cannot eat the answer
    CLOSING = auto()  # the last bytes of the answer are on their way
    LOST = auto()


_EMPTY_LINES = re.compile(rb"\A(?:\r\n)+")
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


class ClientConnection(asyncio.Protocol):
    """One client connection.

    `deadline` (loop time) is watched by a sweeper, which calls `expire`. `peer` is the client's address, or
    "unix:" for a Unix socket. `carried` counts requests.
    """

    __slots__ = (
        "_body",
        "_buffer",
        "_door",
        "_eof",
        "_exchange",
        "_limits",
        "_lingered",
        "_loop",
        "_memo",
        "_names",
        "_paused_by_exchange",
        "_paused_by_us",
        "_reading_body",
        "_searched",
        "_state",
        "_unsent",
        "_write_paused",
        "carried",
        "deadline",
        "draining",
        "notes",
        "peer",
        "transport",
    )

    def __init__(
        self,
        door: Door,
        names: FieldNames,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        memo: HeadMemo | None = None,
    ) -> None:
        self._memo = memo
        self._door = door
        self._names = names
        self._limits = limits
        self._loop = loop
        self._state = _State.IDLE
        self._buffer = b""
        self._searched = 0
        self._exchange: Exchange | None = None
        self._body: BodyReader = NoBody()
        self._reading_body = False
        self._paused_by_us = False
        self._paused_by_exchange = False
        self._eof = False
        self._write_paused = False
        self._lingered = 0
        self._unsent = 0
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.peer = ""
        self.notes: object = None  # what the door remembers of this connection
        self.carried = 0
        self.draining = False
        self.deadline = NEVER

    # --- asyncio.Protocol ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greeted by the door, or turned away."""
        self.transport = cast(asyncio.Transport, transport)
        peername = transport.get_extra_info("peername")
        self.peer = peername[0] if isinstance(peername, tuple) else "unix:"
        self.deadline = self._loop.time() + self._limits.idle_timeout
        if not self._door.greet(self):
            self.transport.write(self._door.refusal(self, GatewayError(503, Reason.OVERLOADED)))
            self._close()

    def data_received(self, data: bytes) -> None:
        """Bytes, by state."""
        if self._state is _State.BUSY or self._state is _State.QUEUED:
            self._while_busy(data)
        elif self._state is _State.LINGER:
            self._lingered += len(data)
            if self._lingered > self._limits.linger_bytes:
                self.transport.pause_reading()
        elif self._state is _State.IDLE or self._state is _State.HEAD:
            self._buffer = self._buffer + data if self._buffer else data
            self._next_request()

    def eof_received(self) -> bool:
        """The client will send nothing more: it may still want its answers (half close)."""
        self._eof = True
        if self._state is _State.BUSY:
            if self._reading_body and not self._body.done:
                self.abort()
            return True
        return self._state is _State.QUEUED

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._write_paused = True
        if self._exchange is not None:
            self._exchange.client_paused()
        elif self._state is _State.IDLE:
            self._state = _State.QUEUED
        elif self._state is _State.HEAD:
            self._paused_by_us = True
            self._apply_pause()

    def resume_writing(self) -> None:
        """It caught up."""
        self._write_paused = False
        if self._exchange is not None:
            self._exchange.client_resumed()
        else:
            self._next_pipelined()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone. Break the cycles, so that the collector has nothing to do."""
        exchange, self._exchange = self._exchange, None
        self._state = _State.LOST
        self.deadline = NEVER
        self._buffer = b""
        try:
            if exchange is not None:
                exchange.client_lost()
        finally:
            self._door.farewell(self)

    # --- for the exchange ---------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Bytes of the answer."""
        self.transport.write(data)

    def read_body(self) -> None:
        """Ask for the request's body. Its bytes arrive through `Exchange.request_data`."""
        self._reading_body = True
        held, self._buffer = self._buffer, b""
        if self._paused_by_us:
            self._paused_by_us = False
            self._apply_pause()
        if held:
            self._body_data(held)
        if self._eof and self._exchange is not None and not self._body.done:
            self.abort()  # the rest will never come

    def pause_body(self) -> None:
        """The upstream reads too slowly: stop reading the client."""
        self._paused_by_exchange = True
        self._apply_pause()

    def resume_body(self) -> None:
        """The upstream caught up."""
        self._paused_by_exchange = False
        self._apply_pause()

    def finish(self, keep_alive: bool) -> None:
        """The answer has been written whole. Next request, or a close that does not cut the answer off."""
        self._exchange = None
        self.carried += 1
        paused, self._paused_by_exchange = self._paused_by_exchange, False
        if self.transport.is_closing():
            return
        if keep_alive and self._body.done and not self.draining:
            self._reading_body = False
            self.deadline = self._loop.time() + self._limits.idle_timeout
            if self._buffer or self._write_paused:
                self._state = _State.QUEUED
                if not self._write_paused:
                    self._loop.call_soon(self._next_pipelined)
            elif self._eof:
                self._close()
            else:
                self._state = _State.IDLE
            if paused:
                self._apply_pause()
        elif self._eof or (self._body.done and not self._buffer):
            self._close()
        else:
            self._linger()

    def abort(self) -> None:
        """Cut the connection by a reset: an answer that ends with the connection must not look whole."""
        if self._state is _State.LOST:
            return  # the descriptor may be another's by now
        tcp = self.transport.get_extra_info("socket")
        if tcp is not None:
            with contextlib.suppress(OSError):
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    # --- for the sweeper ----------------------------------------------------------------------------

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = NEVER
        try:
            if self._exchange is not None:
                self._exchange.expired()
            elif self._state is _State.HEAD:
                self._refuse(GatewayError(408, Reason.REQUEST_TIMEOUT))
            elif self._state is _State.IDLE or self._state is _State.QUEUED:
                self._close()
            else:
                self._give_up()
        except Exception:
            log.exception("a deadline's answer failed")
            self.abort()

    def drain(self) -> None:
        """Close as soon as no request is under way."""
        self.draining = True
        if self._state is _State.IDLE:
            self._close()

    # --- inside -------------------------------------------------------------------------------------

    def _next_pipelined(self) -> None:
        """The turn of what waited: for the end of the last answer, or for the client to read it."""
        if self._write_paused or self.transport.is_closing():
            return
        try:
            if self._state is _State.QUEUED:
                self._state = _State.IDLE
                if self._buffer:
                    self._next_request()
                elif self._eof:
                    self._close()
            if self._paused_by_us and len(self._buffer) <= self._limits.head:
                self._paused_by_us = False
                self._apply_pause()
        except Exception:
            log.exception("a pipelined request failed")
            self.abort()

    def _next_request(self) -> None:
        """Parse a head at the start of the buffer, if it is whole."""
        buffer = self._buffer
        if self._state is _State.IDLE and buffer[0] == 13:  # RFC 9112 2.2: empty lines, from old clients
            buffer = self._buffer = _EMPTY_LINES.sub(b"", buffer)
            if buffer in (b"", b"\r"):
                if self._eof:
                    self._close()
                return
        end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0 or end + 4 > self._limits.head:
            self._unfinished_head(buffer)
            return
        self._buffer = buffer[end + 4 :]
        self._searched = 0
        head = self._memo.find(buffer, end) if self._memo is not None else None
        if head is None:
            try:
                head = parse_request(
                    buffer[: end + 4], self._names, target_limit=self._limits.target, fields_limit=self._limits.fields
                )
            except GatewayError as error:
                self._refuse(error)
                return
            if self._memo is not None:
                self._memo.keep(buffer, end, head)
        self._body = Chunked() if head.chunked else FixedLength(head.length) if head.length else _NO_BODY
        self._reading_body = False
        self._state = _State.BUSY
        self.deadline = NEVER
        exchange = self._exchange = self._door.exchange(self, head)
        exchange.start()

    def _unfinished_head(self, buffer: bytes) -> None:
        """Wait for the rest, unless what is here can no longer become a valid head."""
        if self._eof:
            self._close()
            return
        try:
            check_unfinished(buffer, self._searched, self._limits)
        except GatewayError as error:
            self._refuse(error)
            return
        self._searched = len(buffer)
        if self._state is _State.IDLE:
            self._state = _State.HEAD
            self.deadline = self._loop.time() + self._limits.head_timeout

    def _while_busy(self, data: bytes) -> None:
        if self._reading_body and not self._body.done:
            self._body_data(data)
            return
        self._buffer += data
        if len(self._buffer) > self._limits.head and not self._paused_by_us:
            self._paused_by_us = True
            self._apply_pause()

    def _body_data(self, data: bytes) -> None:
        exchange = self._exchange
        assert exchange is not None
        try:
            payload, self._buffer = self._body.feed(data)
        except BadFraming as error:  # the body is never done now: whatever follows is read away, never parsed
            exchange.request_broken(GatewayError(400, Reason.BAD_REQUEST, str(error)))
            return
        if payload:
            exchange.request_data(payload)
        if self._body.done and self._exchange is exchange:
            exchange.request_end()

    def _refuse(self, error: GatewayError) -> None:
        """Answer a head that is not one, and close without letting a reset eat the answer."""
        self.transport.write(self._door.refusal(self, error))
        self._linger()

    def _close(self) -> None:
        """Close behind what is still to be sent."""
        self._state = _State.CLOSING
        self._buffer = b""
        self._watch_flush()
        self.transport.close()

    def _linger(self) -> None:
        """RFC 9112 9.6: half-close, and read on for a while."""
        if self._eof or not self.transport.can_write_eof():
            self._close()
            return
        self._state = _State.LINGER
        self._buffer = b""
        self._watch_flush()
        self._paused_by_us = self._paused_by_exchange = False
        self._apply_pause()
        self.transport.write_eof()

    def _watch_flush(self) -> None:
        self._unsent = self.transport.get_write_buffer_size()
        patience = self._limits.body_timeout if self._unsent else self._limits.linger_timeout
        self.deadline = self._loop.time() + patience

    def _give_up(self) -> None:
        """The end of LINGER or CLOSING, unless the client still reads what is left of its answer."""
        unsent = self.transport.get_write_buffer_size()
        if unsent < self._unsent:
            self._watch_flush()
        elif unsent:
            self.abort()
        else:
            self.transport.abort()

    def _apply_pause(self) -> None:
        if self._eof or self.transport.is_closing():
            return
        if self._paused_by_us or self._paused_by_exchange:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
