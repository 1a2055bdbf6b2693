"""One request as the pages see it. The front sets every X-Forwarded-* and X-Request-Id itself."""

import ipaddress
from dataclasses import dataclass, field

from aiohttp import web

from gateway.core.cookies import parse_cookies
from gateway.core.language import language
from gateway.stores.interface import Actor

from .devices import device_family

CARE_COOKIE = "gateway_care"
_MAX_USER_AGENT = 200  # characters kept in an audit row


@dataclass(frozen=True, slots=True)
class Visit:
    """`host` is the client's, lower case; `wants_json` says that a program asks, not a browser that navigates."""

    host: str
    ip: str
    request_id: str
    language: str
    wants_json: bool
    user_agent: str
    jar: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def care(self) -> bool | None:
        """What this browser was told about large type; None if nothing."""
        return next((value == "1" for name, value in self.jar if name == CARE_COOKIE), None)

    @property
    def network(self) -> str:
        """The address that budgets count: an IPv6 client owns a /64. "" if it is not known."""
        return _network(self.ip, 32, 64).removesuffix("/32")

    @property
    def neighbourhood(self) -> str:
        """What one owner of many addresses may have: a /24, or a /48 of IPv6. "" if it is not known."""
        return _network(self.ip, 24, 48)

    @property
    def device(self) -> str:
        """The family of the device, for the registry of sessions."""
        return device_family(self.user_agent)

    @property
    def actor(self) -> Actor:
        """The person at this browser, for an audit row."""
        return Actor("user", self.request_id, self.ip, self.user_agent[:_MAX_USER_AGENT])


def visit_of(request: web.Request) -> Visit:
    """The facts of one request."""
    headers = request.headers
    accept = ",".join(headers.getall("Accept", [])).lower()
    return Visit(
        host=headers.get("X-Forwarded-Host", request.host).lower(),
        ip=headers.get("X-Forwarded-For", request.remote or ""),
        request_id=headers.get("X-Request-Id", ""),
        language=language(",".join(headers.getall("Accept-Language", []))),
        wants_json="application/json" in accept and "text/html" not in accept,
        user_agent=headers.get("User-Agent", ""),
        jar=tuple(pair for line in headers.getall("Cookie", []) for pair in parse_cookies(line)),
    )


def _network(ip: str, bits: int, bits_of_ipv6: int) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(ipaddress.ip_network((address, bits if address.version == 4 else bits_of_ipv6), strict=False))


def is_prefetch(request: web.Request) -> bool:
    """Whether a browser only guesses that somebody may want this page."""
    return any(
        "prefetch" in request.headers.get(name, "").lower() or "preview" in request.headers.get(name, "").lower()
        for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
    )
