"""The end of a client connection: what is left of the answer is sent, what still comes is read away, for a while."""

import asyncio
import contextlib
import socket
import struct

from .limits import Limits

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, for no time


def reset(transport: asyncio.Transport) -> None:
    """Cut a connection so that its other end sees that it was cut. The transport must not have been closed yet."""
    tcp = transport.get_extra_info("socket")
    if tcp is not None:
        with contextlib.suppress(OSError):
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()


class Ending:
    """One connection's end. `close` and `linger` begin it; they and `expired` say how many seconds it may take."""

    __slots__ = ("_limits", "_read", "_transport", "_unsent")

    def __init__(self, transport: asyncio.Transport, limits: Limits) -> None:
        self._transport = transport
        self._limits = limits
        self._read = 0
        self._unsent = 0

    def close(self) -> float:
        """Close behind what is still to be sent. With TLS some of that waits where we cannot see it."""
        patience = self._patience() if self._transport.can_write_eof() else self._limits.body_timeout
        self._transport.close()
        return patience

    def linger(self) -> float:
        """RFC 9112 9.6: half-close and read on, so that a reset cannot eat the answer. TLS cannot half-close."""
        patience = self._patience()
        self._transport.resume_reading()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        return patience

    def data_received(self, size: int) -> None:
        """Bytes that nobody wants."""
        self._read += size
        if self._read > self._limits.linger_bytes:
            self._transport.pause_reading()

    def expired(self) -> float | None:
        """The time is up. More of it if the client has read some of its answer meanwhile, else None: it is over."""
        unsent = self._transport.get_write_buffer_size()
        if unsent < self._unsent:
            return self._patience()
        if unsent:
            reset(self._transport)
        else:
            self._transport.abort()
        return None

    def _patience(self) -> float:
        self._unsent = self._transport.get_write_buffer_size()
        return self._limits.body_timeout if self._unsent else self._limits.linger_timeout
