"""The only code that calls WeChat: one app's exchange of codes, with limits on every wait, body and crowd."""

import asyncio
import logging
import ssl
import time
from collections.abc import Awaitable, Callable
from secrets import SystemRandom

import aiohttp

from .interface import ExchangeFailed, Failure, WeChatIdentity
from .oauth import BUSY, authorize_url, parse_token_reply

MAX_BODY = 64 * 1024  # bytes; a real reply has a few hundred
MAX_CODE = 512  # characters
MAX_TRIES = 3

log = logging.getLogger(__name__)
_random = SystemRandom().random


class WeChat:
    """An Official Account (a Provider).

    `timeout` in seconds a try; `ca_file` replaces the system's certificate authorities; `exchanges` at once at most;
    `on_call(app, outcome, seconds)` hears of every try; `random` gives [0, 1) and `sleep` waits, for the jitter.
    """

    def __init__(
        self,
        app: str,
        app_id: str,
        secret: str,
        scope: str = "snsapi_base",
        authorize_base: str = "https://open.weixin.qq.com",
        api_base: str = "https://api.weixin.qq.com",
        *,
        timeout: float = 5.0,
        ca_file: str | None = None,
        exchanges: int = 100,
        on_call: Callable[[str, str, float], None] = lambda app, outcome, seconds: None,
        random: Callable[[], float] = _random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.app = app
        self._app_id = app_id
        self._secret = secret
        self._scope = scope
        self._authorize_base = authorize_base
        self._token_url = api_base.rstrip("/") + "/sns/oauth2/access_token"
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=timeout / 2)
        self._tls = ssl.create_default_context(cafile=ca_file)
        self._exchanges = exchanges
        self._running = 0
        self._on_call = on_call
        self._random = random
        self._sleep = sleep
        self._clock = clock
        self._session: aiohttp.ClientSession | None = None

    def authorize_url(self, redirect_uri: str, state: str) -> str:
        """Where to send a browser."""
        return authorize_url(self._authorize_base, self._app_id, redirect_uri, self._scope, state)

    async def exchange(self, code: str) -> WeChatIdentity:
        """Spend `code`, in at most three tries. Raises ExchangeFailed."""
        if not (0 < len(code) <= MAX_CODE and code.isascii() and code.isprintable()):
            raise ExchangeFailed(Failure.RESTART, message="not a code of WeChat's")
        if self._running >= self._exchanges:
            self._on_call(self.app, "overloaded", 0.0)
            raise ExchangeFailed(Failure.OUTAGE, message="too many exchanges at once")
        self._running += 1
        try:
            return await self._exchange(code)
        finally:
            self._running -= 1

    async def close(self) -> None:
        """Release connections; idempotent."""
        if self._session is not None:
            await self._session.close()

    async def _exchange(self, code: str) -> WeChatIdentity:
        tried = 0
        while True:
            tried += 1
            try:
                return await self._call(code)
            except ExchangeFailed as failed:
                log.log(_level(failed), "app=%s try=%d %s", self.app, tried, failed)
                if tried >= _tries(failed):
                    raise
            await self._sleep(0.1 + 0.4 * self._random())

    async def _call(self, code: str) -> WeChatIdentity:
        """One try, measured."""
        began = self._clock()
        outcome = "cancelled"
        try:
            identity = parse_token_reply(await self._ask(code))
            outcome = "snapshot" if identity.snapshot else "ok"
            return identity
        except ExchangeFailed as failed:
            outcome = "busy" if failed.errcode == BUSY else failed.failure.value
            raise
        finally:
            self._on_call(self.app, outcome, self._clock() - began)

    async def _ask(self, code: str) -> bytes:
        """The body of WeChat's answer. The library's errors show the URL, with the secret: they end here."""
        params = {"appid": self._app_id, "secret": self._secret, "code": code, "grant_type": "authorization_code"}
        try:
            async with self._client().get(self._token_url, params=params, allow_redirects=False) as response:
                if response.status != 200:
                    raise _NoAnswer(f"HTTP status {response.status}")
                return await _bounded_body(response)
        except aiohttp.ClientSSLError as error:
            raise _NoAnswer(type(error).__name__, tries=1) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:  # nothing was sent
            raise _NoAnswer(type(error).__name__, tries=MAX_TRIES) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            raise _NoAnswer(type(error).__name__) from None

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(ssl=self._tls, limit=self._exchanges),
                timeout=self._timeout,
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"Accept-Encoding": "identity"},
                auto_decompress=False,
                trust_env=False,
            )
        return self._session


class _NoAnswer(ExchangeFailed):
    """WeChat gave no usable answer. The code may be spent all the same, hence one more try only."""

    def __init__(self, message: str, tries: int = 2) -> None:
        super().__init__(Failure.OUTAGE, message=message)
        self.tries = tries


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            raise _NoAnswer(f"a body of more than {MAX_BODY} bytes")
    return bytes(body)


def _tries(failed: ExchangeFailed) -> int:
    """How often in all a call may be made that failed like this."""
    if isinstance(failed, _NoAnswer):
        return failed.tries
    if failed.errcode is None:  # not a reply of WeChat's
        return 2
    return MAX_TRIES if failed.errcode == BUSY else 1


def _level(failed: ExchangeFailed) -> int:
    return logging.ERROR if failed.failure is Failure.CONFIG else logging.WARNING
