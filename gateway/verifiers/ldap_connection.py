"""One connection to an LDAP server: opened, secured, asked one thing after the other.

A client of our own for three operations; ARCHITECTURE.md says why. Waits are the caller's, by asyncio.timeout.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeVar

from . import ber, ldap_messages
from .ldap_messages import Entry, LdapError, Result

MAX_MESSAGE = 1 << 20  # bytes
MAX_REFERENCES = 100


@dataclass(frozen=True, slots=True)
class LdapServer:
    """Where a server is: `host` and `port`, or a Unix socket's `path`. `tls` from the first byte, or by StartTLS."""

    name: str
    host: str = ""
    port: int = 389
    path: str = ""
    tls: ssl.SSLContext | None = None
    start_tls: bool = False
    server_name: str = ""


_NOT_LDAP = "the answer is not LDAP"
_Raw = TypeVar("_Raw")
_Read = TypeVar("_Read")


def _read(decode: Callable[[_Raw], _Read], raw: _Raw) -> _Read:
    try:
        return decode(raw)
    except ValueError:
        raise LdapError(_NOT_LDAP) from None


class LdapConnection:
    """Operations that raise LdapError or OSError when there is no good answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._raw = writer.transport  # below TLS, should there be any
        self._last = 0

    @classmethod
    async def open(cls, server: LdapServer) -> Self:
        """Connect, with TLS if the server is to have it."""
        if server.path:
            return cls(*await asyncio.open_unix_connection(server.path))
        connection = cls(*await asyncio.open_connection(server.host, server.port))
        if server.tls is not None:
            try:
                if server.start_tls:
                    await connection._ask_for_tls()
                await connection._secure(server.tls, server.server_name or server.host)
            except BaseException:
                connection.abort()
                raise
        return connection

    def close(self) -> None:
        """Say good-bye; nothing is waited for, not even the server's own end of TLS."""
        self._writer.write(ldap_messages.message(self._next(), ldap_messages.unbind()))
        self._raw.close()

    def abort(self) -> None:
        """Drop the connection."""
        self._raw.abort()

    async def bind(self, name: str, password: str) -> Result:
        """Be `name`. An empty name or password would be an anonymous success (RFC 4513 5.1.2), so there is none."""
        if not name or not password:
            raise LdapError("a bind without name or password")
        number = self._send(ldap_messages.bind(name, password))
        return _read(ldap_messages.result, await self._answer(number, ldap_messages.BIND_ANSWER))

    async def search(self, request: bytes) -> tuple[list[Entry], Result]:
        """What a search found. References to other servers are not followed."""
        number = self._send(request)
        found: list[Entry] = []
        for _ in range(MAX_REFERENCES):
            tag, content = await self._receive(number)
            if tag == ldap_messages.SEARCH_DONE:
                return found, _read(ldap_messages.result, content)
            if tag == ldap_messages.ENTRY:
                found.append(_read(ldap_messages.entry, content))
            elif tag != ldap_messages.REFERENCE:
                break
        raise LdapError("an answer that does not end the search")

    async def _ask_for_tls(self) -> None:
        number = self._send(ldap_messages.start_tls())
        result = _read(ldap_messages.result, await self._answer(number, ldap_messages.EXTENDED_ANSWER))
        if result.code != 0:
            raise LdapError(f"StartTLS is refused with result {result.code}")

    async def _secure(self, context: ssl.SSLContext, name: str) -> None:
        # A new reader: what somebody put on the line before TLS began is never read.
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport = await loop.start_tls(self._writer.transport, protocol, context, server_hostname=name)
        if transport is None:
            raise LdapError("the connection ended within the TLS handshake")
        protocol.connection_made(transport)
        self._reader, self._writer = reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    def _next(self) -> int:
        self._last += 1
        return self._last

    def _send(self, operation: bytes) -> int:
        number = self._next()
        self._writer.write(ldap_messages.message(number, operation))
        return number

    async def _answer(self, number: int, tag: int) -> bytes:
        found, content = await self._receive(number)
        if found != tag:
            raise LdapError("an answer of another kind")
        return content

    async def _receive(self, number: int) -> tuple[int, bytes]:
        try:
            found, tag, content = _read(ldap_messages.opened, await self._message())
        except asyncio.IncompleteReadError:
            raise LdapError("the connection ended") from None
        if found != number:  # number 0 is a notice of disconnection (RFC 4511 4.4.1)
            raise LdapError("the server gave notice" if found == 0 else "an answer to another question")
        return tag, content

    async def _message(self) -> bytes:
        tag, first = await self._reader.readexactly(2)
        if tag != ber.SEQUENCE:
            raise LdapError(_NOT_LDAP)
        more = _read(ber.length_octets, first)
        length = int.from_bytes(await self._reader.readexactly(more)) if more else first
        if length > MAX_MESSAGE:
            raise LdapError(f"a message of more than {MAX_MESSAGE} bytes")
        return await self._reader.readexactly(length)
