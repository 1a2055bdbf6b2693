"""The [bind.sms] table: one-time codes, who sends them, and whose phone it is."""

from pathlib import Path
from typing import Annotated

from pydantic import ValidationInfo, field_validator

from gateway.core.countries import COUNTRIES

from .addresses import ServiceUrl
from .clouds import AliyunSms, TencentSms
from .context import Section, context_of, key
from .secret import RandomText
from .sql import PhoneSql
from .values import FilePath, Seconds, ServiceTimeout, between, only

SENDERS = ("http", "aliyun", "tencent", "log")


class Sms(Section):
    """One-time codes by SMS: who sends them, and whose phone it is."""

    sender: Annotated[str, only(*SENDERS, later=())] = key(
        description="`http` posts to a URL; `aliyun` and `tencent` are clouds, each with a table of its own; `log` "
        "writes codes to the log, in development only.",
        json_schema_extra={"enum": list(SENDERS)},
    )
    sender_url: ServiceUrl | None = key(
        default=None, description="`http`: where phone and code are posted. Required then."
    )
    sender_secret: RandomText | None = key(default=None, description="`http`: signs the requests.")
    aliyun: AliyunSms | None = key(default=None, description="`aliyun`: the account and the text. Required then.")
    tencent: TencentSms | None = key(default=None, description="`tencent`: the account and the text. Required then.")
    resolver: Annotated[str, only("http", "sql", "file", later=())] = key(
        default="http",
        description="Who knows whose phone it is: `http` asks a URL, `sql` a database, `file` reads a users file.",
        json_schema_extra={"enum": ["http", "sql", "file"]},
    )
    resolver_url: ServiceUrl | None = key(default=None, description="`http`: where the phone is posted. Required then.")
    resolver_secret: RandomText | None = key(default=None, description="`http`: signs the requests.")
    resolver_file: FilePath | None = key(
        default=None, description="`file`: the users file (TOML), with phones. Required then."
    )
    sql: PhoneSql | None = key(
        default=None, description="`sql`, as resolver: the database and its query. Required then."
    )
    timeout: ServiceTimeout = key(
        default="5s", description='How long sender or resolver may take to answer, at most "30s".'
    )
    countries: tuple[Annotated[str, only(*COUNTRIES, later=())], ...] = key(
        default=("CN",),
        min_length=1,
        description="Whose mobile numbers are taken. Without + and country code a number is a mainland one, if `CN` is "
        "listed, or one of the first listed country.",
        json_schema_extra={"items": {"enum": list(COUNTRIES)}},
    )
    code_ttl: Annotated[Seconds, between("30s", "30m")] = key(default="5m", description="How long a code is good.")
    resend_after: Annotated[Seconds, between("10s", "1h")] = key(
        default="60s", description="How long a phone waits for its next code."
    )
    codes_per_phone: int = key(default=10, ge=1, le=1000, description="Codes that one phone gets a day.")
    codes_per_address: int = key(
        default=120, ge=60, le=100_000, description="Codes asked for from one client address an hour."
    )
    codes_per_network: int = key(
        default=600, ge=60, le=1_000_000, description="Codes asked for from one /24 (IPv6: /48) an hour."
    )
    codes_in_all: int = key(default=3000, ge=1, le=10_000_000, description="Codes sent in all an hour: your bill.")

    @field_validator("sender")
    @classmethod
    def _log_in_development(cls, sender: str, info: ValidationInfo) -> str:
        if sender == "log" and not context_of(info).development:
            raise ValueError('"log" shows codes in the log: use another sender, or server.development = true')
        return sender

    @field_validator("sender_url", "resolver_url")
    @classmethod
    def _needed(cls, url: str | None, info: ValidationInfo) -> str | None:
        owner = str(info.field_name).removesuffix("_url")
        if url is None and info.data.get(owner) == "http":
            raise ValueError(f'is required by {owner} = "http"')
        return url

    @field_validator("aliyun", "tencent")
    @classmethod
    def _of_the_sender(cls, table: Section | None, info: ValidationInfo) -> Section | None:
        if table is None and info.data.get("sender") == info.field_name:
            raise ValueError(f'is required by sender = "{info.field_name}": write a table [bind.sms.{info.field_name}]')
        return table

    @field_validator("countries")
    @classmethod
    def _distinct(cls, countries: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(countries)) < len(countries):
            raise ValueError("names a country twice")
        return countries

    @field_validator("resolver_file", "sql")
    @classmethod
    def _asked(cls, value: Path | PhoneSql | None, info: ValidationInfo) -> Path | PhoneSql | None:
        resolver = {"resolver_file": "file", "sql": "sql"}[str(info.field_name)]
        if value is None and info.data.get("resolver") == resolver:
            table = ": write a table [bind.sms.sql]" if resolver == "sql" else ""
            raise ValueError(f'is required by resolver = "{resolver}"{table}')
        return value
