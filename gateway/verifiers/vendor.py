"""An SMS sender over a cloud vendor's API: what every vendor has in common."""

import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, Protocol

from yarl import URL

from .calls import OnCall, measured, unheard
from .interface import SenderMisconfigured, SenderRefused, VerifierOutage
from .posting import Poster, Reply

_CODE = re.compile(r"[A-Za-z0-9_.-]{1,80}")

log = logging.getLogger(__name__)


class Verdict(StrEnum):
    """What a vendor's answer means; its value is the metric's outcome."""

    SENT = "ok"
    LIMITED = "limited"  # this phone got too many messages
    BAD_NUMBER = "bad_number"  # this phone cannot be reached, or does not want to be
    CONFIG = "config"  # we are refused, whoever it is for: a person must act
    OUTAGE = "outage"


@dataclass(frozen=True, slots=True)
class Codes:
    """What a vendor's codes mean. `outages_begin`: how whole families of outages begin."""

    sent: str
    limited: frozenset[str]
    bad_number: frozenset[str]
    outages: frozenset[str] = frozenset()
    outages_begin: tuple[str, ...] = ()

    def verdict(self, code: str) -> Verdict:
        """Codes that are not listed are refusals of us, which somebody must look at."""
        if code == self.sent:
            return Verdict.SENT
        if code in self.limited:
            return Verdict.LIMITED
        if code in self.bad_number:
            return Verdict.BAD_NUMBER
        return Verdict.OUTAGE if code in self.outages or code.startswith(self.outages_begin) else Verdict.CONFIG


@dataclass(frozen=True, slots=True)
class Template:
    """A message text that the vendor has approved. `parameters`: what each of its parameters is filled with,
    "code" or "minutes". `abroad` is the text for numbers outside mainland China, where it is another one.
    """

    sign_name: str
    name: str
    parameters: Mapping[str, str]
    abroad: str = ""

    def name_for(self, phone: str) -> str:
        """The template's name for a canonical phone."""
        return self.abroad if self.abroad and phone.startswith("+") else self.name

    def filled(self, code: str, ttl: int) -> dict[str, str]:
        """The parameters' values, for a code that is good for `ttl` seconds."""
        values = {"code": code, "minutes": str(max(1, ttl // 60))}
        return {name: values[what] for name, what in self.parameters.items()}


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """To be sent as it is: the signature covers host, query, headers and body."""

    url: URL = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Vendor(Protocol):
    """One cloud's API, without the I/O."""

    name: Final[str]  # type: ignore[misc]  # each vendor's own
    codes: Final[Codes]  # type: ignore[misc]

    def request(self, phone: str, code: str, ttl: int, now: float) -> SignedRequest:
        """The request that sends `code`."""

    def code_of(self, body: bytes) -> str:
        """The code in the API's answer. Raises ValueError if there is none."""


class VendorSmsSender:
    """An SmsSender. Each message is one request, never repeated: it may have gone, and costs money.

    `on_call` hears of each; `clock` gives Unix seconds for the signature.
    """

    def __init__(
        self,
        vendor: Vendor,
        timeout: float = 5.0,
        *,
        on_call: OnCall = unheard,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._vendor = vendor
        self._poster = Poster(timeout)
        self._on_call = on_call
        self._clock = clock

    async def send(self, phone: str, code: str, ttl: int) -> None:
        """Send `code` to a canonical `phone`. A fault of ours is logged as an error, with the vendor's code only."""
        with measured(self._on_call, "sms") as call:
            request = self._vendor.request(phone, code, ttl, self._clock())
            try:
                verdict, answer = self._judged(await self._poster.post(request.url, request.headers, request.body))
            except VerifierOutage as error:
                verdict, answer = Verdict.OUTAGE, str(error)
            call.outcome = verdict.value
        if verdict is Verdict.CONFIG:
            log.error(
                "%s refuses to send any message: %s; look at [bind.sms] and the console", self._vendor.name, answer
            )
            raise SenderMisconfigured(answer)
        if verdict is Verdict.OUTAGE:
            log.warning("%s: %s", self._vendor.name, answer)
            raise VerifierOutage(answer)
        if verdict is not Verdict.SENT:
            raise SenderRefused(answer, verdict.value)

    def _judged(self, reply: Reply) -> tuple[Verdict, str]:
        """The vendor's word counts whatever the status; its sentence is never used: it may quote the phone."""
        try:
            code = self._vendor.code_of(reply.body)
        except (ValueError, RecursionError):
            code = ""
        if not _CODE.fullmatch(code):
            return Verdict.OUTAGE, f"HTTP status {reply.status}, without a code"
        verdict = self._vendor.codes.verdict(code)
        if verdict is Verdict.SENT and reply.status != 200:
            return Verdict.OUTAGE, f"HTTP status {reply.status} with {code}"
        if verdict is Verdict.CONFIG and reply.status >= 500:
            return Verdict.OUTAGE, f"HTTP status {reply.status} with {code}"
        return verdict, code

    async def close(self) -> None:
        """Release connections; idempotent."""
        await self._poster.close()


def member(document: object, *path: str | int) -> str:
    """The text at a place within JSON. Raises ValueError if there is none."""
    for step in path:
        match document, step:
            case dict(), str() if step in document:
                document = document[step]
            case list(), int() if step < len(document):
                document = document[step]
            case _:
                raise ValueError("not the vendor's answer")
    if not isinstance(document, str):
        raise ValueError("not the vendor's answer")
    return document


def host_of(base: str) -> str:
    """The Host header of an origin, as the client sends and the signature covers it."""
    return base.partition("://")[2].partition("/")[0]
