"""A visit to one web origin as by a browser: cookies for this visit only, redirects within the origin only."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import mktime_tz, parsedate_tz
from urllib.parse import urljoin, urlsplit

import aiohttp
from yarl import URL

MAX_BODY = 256 * 1024  # bytes
MAX_REDIRECTS = 5
MAX_COOKIES = 50
_ODD = re.compile(r"[\\\x00-\x20\x7f]")
_CHARSET = re.compile(r"""(?i)charset=["']?([a-z0-9_:.-]{1,40})""")


class VisitError(Exception):
    """The system did not answer as it should. The text holds nothing of a person."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response. `cookies` are the names it set to something, `location` is "" if there is none."""

    url: str
    status: int
    location: str
    cookies: frozenset[str]
    text: str = field(repr=False)


class Visit:
    """Requests to the origin of `url`. `host`: the name by which the system knows itself, if that is another one."""

    def __init__(
        self, session: aiohttp.ClientSession, url: str, *, host: str = "", server_name: str = "", charset: str = "utf-8"
    ) -> None:
        parts = urlsplit(url)
        self._session = session
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._host = host or parts.netloc
        self._shown = f"{parts.scheme}://{self._host}"
        self._server_name = server_name or None
        self._charset = charset
        self.cookies: dict[str, str] = {}

    async def get(self, url: str) -> Answer:
        """GET, redirects followed."""
        return await self.followed(await self._request("GET", url, None, {}))

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """POST; redirects are not followed."""
        return await self._request("POST", url, body, {"Origin": self._shown, **headers})

    async def followed(self, answer: Answer) -> Answer:
        """The page that redirects lead to, or the last answer before they lead elsewhere or repeat a POST."""
        for _ in range(MAX_REDIRECTS):
            if answer.status not in (301, 302, 303) or self.within(answer.url, answer.location) is None:
                return answer
            answer = await self._request("GET", urljoin(answer.url, answer.location), None, {"Referer": answer.url})
        raise VisitError(f"more than {MAX_REDIRECTS} redirects")

    def within(self, base: str, reference: str) -> str | None:
        """Path and query of a reference to this origin, None of one to elsewhere."""
        if _ODD.search(reference):
            return None
        try:
            target = urlsplit(urljoin(base, reference))
        except ValueError:
            return None
        if f"{target.scheme}://{target.netloc}".lower() not in self._names():
            return None
        return (target.path or "/") + (f"?{target.query}" if target.query else "")

    def _names(self) -> set[str]:
        """The origins that are this one; a TLS-ending proxy may show it as https."""
        shown = {f"{scheme}://{self._host}" for scheme in ("http", "https")}
        return {self._origin.lower(), self._shown.lower(), *(shown if self._shown != self._origin else ())}

    async def _request(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        target = self.within(f"{self._shown}/", url)
        if target is None:
            raise VisitError("a link to another origin")
        sent = {
            "Host": self._host,
            "Accept": "text/html,application/json;q=0.9,*/*;q=0.5",
            "Accept-Encoding": "identity",
            "User-Agent": "Mozilla/5.0 (compatible; wechat-gateway)",
            **headers,
        }
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        # Only path and query come from elsewhere: no answer can choose where a request goes.
        where = URL(self._origin + target, encoded=target.isascii())
        async with self._session.request(
            method, where, data=body, headers=sent, allow_redirects=False, server_hostname=self._server_name
        ) as response:
            received = bytearray()
            async for chunk in response.content.iter_any():
                received += chunk
                if len(received) > MAX_BODY:
                    raise VisitError(f"a body of more than {MAX_BODY} bytes")
            if response.status == 429 or response.status >= 500:
                raise VisitError(f"HTTP status {response.status}")
            names = self._keep(response.headers.getall("Set-Cookie", []))
            location = response.headers.get("Location", "")
            text = _decoded(bytes(received), response.headers.get("Content-Type", ""), self._charset)
            return Answer(self._shown + target, response.status, location, names, text)

    def _keep(self, headers: list[str]) -> frozenset[str]:
        """Keep what these set, for this visit; the names of those that were set to something."""
        kept: set[str] = set()
        for header in headers:
            pair, *attributes = header.split(";")
            name, equals, value = (part.strip() for part in pair.partition("="))
            if not equals or not name:
                continue
            if value in ("", '""') or _is_over(attributes):
                self.cookies.pop(name, None)
                kept.discard(name)
            elif name in self.cookies or len(self.cookies) < MAX_COOKIES:
                self.cookies[name] = value
                kept.add(name)
        return frozenset(kept)


def _is_over(attributes: list[str]) -> bool:
    """Whether a cookie's attributes (RFC 6265 5.2) delete it."""
    given = {name.strip().lower(): value.strip() for name, _, value in (each.partition("=") for each in attributes)}
    if re.fullmatch(r"-?[0-9]{1,12}", given.get("max-age", "")):
        return int(given["max-age"]) <= 0
    expires = parsedate_tz(given.get("expires", ""))
    try:
        return expires is not None and mktime_tz(expires) <= time.time()
    except (ValueError, OverflowError):
        return False


def _decoded(body: bytes, content_type: str, charset: str) -> str:
    said = _CHARSET.search(content_type)
    try:
        return body.decode(said[1] if said else charset, errors="replace")
    except LookupError:
        return body.decode(charset, errors="replace")
