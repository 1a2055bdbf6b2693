"""The client's side of the wire: one connection, its requests one after the other.

    IDLE ──first byte──▶ HEAD ──whole head──▶ BUSY ──finish──▶ IDLE, or LINGER, or closed

While BUSY the exchange owns the connection: body bytes go to it once it asks for them, and a pipelined
request waits in the buffer, behind a paused socket.
"""

import asyncio
from enum import Enum, auto
from typing import Protocol, cast

from gateway.core.errors import GatewayError
from gateway.core.fields import FieldNames
from gateway.core.head import RequestHead
from gateway.core.reasons import Reason

from .framing import BadFraming, BodyReader, Chunked, FixedLength, NoBody
from .limits import Limits
from .parser import parse_request

NEVER = float("inf")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Exchange(Protocol):
    """One request and its answer, as the connection sees it. Implemented behind the doors."""

    def start(self) -> None:
        """The head stands; decide. May answer before it returns."""

    def request_data(self, data: bytes) -> None:
        """Payload of the request's body, never empty; only after `ClientConnection.read_body`."""

    def request_end(self) -> None:
        """The body is complete."""

    def client_paused(self) -> None:
        """The client reads too slowly: send it nothing more for now."""

    def client_resumed(self) -> None:
        """It caught up."""

    def client_lost(self) -> None:
        """It is gone, or its body broke off. Nothing can be answered any more."""

    def request_broken(self, error: GatewayError) -> None:
        """Its body's framing is broken: end the exchange, answering if nothing was answered yet."""

    def expired(self) -> None:
        """The deadline that the exchange set on the connection has passed."""


class Door(Protocol):
    """What stands behind the wire."""

    def exchange(self, client: "ClientConnection", head: RequestHead) -> Exchange:
        """A new exchange for a valid head."""

    def refusal(self, client: "ClientConnection", error: GatewayError) -> bytes:
        """The whole answer to a head that is not valid; the connection is closed behind it."""

    def greet(self, client: "ClientConnection") -> bool:
        """A connection was made. False: too many; the connection is refused and closed."""

    def farewell(self, client: "ClientConnection") -> None:
        """It is gone."""


class _State(Enum):
    IDLE = auto()
    HEAD = auto()
    BUSY = auto()
    LINGER = auto()


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
        "_names",
        "_paused_by_exchange",
        "_paused_by_us",
        "_reading_body",
        "_searched",
        "_state",
        "carried",
        "deadline",
        "draining",
        "notes",
        "peer",
        "transport",
    )

    def __init__(self, door: Door, names: FieldNames, limits: Limits, loop: asyncio.AbstractEventLoop) -> None:
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
        self._lingered = 0
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
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Bytes, by state."""
        if self._state is _State.BUSY:
            self._while_busy(data)
        elif self._state is _State.LINGER:
            self._lingered += len(data)
            if self._lingered > self._limits.linger_bytes:
                self.transport.abort()
        else:
            self._buffer = self._buffer + data if self._buffer else data
            self._next_request()

    def eof_received(self) -> bool:
        """The client will send nothing more: it may still want its answer (half close)."""
        self._eof = True
        if self._state is not _State.BUSY:
            return False
        if not self._body.done and self._reading_body:
            self.abort()
        return True

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        if self._exchange is not None:
            self._exchange.client_paused()

    def resume_writing(self) -> None:
        """It caught up."""
        if self._exchange is not None:
            self._exchange.client_resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone. Break the cycles, so that the collector has nothing to do."""
        exchange, self._exchange = self._exchange, None
        self.deadline = NEVER
        self._buffer = b""
        if exchange is not None:
            exchange.client_lost()
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

    def pause_body(self) -> None:
        """The upstream reads too slowly: stop reading the client."""
        self._paused_by_exchange = True
        self._apply_pause()

    def resume_body(self) -> None:
        """The upstream caught up."""
        self._paused_by_exchange = False
        self._apply_pause()

    @property
    def body_pending(self) -> bool:
        """Whether body bytes of the request at hand have not been read yet."""
        return not self._body.done

    def finish(self, keep_alive: bool) -> None:
        """The answer has been written whole. Next request, or a close that does not cut the answer off."""
        self._exchange = None
        self.carried += 1
        if self._paused_by_exchange:
            self._paused_by_exchange = False
            self._apply_pause()
        if self.transport.is_closing():
            return
        if keep_alive and self._body.done and not self._eof and not self.draining:
            self._state = _State.IDLE
            self._reading_body = False
            self.deadline = self._loop.time() + self._limits.idle_timeout
            if self._buffer:
                self._loop.call_soon(self._next_pipelined)
        elif self._body.done or self._eof:
            self.transport.close()
        else:
            self._linger()

    def abort(self) -> None:
        """Cut the connection: the client must see that its answer is incomplete."""
        self.transport.abort()

    # --- for the sweeper ----------------------------------------------------------------------------

    def expire(self) -> None:
        """The deadline has passed."""
        self.deadline = NEVER
        if self._state is _State.BUSY and self._exchange is not None:
            self._exchange.expired()
        elif self._state is _State.HEAD:
            self._refuse(GatewayError(408, Reason.REQUEST_TIMEOUT))
        elif self._state is _State.IDLE:
            self.transport.close()
        else:
            self.transport.abort()

    def drain(self) -> None:
        """Close as soon as no request is under way."""
        self.draining = True
        if self._state is _State.IDLE and not self._buffer:
            self.transport.close()

    # --- inside -------------------------------------------------------------------------------------

    def _next_pipelined(self) -> None:
        if self._state is _State.IDLE and self._buffer and not self.transport.is_closing():
            if self._paused_by_us:
                self._paused_by_us = False
                self._apply_pause()
            self._next_request()

    def _next_request(self) -> None:
        """Parse a head at the start of the buffer, if it is whole."""
        buffer = self._buffer
        while buffer.startswith(b"\r\n") and self._state is _State.IDLE:  # RFC 9112 2.2, from old clients
            buffer = self._buffer = buffer[2:]
        end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
        if end < 0 or end + 4 > self._limits.head:
            self._unfinished_head(buffer)
            return
        self._buffer = buffer[end + 4 :]
        self._searched = 0
        try:
            head = parse_request(
                buffer[: end + 4], self._names, target_limit=self._limits.target, fields_limit=self._limits.fields
            )
        except GatewayError as error:
            self._refuse(error)
            return
        self._body = Chunked() if head.chunked else FixedLength(head.length) if head.length else NoBody()
        self._reading_body = False
        self._state = _State.BUSY
        self.deadline = NEVER
        exchange = self._exchange = self._door.exchange(self, head)
        exchange.start()

    def _unfinished_head(self, buffer: bytes) -> None:
        """Wait for the rest, unless what is here can no longer become a valid head."""
        if not buffer:
            return
        line_end = buffer.find(b"\r\n")
        if line_end < 0 and len(buffer) > self._limits.target + 64:
            self._refuse(GatewayError(414, Reason.TARGET_TOO_LONG))
        elif len(buffer) >= self._limits.head:
            self._refuse(GatewayError(431, Reason.HEAD_TOO_LARGE))
        elif not 65 <= buffer[0] <= 90 and not b"\r\n".startswith(buffer):
            self._refuse(GatewayError(400, Reason.BAD_REQUEST, "does not begin like a request"))
        elif buffer.count(b"\n", self._searched) != buffer.count(b"\r\n", max(0, self._searched - 1)):
            self._refuse(GatewayError(400, Reason.BAD_REQUEST, "a line ends in a bare LF"))
        else:
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
        except BadFraming as error:
            self._body = NoBody()
            self._eof = True  # nothing that follows can be trusted
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

    def _linger(self) -> None:
        """RFC 9112 9.6: half-close, and read on for a while."""
        self._state = _State.LINGER
        self._buffer = b""
        self.deadline = self._loop.time() + self._limits.linger_timeout
        if self._eof or not self.transport.can_write_eof():
            self.transport.close()
            return
        self._paused_by_us = self._paused_by_exchange = False
        self._apply_pause()
        self.transport.write_eof()

    def _apply_pause(self) -> None:
        if self.transport.is_closing():
            return
        reading = self.transport.is_reading()
        wanted = not (self._paused_by_us or self._paused_by_exchange)
        if wanted and not reading:
            self.transport.resume_reading()
        elif reading and not wanted:
            self.transport.pause_reading()
