"""The upstream's side of the wire: one pooled connection, one response at a time."""

import asyncio
import contextlib
import os
from typing import Protocol, cast

from gateway.core.fields import FieldNames
from gateway.core.head import ResponseHead

from .ending import reset
from .framing import BadFraming, BodyReader, Chunked, FixedLength, NoBody, UntilClose
from .limits import Limits
from .memo import ResponseMemo
from .parser import parse_response

_INTERIM_LIMIT = 16  # 1xx responses before the final one
_EARLY_LIMIT = 1024 * 1024  # bytes of an early answer that are read from a connection already lost


class Listener(Protocol):
    """Who waits for a response. `takes_whole`: it would have a short one in one piece; never after HEAD."""

    takes_whole: bool

    def response_whole(self, head: ResponseHead, body: bytes, data: bytes) -> None:
        """All of the response, its `body` framed; `data` is what came. Called instead of all the others."""

    def switches(self, head: ResponseHead) -> bool:
        """Whether a 101 is what was asked for. If so it comes as `response_head`, and all behind it is payload."""

    def response_head(self, head: ResponseHead) -> None:
        """The final response's head."""

    def response_data(self, data: bytes) -> None:
        """Payload, never empty."""

    def response_paused(self) -> None:
        """The bytes that came with the head are used up, and the response is not complete."""

    def response_end(self) -> None:
        """The response is complete; the listener has been let go of. Called once.

        After a 101 it says that the upstream will send no more, while the listener may: it is not let go of.
        """

    def response_failed(self, reason: str, *, answered: bool) -> None:
        """The connection broke or spoke nonsense. `answered`: bytes of a response had arrived."""

    def upstream_paused(self) -> None:
        """The upstream reads too slowly: send it nothing more for now."""

    def upstream_resumed(self) -> None:
        """It caught up."""


class UpstreamConnection(asyncio.Protocol):
    """One connection to an upstream server. `reused` is true once it has carried a response.

    `reusable` after a response: it may carry another. `idle_since` is the pool's. `address`: where it leads, if known.
    """

    __slots__ = (
        "_answered",
        "_body",
        "_buffer",
        "_head",
        "_interim",
        "_limits",
        "_listener",
        "_memo",
        "_method",
        "_names",
        "_searched",
        "_spare",
        "address",
        "closed",
        "idle_since",
        "on_lost",
        "paused",
        "reusable",
        "reused",
        "transport",
    )

    def __init__(self, names: FieldNames, limits: Limits, memo: ResponseMemo | None = None) -> None:
        self._names = names
        self._memo = memo
        self._limits = limits
        self._listener: Listener | None = None
        self._method = b""
        self._buffer = b""
        self._searched = 0
        self._head: ResponseHead | None = None
        self._body: BodyReader = NoBody()
        self._interim = 0
        self._answered = False
        self._spare: int | None = None
        self.address = ""
        self.closed = False
        self.reused = False
        self.reusable = False
        self.paused = False
        self.idle_since = 0.0
        self.on_lost: UpstreamOwner | None = None
        self.transport: asyncio.Transport = cast(asyncio.Transport, None)

    @property
    def clean(self) -> bool:
        """Whether the next request finds nothing of the last one here: no bytes, in neither direction."""
        transport = self.transport
        return self.reusable and not transport.is_closing() and not transport.get_write_buffer_size()

    # --- for the exchange ---------------------------------------------------------------------------

    def send(self, listener: Listener, method: bytes, data: bytes) -> None:
        """Begin a request: its head, and what follows of its body is written with `write`."""
        self._listener = listener
        self._method = method
        self._head = None
        self._interim = 0
        self._answered = False
        self.reusable = False
        self.transport.write(data)

    def hand_over(self, listener: Listener) -> None:
        """Another listener goes on where the present one stopped."""
        if self._listener is not None:
            self._listener = listener

    def replay(self, listener: Listener, data: bytes) -> None:
        """Tell another listener of a response that its predecessor would not take whole."""
        self._listener = listener
        self.data_received(data)

    def write(self, data: bytes) -> None:
        """Bytes of the request's body, framed by the caller."""
        self.transport.write(data)

    def expect_early_answer(self) -> None:
        """A body follows: hold on to the socket, for an upstream may answer and reset while we still write.

        The loop closes a connection whose write fails, and with it the answer that has already arrived. Not with TLS:
        what arrived there is sealed.
        """
        tcp = self.transport.get_extra_info("socket")
        if tcp is not None and self._spare is None and self.transport.get_extra_info("sslcontext") is None:
            with contextlib.suppress(OSError):
                self._spare = os.dup(tcp.fileno())

    def pause(self) -> None:
        """The client reads too slowly."""
        if not self.paused and not self.transport.is_closing():
            self.paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """It caught up."""
        if self.paused and not self.transport.is_closing():
            self.paused = False
            self.transport.resume_reading()

    def abandon(self) -> None:
        """Cut the connection; the listener hears nothing more."""
        self._listener = None
        self.transport.abort()

    def reset(self) -> None:
        """As `abandon`, so that the upstream sees that it was cut."""
        self._listener = None
        if not self.closed:
            reset(self.transport)

    def half_close(self) -> None:
        """Nothing more follows to the upstream, which may still send."""
        if not self.transport.is_closing():
            self.transport.write_eof()

    def close(self, patience: float) -> None:
        """Close behind what is still to be sent, in `patience` seconds; the listener hears nothing more."""
        self._listener = None
        self.transport.close()
        asyncio.get_running_loop().call_later(patience, self._give_up)

    def _give_up(self) -> None:
        if not self.closed:
            self.transport.abort()

    # --- asyncio.Protocol ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Response bytes. Without a listener there is no response: somebody poisons the pool."""
        listener = self._listener
        if listener is None:
            self.transport.abort()
            return
        self._answered = True
        try:
            if listener.takes_whole and self._memo is not None and self._head is None and not self._buffer:
                whole = self._memo.whole(data)
                if whole is not None:
                    self._listener = None
                    self.reused = True
                    self.reusable = whole[0].keep_alive
                    listener.response_whole(*whole, data)
                    return
            if self._head is None:
                self._read_head(self._buffer + data if self._buffer else data)
            else:
                self._read_body(data)
        except (ValueError, BadFraming) as error:
            self._fail(str(error))
        except Exception as error:  # GatewayError from the shared head rules, or a bug: closed either way
            self._fail(repr(error))

    def eof_received(self) -> bool:
        """The end of the connection, and of a body that has no other. A tunnel is half open then."""
        if isinstance(self._body, UntilClose) and self._head is not None and self._listener is not None:
            if self._head.status == 101:
                self._listener.response_end()
                return self._listener is not None and self.transport.can_write_eof()
            self._complete(b"")
        return False

    def pause_writing(self) -> None:
        """The upstream reads too slowly."""
        if self._listener is not None:
            self._listener.upstream_paused()

    def resume_writing(self) -> None:
        """It caught up."""
        if self._listener is not None:
            self._listener.upstream_resumed()

    def connection_lost(self, exc: Exception | None) -> None:
        """Gone; a listener still waiting hears of it."""
        self.closed = True
        if self._listener is not None and exc is not None:
            self._read_what_arrived()
        self._drop_spare()
        self.reusable = False
        listener, self._listener = self._listener, None
        owner, self.on_lost = self.on_lost, None
        if owner is not None:
            owner.lost(self)
        if listener is not None:
            listener.response_failed("connection closed" if exc is None else repr(exc), answered=self._answered)

    # --- inside -------------------------------------------------------------------------------------

    def _read_what_arrived(self) -> None:
        """An early answer that a failed write would have thrown away."""
        left = _EARLY_LIMIT
        with contextlib.suppress(OSError):
            while self._spare is not None and self._listener is not None and left > 0:
                data = os.read(self._spare, 65536)  # the socket does not block
                if not data:
                    self.eof_received()
                    break
                left -= len(data)
                self.data_received(data)

    def _drop_spare(self) -> None:
        spare, self._spare = self._spare, None
        if spare is not None:
            os.close(spare)

    def _read_head(self, buffer: bytes) -> None:
        while True:
            end = buffer.find(b"\r\n\r\n", max(0, self._searched - 3))
            if (end + 4 if end >= 0 else len(buffer)) > self._limits.head:
                raise ValueError("response head too large")
            if end < 0:
                self._buffer = buffer
                self._searched = len(buffer)
                return
            self._searched = 0
            head_bytes = buffer[: end + 4]
            known = self._memo.find(head_bytes) if self._memo is not None else None
            head = known or parse_response(head_bytes, self._names, fields_limit=self._limits.fields)
            if self._memo is not None and known is None:
                self._memo.keep(head_bytes, head)
            buffer = buffer[end + 4 :]
            if head.status >= 200:
                break
            if head.status == 101:
                if self._listener is None or not self._listener.switches(head):
                    raise ValueError("switching protocols that nobody asked for")
                break
            self._interim += 1
            if self._interim > _INTERIM_LIMIT:
                raise ValueError("too many interim responses")
        self._buffer = b""
        self._head = head
        self._body = self._reader(head)
        listener = self._listener
        assert listener is not None
        listener.response_head(head)
        if self._listener is not None:
            self._read_body(buffer)
        if self._listener is not None:
            self._listener.response_paused()

    def _reader(self, head: ResponseHead) -> BodyReader:
        """RFC 9112 6.3: which framing the body has."""
        if self._method == b"HEAD" or head.status in (204, 304):
            return NoBody()
        if head.chunked:
            return Chunked()
        if head.length is not None:
            return FixedLength(head.length)
        return UntilClose()

    def _read_body(self, data: bytes) -> None:
        payload, rest = self._body.feed(data)
        listener = self._listener
        if payload and listener is not None:
            listener.response_data(payload)
        if self._body.done and self._listener is listener:
            self._complete(rest)

    def _complete(self, rest: bytes) -> None:
        """The response is whole. Bytes behind it belong to nobody: this connection ends (queue poisoning)."""
        listener, head = self._listener, self._head
        assert listener is not None
        assert head is not None
        self._listener = None
        self._head = None
        self.reused = True
        self._drop_spare()
        self.reusable = head.keep_alive and not rest and not isinstance(self._body, UntilClose)
        listener.response_end()

    def _fail(self, reason: str) -> None:
        listener, self._listener = self._listener, None
        self.transport.abort()
        if listener is not None:
            listener.response_failed(reason, answered=True)


class UpstreamOwner(Protocol):
    """Who keeps the connection while it is idle."""

    def lost(self, connection: UpstreamConnection) -> None:
        """It is gone."""
