"""POST requests to services of the legacy system and of vendors: bounded, timed, over verified TLS, never repeated."""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from gateway.wire.dial import trouble

from .interface import VerifierOutage

MAX_BODY = 64 * 1024  # bytes
MAX_CALLS = 50  # at once; more wait within their timeout

_SECONDS = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class Reply:
    """`retry_after` in seconds, None without one."""

    status: int
    body: bytes = field(repr=False)
    retry_after: int | None


def words_of(error: Exception) -> str:
    """Why there was no answer over HTTP, without anything that was sent or received."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError):
        inner = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
        return trouble(inner) if isinstance(inner, OSError) else type(error).__name__
    return type(error).__name__


class Poster:
    """POSTs within `timeout` seconds in all; redirects are not followed."""

    def __init__(self, timeout: float) -> None:
        self._tls = ssl.create_default_context()
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._session: aiohttp.ClientSession | None = None

    async def post(self, url: str | URL, headers: Mapping[str, str], body: bytes) -> Reply:
        """The reply, whatever its status. Raises VerifierOutage, which quotes nothing that was sent."""
        try:
            async with self._client().post(url, data=body, headers=headers, allow_redirects=False) as response:
                received = bytearray()
                async for chunk in response.content.iter_any():
                    received += chunk
                    if len(received) > MAX_BODY:
                        raise VerifierOutage(f"a body of more than {MAX_BODY} bytes")
                wait = response.headers.get("Retry-After", "")
                retry_after = int(wait) if _SECONDS.fullmatch(wait) else None
                return Reply(response.status, bytes(received), retry_after)
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            raise VerifierOutage(words_of(error)) from None

    async def close(self) -> None:
        """Release connections; idempotent."""
        if self._session is not None:
            await self._session.close()

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # The peer may close a kept connection just as a POST leaves, which must not be repeated.
                connector=aiohttp.TCPConnector(ssl=self._tls, limit=MAX_CALLS, force_close=True),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept": "application/json", "Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
            )
        return self._session
