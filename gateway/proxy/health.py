"""Active health checks: each server is asked now and then, on a connection of its own, whether it is fit."""

import asyncio
import logging
import random
from collections.abc import Callable, Collection

from gateway.core.head import ResponseHead
from gateway.wire.dial import Connect, trouble
from gateway.wire.upstream import UpstreamConnection

log = logging.getLogger(__name__)

_BODY_LIMIT = 64 * 1024  # bytes of an answer that are read; the head has the wire's limit


class Health:
    """Whether a server is fit: `fall` failed checks in a row make it unfit, `rise` passed ones fit. It begins fit."""

    def __init__(self, rise: int = 2, fall: int = 3) -> None:
        self._rise = rise
        self._fall = fall
        self._against = 0  # checks in a row that contradict `fit`
        self.fit = True

    def note(self, passed: bool) -> bool:
        """One check. True: `fit` has changed by it."""
        self._against = 0 if passed is self.fit else self._against + 1
        if self._against < (self._fall if self.fit else self._rise):
            return False
        self._against = 0
        self.fit = passed
        return True


def check_request(path: str, host: str) -> bytes:
    """What a check sends."""
    lines = (f"GET {path} HTTP/1.1", f"Host: {host}", "User-Agent: gateway-health", "Accept: */*", "Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class Checker:
    """Asks one server every `interval` seconds, one check at a time."""

    def __init__(
        self,
        connect: Connect,
        request: bytes,
        accepted: Collection[int],
        *,
        interval: float,
        timeout: float,
        rand: Callable[[], float] = random.random,
    ) -> None:
        self._connect = connect
        self._request = request
        self._accepted = accepted
        self._interval = interval
        self._timeout = timeout
        self._rand = rand

    async def run(self, heard: Callable[[str | None], None]) -> None:
        """Check for ever. `heard` gets None for a check that passed, else why it did not."""
        await asyncio.sleep(min(self._interval, 1.0) * self._rand())
        while True:
            heard(await self.check())
            await asyncio.sleep(self._interval * (0.8 + 0.2 * self._rand()))

    async def check(self) -> str | None:
        """One check: None, or why it failed."""
        try:
            async with asyncio.timeout(self._timeout):
                connection = await self._connect()
                try:
                    return await self._ask(connection)
                finally:
                    connection.abandon()
        except TimeoutError:
            return f"no answer within {self._timeout:g} s"
        except OSError as error:
            return trouble(error)
        except Exception as error:
            log.exception("a health check failed")
            return type(error).__name__

    async def _ask(self, connection: UpstreamConnection) -> str | None:
        if connection.closed:
            return "closed as soon as it was made"
        answer = _Answer()
        connection.send(answer, b"GET", self._request)
        broken = await answer.end
        if broken is not None:
            return broken
        return None if answer.status in self._accepted else f"status {answer.status}"


class _Answer:
    """Hears one answer to its end, or as much of it as matters. `end`: None, or what was wrong."""

    takes_whole = False

    def __init__(self) -> None:
        self.status = 0
        self.end: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._read = 0

    def switches(self, head: ResponseHead) -> bool:
        """Nothing was asked for but a response."""
        return False

    def response_head(self, head: ResponseHead) -> None:
        self.status = head.status

    def response_whole(self, head: ResponseHead, body: bytes, data: bytes) -> None:
        pass

    def response_data(self, data: bytes) -> None:
        self._read += len(data)
        if self._read > _BODY_LIMIT:
            self._over(None)

    def response_paused(self) -> None:
        pass

    def response_end(self) -> None:
        self._over(None)

    def response_failed(self, reason: str, *, answered: bool) -> None:
        self._over(reason)

    def upstream_paused(self) -> None:
        pass

    def upstream_resumed(self) -> None:
        pass

    def _over(self, verdict: str | None) -> None:
        if not self.end.done():
            self.end.set_result(verdict)
