"""The small service that other proxies ask: python -m bench.auth_service PORT SESSION USER.

As lean as Python allows, for a fair comparison: llhttp on uvloop, one look-up. 200 with X-User to the holder of the
cookie `session`, 401 to all others.
"""

import asyncio
import sys

import httptools
import uvloop

_NOBODY = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


class Door(asyncio.Protocol):
    """One connection of a proxy."""

    def __init__(self, answers: dict[bytes, bytes]) -> None:
        self._answers = answers
        self._answer = _NOBODY
        self._parser = httptools.HttpRequestParser(self)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_message_begin(self) -> None:
        self._answer = _NOBODY

    def on_header(self, name: bytes, value: bytes) -> None:
        if len(name) == 6 and name.lower() == b"cookie":
            for pair in value.split(b"; "):
                if pair.startswith(b"session="):
                    self._answer = self._answers.get(pair, _NOBODY)

    def on_message_complete(self) -> None:
        self._transport.write(self._answer)


async def serve(port: int, session: str, user: str) -> None:
    """Until the process is ended."""
    known = {f"session={session}".encode(): f"HTTP/1.1 200 OK\r\nX-User: {user}\r\nContent-Length: 0\r\n\r\n".encode()}
    server = await asyncio.get_running_loop().create_server(lambda: Door(known), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), *sys.argv[2:]))
