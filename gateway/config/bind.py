"""The [bind] table: how people prove who they are in the legacy system, once."""

from typing import Annotated

from pydantic import field_validator

from .addresses import PageUrl
from .context import Section, key
from .lockout import Lockout
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

    @field_validator("methods")
    @classmethod
    def _distinct(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(methods)) < len(methods):
            raise ValueError("names a method twice")
        return methods
