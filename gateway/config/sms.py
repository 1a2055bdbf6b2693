"""The [bind.sms] table: one-time codes, who sends them, and whose phone it is."""

from typing import Annotated

from pydantic import ValidationInfo, field_validator

from .addresses import ServiceUrl
from .context import Section, context_of, key
from .secret import RandomText
from .values import Seconds, ServiceTimeout, between, only


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
