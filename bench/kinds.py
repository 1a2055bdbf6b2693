"""The kinds of load: each is one request, as its octets stand on the wire, and what its answer must be."""

from dataclasses import dataclass

from bench.client import NAVIGATION

SECTION = "/section7/pages"
FORM = b"name=Zhang+San&department=accounts&note=" + b"n" * 120
CHUNKS = (b"u" * 400, b"v" * 400, b"w" * 224)


@dataclass(frozen=True, slots=True)
class Kind:
    """One request. `only`: the proxies that are asked it; empty: all but the gateway's variants."""

    name: str
    title: str
    path: str = f"{SECTION}/list?order=new"
    chunks: tuple[bytes, ...] = ()  # sent chunked
    form: bytes = b""
    status: int = 200
    connections: int | None = None  # None: as many as the command asks for
    only: tuple[str, ...] = ("nginx", "gateway")
    everywhere: bool = False  # from all cores, those of the proxy too

    def concerns(self, proxy: str) -> bool:
        """Whether a proxy is asked it."""
        return proxy in self.only if self.only else not proxy.startswith("gateway-")

    def request(self, netloc: str, cookie: str) -> bytes:
        """The request with the ten headers of a browser and a session's cookie."""
        posts = bool(self.form or self.chunks)
        headers = {"Host": netloc, **NAVIGATION, "Cookie": cookie}
        body = self.form
        if posts:
            headers |= {"Origin": f"http://{netloc}", "Content-Type": "application/x-www-form-urlencoded"}
        if self.form:
            headers["Content-Length"] = str(len(self.form))
        if self.chunks:
            headers["Transfer-Encoding"] = "chunked"
            body = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in self.chunks) + b"0\r\n\r\n"
        lines = [f"{'POST' if posts else 'GET'} {self.path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + body


PAGE = Kind("get-1k", "GET, 1 KB", only=())
WORKERS = Kind("workers", "GET, 1 KB, by number of workers", only=("gateway", "gateway-2-workers"), everywhere=True)
KINDS = (
    PAGE,
    Kind("get-1k-one", "GET, 1 KB, one connection", connections=1, only=()),
    Kind("post-1k", "POST of a form", f"{SECTION}/save", form=FORM),
    Kind("upload-chunked", "POST, chunked", f"{SECTION}/upload", chunks=CHUNKS),
    Kind("get-404", "GET, answer 404", f"{SECTION}/missing", status=404),
    Kind("get-chunked", "GET, answer chunked", f"{SECTION}/stream.html"),
    Kind("get-100k", "GET, 100 KB", f"{SECTION}/large.bin", only=()),
    Kind("routes", "GET, 1 KB, by number of routes", only=("gateway-10", "gateway-1000")),
    WORKERS,
)
