"""A client that says exactly the bytes it is told, and reads answers strictly."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

PATIENCE = 30.0  # seconds that a test waits for what must come


@dataclass
class Answer:
    """One response. `complete` is False if the connection ended before the body did."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes
    complete: bool = True

    def get(self, name: str) -> str | None:
        """The one field of that name."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times"
        return values[0] if values else None

    def all(self, name: str) -> list[str]:
        """All fields of that name."""
        return [value for key, value in self.fields if key.lower() == name.lower()]


class Line:
    """One connection, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, port: int, host: str = "127.0.0.1") -> "Line":
        """Connect."""
        return cls(*await asyncio.open_connection(host, port, limit=1 << 20))

    async def send(self, data: bytes) -> None:
        """Say these bytes."""
        self.writer.write(data)
        await self.writer.drain()

    async def answer(self, method: str = "GET") -> Answer:
        """The next final response."""
        async with asyncio.timeout(PATIENCE):
            while True:
                head = await self.reader.readuntil(b"\r\n\r\n")
                lines = head[:-4].split(b"\r\n")
                version, status, _ = lines[0].split(b" ", 2)
                assert version in (b"HTTP/1.1", b"HTTP/1.0"), head
                fields = []
                for line in lines[1:]:
                    name, colon, value = line.partition(b":")
                    assert colon, head
                    assert name == name.strip(), head
                    fields.append((name.decode("ascii"), value.strip().decode("latin-1")))
                answer = Answer(int(status), fields, b"")
                if answer.status >= 200:
                    break
            if method == "HEAD" or answer.status in (204, 304):
                return answer
            answer.body, answer.complete = await self._body(answer)
            return answer

    async def interim(self) -> int:
        """The status of an interim response."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1])

    async def _body(self, answer: Answer) -> tuple[bytes, bool]:
        length, coding = answer.get("content-length"), answer.get("transfer-encoding")
        assert length is None or coding is None
        try:
            if length is not None:
                return await self.reader.readexactly(int(length)), True
            if coding is None:
                return await self.reader.read(), True
            body = b""
            while True:
                size = int((await self.reader.readuntil(b"\r\n"))[:-2], 16)
                data = await self.reader.readexactly(size + 2)
                assert data.endswith(b"\r\n")
                if not size:
                    return body, True
                body += data[:-2]
        except asyncio.IncompleteReadError as error:
            return error.partial, False
        except ConnectionError:
            return b"", False

    async def ended(self) -> bytes:
        """What comes before the other side ends the connection."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    async def close(self) -> None:
        """Hang up."""
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


@dataclass
class Browser:
    """A cookie jar, WeChat's user agent, and no automatic redirects. `jar` is by host name, as browsers do it."""

    port: int
    host: str = ""
    jar: dict[str, str] = field(default_factory=dict)
    user_agent: str = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "Mobile/15E148 MicroMessenger/8.0.50(0x18003234) NetType/WIFI Language/zh_CN"
    )

    def __post_init__(self) -> None:
        self.host = self.host or f"127.0.0.1:{self.port}"

    def cookie_header(self) -> str:
        """As it is sent."""
        return "; ".join(f"{name}={value}" for name, value in self.jar.items())

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
        cookies: bool = True,
        page: bool = True,
    ) -> Answer:
        """One request on a connection of its own. `page`: as a browser opens a page."""
        lines = [f"{method} {target} HTTP/1.1", f"Host: {self.host}", f"User-Agent: {self.user_agent}"]
        fields = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate"} if page else {}
        fields |= headers or {}
        lines += [f"{name}: {value}" for name, value in fields.items()]
        if cookies and self.jar:
            lines.append(f"Cookie: {self.cookie_header()}")
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
        line = await Line.open(self.port)
        try:
            await line.send(("\r\n".join([*lines, "Connection: close", "", ""])).encode() + (body or b""))
            answer = await line.answer(method)
        finally:
            await line.close()
        for cookie in answer.all("set-cookie"):
            self.keep(cookie)
        return answer

    async def get(self, target: str, **how: object) -> Answer:
        """Open a page."""
        return await self.request("GET", target, **how)  # type: ignore[arg-type]

    async def post(self, target: str, body: bytes, **how: object) -> Answer:
        """Send a form."""
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://{self.host}"}
        headers |= how.pop("headers", {})  # type: ignore[arg-type]
        return await self.request("POST", target, headers=headers, body=body, **how)  # type: ignore[arg-type]

    def keep(self, cookie: str) -> None:
        """Obey a Set-Cookie."""
        name, _, rest = cookie.partition("=")
        value, _, attributes = rest.partition(";")
        if "max-age=0" in attributes.lower():
            self.jar.pop(name, None)
        else:
            self.jar[name] = value


def target_of(location: str, base: str) -> str:
    """The origin-form target that a browser at `base` sends for a Location."""
    parts = urlsplit(urljoin(base, location))
    return parts.path + (f"?{parts.query}" if parts.query else "")
