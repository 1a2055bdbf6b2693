"""Where something listens or is reached: listeners, origins, URLs, upstream servers, networks, SQLite files."""

import ipaddress
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema

from .context import context_of
from .values import HOST, parse_route_path

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Tcp:
    """A TCP address. `host` is a name or an IP address without brackets. With `tls` or without, it is the same one."""

    host: str
    port: int
    tls: bool = field(default=False, compare=False)

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def __str__(self) -> str:
        scheme = "tls://" if self.tls else ""
        return f"{scheme}[{self.host}]:{self.port}" if ":" in self.host else f"{scheme}{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Https(Tcp):
    """A TCP address where TLS is spoken."""

    __str__ = Tcp.__str__


@dataclass(frozen=True, slots=True)
class Unix:
    """A Unix socket."""

    path: Path

    loopback = True

    def __str__(self) -> str:
        return f"unix:{self.path}"


Address = Tcp | Unix


def _unix(text: str, info: ValidationInfo) -> Unix:
    path = text.removeprefix("unix:")
    if not path or "\0" in path:
        raise ValueError("needs a path: write unix:/run/gateway.sock")
    return Unix(context_of(info).base / path)


def _listen(text: object, info: ValidationInfo) -> Address:
    if isinstance(text, str) and text.startswith("unix:"):
        return _unix(text, info)
    pattern = r"(tls://)?(?:\[([0-9A-Fa-f:.]+)\]|([^:/\[\]]+)):([0-9]{1,5})"
    match = re.fullmatch(pattern, text) if isinstance(text, str) else None
    if not match or int(match[4]) > 65535:
        raise ValueError('is not an address: write "127.0.0.1:8080", "[::1]:8080", "tls://[::]:8443" or "unix:/path"')
    host = match[2] or match[3]
    if host != "localhost":
        try:
            host = str(ipaddress.ip_address(host))
        except ValueError:
            raise ValueError("must begin with an IP address of this machine or localhost") from None
    address = Tcp(host, int(match[4]), tls=match[1] is not None)
    if context_of(info).development and not address.loopback:
        raise ValueError("must be loopback (127.0.0.1, [::1], unix:) while server.development is true")
    return address


def _listen_plain(text: object, info: ValidationInfo) -> Address:
    address = _listen(text, info)
    if isinstance(address, Tcp) and address.tls:
        raise ValueError("has no TLS: leave tls:// out, and keep it on loopback or a private network")
    return address


Listen = Annotated[Address, BeforeValidator(_listen), WithJsonSchema({"type": "string"})]
ListenPlain = Annotated[Address, BeforeValidator(_listen_plain), WithJsonSchema({"type": "string"})]


def _split(text: object, schemes: tuple[str, ...]) -> SplitResult:
    form = f"a URL that begins with {' or '.join(scheme + '://' for scheme in schemes)}"
    if not isinstance(text, str) or not re.fullmatch(r"[\x21-\x7e]+", text):
        raise ValueError(f"must be {form}")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError as error:
        if "ort" in str(error):  # Port out of range, or no number
            raise ValueError("has no port from 1 to 65535 behind its colon") from None
        raise ValueError(f"is not a URL: write {form}") from None
    if port == 0:
        raise ValueError("has no port from 1 to 65535 behind its colon")
    host = url.hostname or ""
    if url.scheme not in schemes or not HOST.fullmatch(f"[{host}]" if ":" in host else host):
        raise ValueError(f"must be {form}, with a host")
    if "@" in url.netloc or "\\" in text:
        raise ValueError("may not contain a user name, a password or a backslash")
    if url.fragment or text.endswith("#"):
        raise ValueError("may not have a fragment")
    return url


def _origin(url: SplitResult) -> str:
    host = url.hostname or ""
    host = f"[{host}]" if ":" in host else host
    standard = {"http": 80, "https": 443}[url.scheme]
    return f"{url.scheme}://{host}" + ("" if url.port in (None, standard) else f":{url.port}")


def _only_origin(text: object, schemes: tuple[str, ...]) -> SplitResult:
    url = _split(text, schemes)
    if url.path not in ("", "/") or url.query or str(text).endswith("?"):
        raise ValueError("must be an origin only, without path and query, like https://app.example.com")
    return url


def _secure(url: SplitResult, info: ValidationInfo) -> None:
    if url.scheme != "https" and not context_of(info).development:
        raise ValueError("must be https (plain http needs server.development = true)")


def _public_url(text: object, info: ValidationInfo) -> str:
    url = _only_origin(text, ("https", "http"))
    _secure(url, info)
    return _origin(url)


def _base(text: object, info: ValidationInfo) -> str:
    url = _split(text, ("https", "http"))
    _secure(url, info)
    if url.query:
        raise ValueError("may not have a query")
    return _origin(url) + (parse_route_path(url.path).path.rstrip("/") if url.path else "")


def _service(text: object) -> str:
    url = _split(text, ("https", "http"))
    return _origin(url) + (url.path or "/") + (f"?{url.query}" if url.query else "")


def _page(text: object) -> str:
    if isinstance(text, str) and re.fullmatch(r"|/(?!/)[\x21-\x5b\x5d-\x7e]*", text):
        return text
    try:
        _split(str(text).partition("#")[0], ("https", "http"))
    except ValueError:
        raise ValueError('must be a path on this site, like "/privacy", or an http(s) URL') from None
    return str(text)


def _server(text: object, info: ValidationInfo) -> Address:
    if isinstance(text, str) and text.startswith("unix:"):
        return _unix(text, info)
    if not isinstance(text, str) or not re.match(r"https?://", text, re.IGNORECASE):
        hint = "; WebSockets need no scheme of their own" if re.match(r"wss?://", str(text), re.IGNORECASE) else ""
        raise ValueError(f'is no server: write "http://host:port", "https://host" or "unix:/path"{hint}')
    url = _split(text, ("http", "https"))
    if url.path not in ("", "/") or url.query:
        raise ValueError("has a path: write the origin only; a route's add_prefix puts a path before others")
    kind, port = (Https, 443) if url.scheme == "https" else (Tcp, 80)
    return kind(url.hostname or "", url.port or port)


def _cors_origin(text: object) -> str:
    return _origin(_only_origin(text, ("https", "http")))


CorsOrigin = Annotated[str, BeforeValidator(_cors_origin)]
"""An origin as browsers send it."""

PublicUrl = Annotated[str, BeforeValidator(_public_url)]
"""An origin: scheme, host in lower case, a port that is not the scheme's own."""

BaseUrl = Annotated[str, BeforeValidator(_base)]
"""An https URL to append paths to, without trailing slash."""

ServiceUrl = Annotated[str, BeforeValidator(_service)]
"""An http(s) URL to post to."""

PageUrl = Annotated[str, BeforeValidator(_page)]
"""Where a link leads: a path of this site, or an http(s) URL; "" is nowhere."""

UpstreamServer = Annotated[Address, BeforeValidator(_server), WithJsonSchema({"type": "string"})]


def server_url(server: Address) -> str:
    """An upstream server as it is configured: its origin, without the scheme's own port; or `unix:/path`."""
    if isinstance(server, Unix):
        return str(server)
    scheme, standard = ("https", 443) if isinstance(server, Https) else ("http", 80)
    return f"{scheme}://{server}".removesuffix(f":{standard}")


def _network(text: object) -> Network:
    try:
        network = ipaddress.ip_network(text if isinstance(text, str) else "")
    except ValueError:
        raise ValueError('is not a network: write a CIDR like "10.0.0.0/8", or one address') from None
    if network.prefixlen == 0:
        raise ValueError("would trust everybody: name your proxies' addresses")
    return network


Cidr = Annotated[Network, BeforeValidator(_network), WithJsonSchema({"type": "string"})]

_LATER_STORES = ("redis", "rediss", "postgresql", "mysql")


def _sqlite(text: object, info: ValidationInfo) -> str:
    scheme, _, path = text.partition(":") if isinstance(text, str) else ("", "", "")
    if scheme.partition("+")[0] in _LATER_STORES:
        raise ValueError(f"{scheme}: is not in this version, which has sqlite:")
    if scheme != "sqlite" or not path or re.match(r"//[^/]", path) or re.search(r"[?#\0]|^:", path):
        raise ValueError('must be a file of its own, like "sqlite:data/bindings.db"')
    return f"sqlite:{context_of(info).base / re.sub('^/+', '/', path)}"


SqliteUrl = Annotated[str, BeforeValidator(_sqlite)]
"""`sqlite:` and an absolute path."""


def host_of(origin: str) -> str:
    """The host of a URL, without port, as routes and apps write it."""
    host = urlsplit(origin).hostname or ""
    return f"[{host}]" if ":" in host else host
