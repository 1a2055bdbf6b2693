"""The client's side of the wire: one connection, its requests one after the other.

    IDLE ──first byte──▶ HEAD ──whole head──▶ BUSY ──finish──▶ IDLE, or QUEUED, or ENDING

While BUSY the exchange owns the connection: body bytes go to it once it asks for them, and a pipelined
request waits in the buffer, behind a paused socket. No request begins while answers pile up unread.
A tunnel is a body that only the connection's end ends: nothing behind it is ever parsed.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, cast

from gateway.core.errors import GatewayError
from gateway.core.fields import FieldNames
from gateway.core.reasons import Reason

from .ending import Ending, reset
from .exchange import Door, Exchange
from .framing import BadFraming, BodyReader, Chunked, FixedLength, NoBody, UntilClose
from .limits import Limits
from .memo import HeadMemo
from .parser import check_unfinished, parse_request

log = logging.getLogger(__name__)

NEVER = float("inf")
LAST_CALL = 1.0  # seconds: while draining, a request that was on its way to an idle connection is still answered
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


_NO_BODY = NoBody()


class _State(Enum):
    IDLE = auto()
    HEAD = auto()
    BUSY = auto()
    QUEUED = auto()  # as IDLE, but the next request has come, or the last answer is still unread
    ENDING = auto()  # answered for the last time
    LOST = auto()


_EMPTY_LINES = re.compile(rb"\A(?:\r\n)+")


# An Enum's members are slow to look up: 0.1 µs each.
_IDLE, _HEAD, _BUSY, _QUEUED, _ENDING, _LOST = _State

Shortcut = Callable[["ClientConnection", bytes], bool]


class ClientConnection(asyncio.Protocol):
    """One client connection.

    `shortcut` (the fast path) is offered what is read while idle; True: it has begun an exchange. `lane` is its own.

    `deadline` (loop time) is watched by a sweeper, which calls `expire`. `peer` is the client's address, or
    "unix:" for a Unix socket. `carried` counts requests.
    """

    __slots__ = (
        "_body",
        "_buffer",
        "_door",
        "_ending",
        "_eof",
        "_exchange",
        "_limits",
        "_loop",
        "_memo",
        "_names",
        "_paused_by_exchange",
        "_paused_by_us",
        "_reading_body",
        "_searched",
        "_shortcut",
        "_state",
        "_write_paused",
        "carried",
        "deadline",
        "draining",
        "lane",
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
        shortcut: Shortcut | None = None,
    ) -> None:
        self._memo = memo
        self._shortcut = shortcut
        self._door = door
        self._names = names
        self._limits = limits
        self._loop = loop
        self._state = _IDLE
        self._buffer = b""
        self._searched = 0
        self._exchange: Exchange | None = None
        self._body: BodyReader = NoBody()
        self._reading_body = False
        self._paused_by_us = False
        self._paused_by_exchange = False
        self._eof = False
        self._write_paused = False
        self._ending: Ending | None = None
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.peer = ""
        self.notes: object = None  # what the door remembers of this connection
        self.lane: Any = None
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
        state = self._state
        if state is _IDLE and not self._buffer:
            if self._shortcut is None or not self._shortcut(self, data):
                self._buffer = data
                self._next_request()
        elif state is _BUSY or state is _QUEUED:
            self._while_busy(data)
        elif self._ending is not None:
            self._ending.data_received(len(data))
        else:
            self._buffer = self._buffer + data if self._buffer else data
            self._next_request()

    def eof_received(self) -> bool:
        """The client will send nothing more: it may still want its answers (half close)."""
        self._eof = True
        half = self.transport.can_write_eof()  # TLS has no half close: what is under way ends with it
        if self._state is _BUSY:
            if self._reading_body and not self._body.done:
                self._body_broke_off()
            return half
        return half and self._state is _QUEUED

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._write_paused = True
        if self._exchange is not None:
            self._exchange.client_paused()
        elif self._state is _IDLE:
            self._state = _QUEUED
        elif self._state is _HEAD:
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
        self._state = _LOST
        self.deadline = NEVER
        self._buffer = b""
        try:
            if exchange is not None:
                exchange.client_lost()
        finally:
            self._door.farewell(self)

    # --- for the shortcut ---------------------------------------------------------------------------

    def begin(self, exchange: Exchange, deadline: float) -> None:
        """A request without a body is under way, without having been parsed."""
        self._body = _NO_BODY
        self._reading_body = False
        self._state = _BUSY
        self._exchange = exchange
        self.deadline = deadline

    @property
    def hesitant(self) -> bool:
        """Whether an answer must not simply be written and the next request awaited."""
        return self.draining or self._write_paused or self.transport.is_closing()

    def hand_over(self, exchange: Exchange) -> None:
        """Another exchange goes on where the present one stopped."""
        if self._exchange is not None:
            self._exchange = exchange

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
            self._body_broke_off()  # the rest will never come

    def open_tunnel(self) -> None:
        """After a 101: from now on, and with what was held back, all bytes are the exchange's as they come.

        The client's half-close is `Exchange.request_end`; `finish` ends the connection.
        """
        self._body = UntilClose()
        self.read_body()

    def half_close(self) -> None:
        """Nothing more follows to the client, who may still send."""
        if not self.transport.is_closing():
            self.transport.write_eof()

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
        if keep_alive and self._body.done:
            self._reading_body = False
            self.deadline = self._loop.time() + (LAST_CALL if self.draining else self._limits.idle_timeout)
            if self._buffer or self._write_paused:
                self._state = _QUEUED
                if not self._write_paused:
                    self._loop.call_soon(self._next_pipelined)
            elif self._eof:
                self._close()
            else:
                self._state = _IDLE
            if paused:
                self._apply_pause()
        elif self._eof or (self._body.done and not self._buffer):
            self._close()
        else:
            self._linger()

    def abort(self) -> None:
        """Cut the connection by a reset: an answer that ends with the connection must not look whole."""
        if self._state is not _LOST:  # then the descriptor may be another's
            reset(self.transport)

    @property
    def exchange(self) -> Exchange | None:
        """The one that is under way."""
        return self._exchange

    # --- for the sweeper ----------------------------------------------------------------------------

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = NEVER
        try:
            if self._exchange is not None:
                self._exchange.expired()
            elif self._state is _HEAD:
                self._refuse(GatewayError(408, Reason.REQUEST_TIMEOUT))
            elif self._state is _IDLE or self._state is _QUEUED:
                self._close()
            elif self._ending is not None and (patience := self._ending.expired()) is not None:
                self.deadline = self._loop.time() + patience
        except Exception:
            log.exception("a deadline's answer failed")
            self.abort()

    def drain(self) -> None:
        """End with the next answer; without a request, soon."""
        self.draining = True
        if self._state is _IDLE:
            self.deadline = self._loop.time() + LAST_CALL

    # --- for a new configuration --------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether a request is under way: the one after the first `carried`."""
        return self._exchange is not None

    def move(
        self, door: Door, names: FieldNames, limits: Limits, memo: HeadMemo | None, shortcut: Shortcut | None
    ) -> None:
        """The next request goes through another door. The one under way knows its own."""
        self._shortcut = shortcut
        self.lane = None
        self._door = door
        self._names = names
        self._limits = limits
        self._memo = memo
        door.recognize(self)

    # --- inside -------------------------------------------------------------------------------------

    def _next_pipelined(self) -> None:
        """The turn of what waited: for the end of the last answer, or for the client to read it."""
        if self._write_paused or self.transport.is_closing():
            return
        try:
            if self._state is _QUEUED:
                self._state = _IDLE
                if self._buffer:
                    self._next_request()
                elif self._eof:
                    self._close()
                elif self.draining:
                    self.deadline = self._loop.time() + LAST_CALL
            if self._paused_by_us and len(self._buffer) <= self._limits.head:
                self._paused_by_us = False
                self._apply_pause()
        except Exception:
            log.exception("a pipelined request failed")
            self.abort()

    def _next_request(self) -> None:
        """Parse a head at the start of the buffer, if it is whole."""
        buffer = self._buffer
        if self._state is _IDLE and buffer[0] == 13:  # RFC 9112 2.2: empty lines, from old clients
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
        self._state = _BUSY
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
        if self._state is _IDLE:
            self._state = _HEAD
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

    def _body_broke_off(self) -> None:
        if isinstance(self._body, UntilClose) and self._exchange is not None:
            self._body.done = True
            self._exchange.request_end()
        else:
            self.abort()

    def _refuse(self, error: GatewayError) -> None:
        """Answer a head that is not one, and close without letting a reset eat the answer."""
        self.transport.write(self._door.refusal(self, error))
        self._linger()

    def _close(self) -> None:
        """Close behind what is still to be sent."""
        self.deadline = self._loop.time() + self._end().close()

    def _linger(self) -> None:
        """Close, without letting a reset eat the answer of a client that is still sending."""
        if self._eof:
            self._close()
        else:
            self.deadline = self._loop.time() + self._end().linger()

    def _end(self) -> Ending:
        self._state = _ENDING
        self._buffer = b""
        self._ending = Ending(self.transport, self._limits)
        return self._ending

    def _apply_pause(self) -> None:
        if self._eof or self.transport.is_closing():
            return
        if self._paused_by_us or self._paused_by_exchange:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()
