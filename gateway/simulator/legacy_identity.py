"""All that a legacy system has to add: read X-User, verify it against the gateway's published keys.

This is also the shortest complete example of a backend that trusts the header.
"""

import asyncio
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import jwt
from multidict import CIMultiDictProxy

MAX_JWKS = 64 * 1024  # bytes
MAX_AGE = 300  # seconds
TIMEOUT = aiohttp.ClientTimeout(total=3)


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who is here. `user_id` is None for nobody, and then `why` says so in a sentence."""

    user_id: str | None
    claims: dict[str, Any]
    why: str = ""

    @property
    def name(self) -> str:
        """What to call them."""
        return str(self.claims.get("name") or self.user_id or "nobody")


def nobody(why: str) -> Visitor:
    """A request that proves nothing."""
    return Visitor(None, {}, why)


class KeyFetcher:
    """The gateway's public keys by `kid`.

    Fetched again for an unknown `kid` or after MAX_AGE (withdrawn keys must end), at most every `pause` seconds.
    """

    def __init__(
        self, client: aiohttp.ClientSession, url: str, pause: float = 3, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._url = url
        self._pause = pause
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._asked = self._fetched = -math.inf
        self._lock = asyncio.Lock()

    async def key(self, kid: str) -> jwt.PyJWK | None:
        """The key, or None if the gateway does not publish it or cannot be asked."""
        if self._wanting(kid):
            async with self._lock:
                if self._wanting(kid) and self._clock() - self._asked >= self._pause:
                    self._asked = self._clock()
                    await self._fetch()
        return self._keys.get(kid)

    def _wanting(self, kid: str) -> bool:
        return kid not in self._keys or self._clock() - self._fetched >= MAX_AGE

    async def _fetch(self) -> None:
        try:
            async with self._client.get(self._url, timeout=TIMEOUT, allow_redirects=False) as response:
                body = await response.content.read(MAX_JWKS + 1)
                while len(body) <= MAX_JWKS and (more := await response.content.read(MAX_JWKS)):
                    body += more
            if response.status != 200 or len(body) > MAX_JWKS:
                return
            keys = jwt.PyJWKSet.from_dict(json.loads(body)).keys
        except (aiohttp.ClientError, TimeoutError, ValueError, TypeError, AttributeError, jwt.PyJWTError):
            return  # keep the keys we have
        self._keys = {key.key_id: key for key in keys if key.key_id}
        self._fetched = self._asked


class IdentityReader:
    """Reads X-User and believes it only if it verifies, for this audience (and issuer, if one is given)."""

    def __init__(self, keys: KeyFetcher, audience: str, issuer: str | None = None) -> None:
        self._keys = keys
        self._audience = audience
        self._issuer = issuer

    async def read(self, headers: CIMultiDictProxy[str]) -> Visitor:
        """Who sent this request."""
        tokens = headers.getall("X-User", [])
        if not tokens:
            return nobody("no X-User header")
        if len(tokens) > 1:
            return nobody("more than one X-User header")
        try:
            kid = jwt.get_unverified_header(tokens[0]).get("kid")
            key = await self._keys.key(kid) if isinstance(kid, str) else None
            if key is None:
                return nobody("X-User is signed with a key that the gateway does not publish")
            claims = jwt.decode(
                tokens[0],
                key=key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                options={"require": ["exp", "iat", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError) as error:
            return nobody(f"X-User does not verify: {error}")
        return Visitor(claims["sub"], claims) if claims["sub"] else nobody("X-User names nobody")
