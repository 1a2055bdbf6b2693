"""A browser of few words: HTTP/1.1 over asyncio streams, with a cookie jar for each host."""

import asyncio
import re
from dataclasses import dataclass, field
from types import TracebackType
from urllib.parse import urlencode, urljoin, urlsplit

NAVIGATION = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/126.0 Mobile MicroMessenger/8.0.50",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "zh-CN,zh;q=0.9,en;q=0.8",
    "Accept-Encoding": "gzip, deflate, br",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-User": "?1",
    "Cache-Control": "max-age=0",
}
TIMEOUT = 30  # seconds a request

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `location` is absolute and without its fragment; "" if there is none."""

    status: int
    location: str
    body: str


@dataclass(slots=True)
class Browser:
    """One person's browser. `jars` by host:port."""

    jars: dict[str, dict[str, str]] = field(default_factory=dict)
    connections: dict[str, Connection] = field(default_factory=dict)

    async def get(self, url: str) -> Answer:
        """A navigation."""
        return await self._ask("GET", url, b"")

    async def post(self, url: str, form: dict[str, str]) -> Answer:
        """A form that a page of the same origin posts."""
        return await self._ask("POST", url, urlencode(form).encode())

    async def __aenter__(self) -> "Browser":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, writer in self.connections.values():
            writer.close()
        self.connections.clear()

    async def _ask(self, method: str, url: str, body: bytes) -> Answer:
        async with asyncio.timeout(TIMEOUT):
            parts = urlsplit(url)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            headers = {"Host": parts.netloc, **NAVIGATION}
            if jar := self.jars.get(parts.netloc):
                headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in jar.items())
            if method == "POST":
                headers["Origin"] = f"{parts.scheme}://{parts.netloc}"
                headers["Content-Type"] = "application/x-www-form-urlencoded"
                headers["Content-Length"] = str(len(body))
            head = f"{method} {target} HTTP/1.1\r\n" + "".join(
                f"{name}: {value}\r\n" for name, value in headers.items()
            )
            reader, writer = await self._connection(parts.netloc)
            writer.write(head.encode() + b"\r\n" + body)
            return await self._read(parts.netloc, url, reader, writer)

    async def _connection(self, netloc: str) -> Connection:
        if netloc not in self.connections:
            host, port = netloc.rsplit(":", 1)
            self.connections[netloc] = await asyncio.open_connection(host, int(port))
        return self.connections[netloc]

    async def _read(self, netloc: str, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Answer:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines[1:])]
        headers = dict(fields)
        for name, value in fields:
            if name == "set-cookie":
                self._keep(netloc, value)
        if "chunked" in headers.get("transfer-encoding", ""):
            body = await _chunks(reader)
        else:
            body = await reader.readexactly(int(headers.get("content-length", 0)))
        if headers.get("connection", "").lower() == "close":
            writer.close()
            del self.connections[netloc]
        location = headers.get("location", "")
        absolute = urljoin(url, location).partition("#")[0] if location else ""
        return Answer(int(lines[0].split(" ")[1]), absolute, body.decode("utf-8", "replace"))

    def _keep(self, netloc: str, cookie: str) -> None:
        pair, *attributes = cookie.split(";")
        name, _, value = pair.partition("=")
        jar = self.jars.setdefault(netloc, {})
        if any(attribute.strip().lower() == "max-age=0" for attribute in attributes):
            jar.pop(name, None)
        else:
            jar[name] = value


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def hidden_fields(page: str) -> dict[str, str]:
    """The first values of a page's hidden inputs."""
    inputs = re.findall(r"<input\b[^>]*>", page)
    found: dict[str, str] = {}
    for tag in inputs:
        attributes = dict(re.findall(r'([a-z-]+)="([^"]*)"', tag))
        if attributes.get("type") == "hidden" and "name" in attributes:
            found.setdefault(attributes["name"], attributes.get("value", ""))
    return found
