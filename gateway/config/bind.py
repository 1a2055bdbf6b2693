"""The [bind] table: how people prove who they are in the legacy system, once."""

from typing import Annotated, Literal

from pydantic import ValidationInfo, field_validator

from .addresses import PageUrl
from .context import Section, key
from .hook import Hook
from .lockout import Lockout
from .notice import Notice
from .passwords import Password
from .sms import Sms
from .values import Seconds, between, only

METHODS = ("password", "sms")


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
    lockout: Lockout = key(default={}, description="What wrong proofs cost.")
    password: Password | None = key(default=None, description="Who checks passwords.")
    sms: Sms | None = key(default=None, description="Who sends codes, and who knows whose phone it is.")
    success: Literal["redirect", "page"] = key(
        default="redirect", description="After a bind: on to the page first asked for, or a page that leads there."
    )
    notice: Notice | None = key(
        default=None, description="The privacy notice on a page of the gateway's own, instead of `privacy_url`."
    )
    hook: Hook | None = key(default=None, description="Tells the legacy system of binds and unbinds.")

    @field_validator("notice")
    @classmethod
    def _one_notice(cls, notice: Notice | None, info: ValidationInfo) -> Notice | None:
        if notice is not None and info.data.get("privacy_url"):
            raise ValueError("would never be shown, for privacy_url leads elsewhere: leave one of them out")
        return notice

    @field_validator("methods")
    @classmethod
    def _distinct(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(methods)) < len(methods):
            raise ValueError("names a method twice")
        return methods
