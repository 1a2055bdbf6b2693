"""What the pages use, as one value that the composition root fills in."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from gateway.core.cookies import CookieNames
from gateway.core.outside import Outside
from gateway.sealing import KeyedHash, Sealer
from gateway.stores.interface import Bindings, State
from gateway.stores.lockout import Lockout
from gateway.stores.sessions import SealedCookieStorage
from gateway.telemetry.metrics import Metrics
from gateway.verifiers.hook import BindEvent
from gateway.verifiers.interface import PasswordVerifier, PhoneResolver, SmsSender
from gateway.verifiers.phone import canonical_phone
from gateway.wechat.dance import Dance
from gateway.wechat.interface import Provider

from .look import Look


@dataclass(frozen=True, slots=True)
class Brand:
    """Whose pages these are. Addresses may be "" (no link); `consent_version` goes into each binding."""

    name: str = ""
    privacy_url: str = ""
    register_url: str = ""
    help_url: str = ""
    consent_version: str = "1"


LOCKOUT = Lockout(failures=10, delay_after=6, delay=1, max_delay=60, lock=1800, window=3600)


@dataclass(frozen=True, slots=True)
class PrivacyNotice:
    """Who handles what, why and for how long, and one's rights (PIPL 17). Texts by language, "" for those who lack it.

    A topic without a text has ours, from the catalogs.
    """

    controller: str
    contact: str
    topics: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # of TOPICS

    TOPICS: ClassVar = ("purpose", "data", "retention", "rights")

    def text(self, topic: str, language: str) -> str | None:
        """The operator's words on a topic; None: ours will do."""
        texts = self.topics.get(topic, {})
        return texts.get(language) or texts.get("") or next(iter(texts.values()), None)


def nobody(event: BindEvent) -> None:
    """There is no hook."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, and counts within them. Failures are wrong passwords and codes."""

    ticket: int = 300
    chain: int = 900  # all renewals of a ticket
    tries: int = 5  # of one chain, and of one session within its time
    code: int = 300
    code_tries: int = 5
    resend: int = 60
    lockout: Lockout = LOCKOUT  # of an account, for one WeChat user
    failures_per_account: int = 50  # an hour, whoever fails
    failures_per_subject: int = 30
    failures_per_ip: int = 300  # carriers put thousands of people behind one address
    failures_in_all: int = 10_000
    floor: float = 0.0  # what tells something by its time leaves at a multiple of this; 0: at once
    sends_per_phone_hour: int = 5
    sends_per_phone_day: int = 10
    sends_per_ticket: int = 3
    sends_per_subject: int = 10  # an hour
    sends_per_ip: int = 120
    sends_per_network: int = 600  # a /24, or a /48 of IPv6
    sends_in_all: int = 3000
    dead_codes_per_ip: int = 300  # an hour; login codes that WeChat refused
    handover: int = 120
    handovers_per_ip: int = 120  # begun within the time that one lives
    handovers_per_network: int = 600  # a /24, or a /48 of IPv6
    handovers_in_all: int = 3000
    handovers_per_subject: int = 20  # an hour, that a phone claims
    exchange_wait: float = 20.0  # for a copy of a callback, while another copy exchanges


def _no_app(host: str) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class WebParts:
    """Everything that `build_web` needs.

    `app_of_host` and `origin_of` take a Host as the client sees it, lower case: the WeChat app that logs people in
    there (None: no app does), and the origin of our pages there; `website_of_host`: another app whose sessions count
    there too. `needs_binding(host, return_to)`: whether that page is for bound users only. `password`, or `sms` with
    `resolver`, make a method of binding; `phone` gives the one spelling of a phone, None for what is none. `absolute`
    is the sessions' absolute limit in seconds; `tell` hears of binds and unbinds, and returns at once; `jwks` gives the
    published keys as JSON; `domain_files` are served at the root.
    """

    prefix: str
    secure: bool
    providers: Mapping[str, Provider]
    app_of_host: Callable[[str], str | None]
    origin_of: Callable[[str], str]
    needs_binding: Callable[[str, str], bool]
    cookies: CookieNames
    dance: Dance
    sessions: SealedCookieStorage
    absolute: int
    bindings: Bindings
    state: State
    result_sealer: Sealer
    names: KeyedHash  # of SMS codes, phones, and names in budgets
    jwks: Callable[[], bytes]
    metrics: Metrics
    password: PasswordVerifier | None = None
    sms: SmsSender | None = None
    resolver: PhoneResolver | None = None
    phone: Callable[[str], str | None] = canonical_phone
    outside: Mapping[str, Outside] = field(default_factory=dict)  # by app; QR, if it does not say
    website_of_host: Callable[[str], str | None] = _no_app
    domain_files: Mapping[str, str] = field(default_factory=dict)
    brand: Brand = Brand()
    look: Look = field(default_factory=Look)
    notice: PrivacyNotice | None = None
    success_page: bool = False  # after a bind, rather than going on at once
    tell: Callable[[BindEvent], None] = nobody
    limits: Limits = Limits()
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[int], bytes] = secrets.token_bytes
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    def counts_on(self, host: str, app: str) -> bool:
        """Whether sessions of `app` count on this Host."""
        own = self.app_of_host(host)
        return own is not None and app in (own, self.website_of_host(host))

    @property
    def methods(self) -> tuple[str, ...]:
        """The configured ways to bind, the default first."""
        password = ("password",) if self.password else ()
        return (*password, "sms") if self.sms and self.resolver else password
