"""The [bind] table: how people prove who they are in the legacy system, once."""

from pathlib import Path
from typing import Annotated

from pydantic import ValidationInfo, field_validator

from .addresses import PageUrl, ServiceUrl
from .context import Section, context_of, key
from .secret import RandomText
from .values import Duration, FilePath, Seconds, between, only

METHODS = ("password", "sms")

ServiceTimeout = Annotated[Duration, between("10ms", "30s")]


class Password(Section):
    """Who checks a username and a password."""

    verifier: Annotated[str, only("http", "file", later=("sql", "ldap", "form"))] = key(
        description="`http` asks a URL, `file` reads a users file. Later versions: sql, ldap, form.",
        json_schema_extra={"enum": ["http", "file"]},
    )
    url: ServiceUrl | None = key(
        default=None, description="`http`: where username and password are posted. Required then."
    )
    secret: RandomText | None = key(
        default=None, description="`http`: signs the requests (X-Gateway-Signature, HMAC-SHA256)."
    )
    timeout: ServiceTimeout = key(default="5s", description='`http`: how long an answer may take, at most "30s".')
    file: FilePath | None = key(default=None, description="`file`: the users file (TOML). Required then.")

    @field_validator("url", "file")
    @classmethod
    def _needed(cls, value: str | Path | None, info: ValidationInfo) -> str | Path | None:
        """Each verifier has the keys it needs."""
        owner = {"url": "http", "file": "file"}[str(info.field_name)]
        if value is None and info.data.get("verifier") == owner:
            raise ValueError(f'is required by verifier = "{owner}"')
        return value


class Sms(Section):
    """One-time codes by SMS: who sends them, and whose phone it is."""

    sender: Annotated[str, only("http", "log", later=("aliyun", "tencent"))] = key(
        description="`http` posts to a URL; `log` writes codes to the log, in development only. Later: aliyun, "
        "tencent.",
        json_schema_extra={"enum": ["http", "log"]},
    )
    sender_url: ServiceUrl | None = key(
        default=None, description="`http`: where phone and code are posted. Required then."
    )
    sender_secret: RandomText | None = key(default=None, description="`http`: signs the requests.")
    resolver: Annotated[str, only("http", later=("sql", "file"))] = key(
        default="http",
        description="Who knows whose phone it is: `http`. Later versions: sql, file.",
        json_schema_extra={"enum": ["http"]},
    )
    resolver_url: ServiceUrl | None = key(default=None, description="`http`: where the phone is posted. Required then.")
    resolver_secret: RandomText | None = key(default=None, description="`http`: signs the requests.")
    timeout: ServiceTimeout = key(
        default="5s", description='How long sender or resolver may take to answer, at most "30s".'
    )
    code_ttl: Annotated[Seconds, between("30s", "30m")] = key(default="5m", description="How long a code is good.")
    resend_after: Annotated[Seconds, between("10s", "1h")] = key(
        default="60s", description="How long a phone waits for its next code."
    )
    codes_per_phone: int = key(default=10, ge=1, le=1000, description="Codes that one phone gets a day.")
    codes_per_address: int = key(
        default=120, ge=60, le=100_000, description="Codes asked for from one client address an hour."
    )
    codes_in_all: int = key(default=3000, ge=1, le=10_000_000, description="Codes sent in all an hour: your bill.")

    @field_validator("sender")
    @classmethod
    def _log_in_development(cls, sender: str, info: ValidationInfo) -> str:
        if sender == "log" and not context_of(info).development:
            raise ValueError('"log" shows codes in the log: use "http", or server.development = true')
        return sender

    @field_validator("sender_url", "resolver_url")
    @classmethod
    def _needed(cls, url: str | None, info: ValidationInfo) -> str | None:
        owner = str(info.field_name).removesuffix("_url")
        if url is None and info.data.get(owner) == "http":
            raise ValueError(f'is required by {owner} = "http"')
        return url


class Bind(Section):
    """The bind page: what it offers, and for how long."""

    methods: tuple[Annotated[str, only(*METHODS, later=())], ...] = key(
        default=("password",),
        min_length=1,
        description="What the page offers, the first opened: `password`, `sms`.",
        json_schema_extra={"items": {"enum": list(METHODS)}},
    )
    ticket_ttl: Annotated[Seconds, between("30s", "15m")] = key(
        default="5m", description='How long the form may lie open, at most "15m".'
    )
    consent_version: str = key(
        default="1", max_length=64, description="Version of the consent text, kept with each binding."
    )
    privacy_url: PageUrl = key(default="", description="The privacy notice: a path of a public route, or a URL.")
    register_url: PageUrl = key(default="", description="Where those without an account go.")
    help_url: PageUrl = key(default="", description="Where those who cannot bind go.")
    failures_per_address: int = key(
        default=300,
        ge=60,
        le=1_000_000,
        description="Wrong proofs from one client address an hour; carriers put thousands of people behind one.",
    )
    password: Password | None = key(default=None, description="Who checks passwords.")
    sms: Sms | None = key(default=None, description="Who sends codes, and who knows whose phone it is.")

    @field_validator("methods")
    @classmethod
    def _distinct(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(methods)) < len(methods):
            raise ValueError("names a method twice")
        return methods
