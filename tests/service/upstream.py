"""A strict upstream on a real socket: records every byte, verifies every X-User against the gateway's JWKS."""

import asyncio
import json
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import jwt

Respond = Callable[["Seen", asyncio.StreamWriter], Awaitable[bool]]
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Seen:
    """One request as the upstream got it. `claims` are X-User's, verified; None without X-User."""

    line: str
    fields: list[tuple[str, str]]
    body: bytes
    connection: int
    claims: dict[str, Any] | None = None
    chunked: bool = False

    @property
    def method(self) -> str:
        return self.line.split(" ")[0]

    @property
    def target(self) -> str:
        return self.line.split(" ")[1]

    def all(self, name: str) -> list[str]:
        """All fields of that name, in any case."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name: str) -> str | None:
        """The one field of that name."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None


@dataclass
class StrictUpstream:
    """Answers each request by `respond` (True: keep the connection), by default with what it saw, as JSON.

    `talk` takes a connection over from its first byte. `active` counts connections.
    """

    issuer: str = ""
    audience: str = "legacy"
    respond: Respond | None = None
    talk: Talk | None = None
    seen: list[Seen] = field(default_factory=list)
    raw: bytearray = field(default_factory=bytearray)
    refused: list[str] = field(default_factory=list)
    connections: int = 0
    active: int = 0
    _jwks: jwt.PyJWKSet | None = None

    async def start(self) -> int:
        """Listen on a free port of loopback."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Stop."""
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.active += 1
        number = self.connections
        try:
            if self.talk is not None:
                await self.talk(reader, writer)
                return
            while True:
                seen = await self._read(reader, writer, number)
                if seen is None:
                    break
                self.seen.append(seen)
                if not await (self.respond or self._echo)(seen, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.active -= 1
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> Seen | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError as error:
            if error.partial:
                self.refused.append("an incomplete head")
            return None
        self.raw += head
        lines = head[:-4].decode("latin-1").split("\r\n")
        fields = [(name, value.strip(" ")) for name, _, value in (line.partition(":") for line in lines[1:])]
        seen = Seen(lines[0], fields, b"", number)
        seen.claims = await self._verified(seen)
        length, coding = seen.get("content-length"), seen.get("transfer-encoding")
        assert not (length and coding)
        if coding is not None:
            assert coding == "chunked"
            seen.chunked = True
            while True:
                size = int((await reader.readuntil(b"\r\n"))[:-2], 16)
                piece = await reader.readexactly(size + 2)
                assert piece[-2:] == b"\r\n"
                if not size:
                    break
                seen.body += piece[:-2]
        elif length is not None:
            seen.body = await reader.readexactly(int(length))
        self.raw += seen.body
        return seen

    async def _verified(self, seen: Seen) -> dict[str, Any] | None:
        token = seen.get("x-user")
        if token is None:
            return None
        header = jwt.get_unverified_header(token)
        assert header["typ"] == "JWT"
        if self._jwks is None:
            url = f"{self.issuer}/_gateway/jwks.json"
            self._jwks = jwt.PyJWKSet.from_json(await asyncio.to_thread(_fetch, url))
        key = self._jwks[header["kid"]]
        options = {"require": ["iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid"]}
        return jwt.decode(
            token, key, algorithms=[key.algorithm_name], audience=self.audience, issuer=self.issuer, options=options
        )

    async def _echo(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        body = json.dumps({"target": seen.target, "claims": seen.claims, "length": len(seen.body)}).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body))
        if seen.method != "HEAD":
            writer.write(body)
        await writer.drain()
        return True


def _fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())


def canned(data: bytes, *, keep: bool = True) -> Respond:
    """Answer everything with these bytes."""

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(data)
        await writer.drain()
        return keep

    return respond
