"""The tables about what is remembered and what is vouched for: session, state, bindings, identity."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ValidationInfo, field_validator

from .addresses import ServiceUrl, SqliteUrl
from .context import Section, key
from .names import check_identity_header
from .secret import IdentityKeyReference
from .values import Duration, Seconds, between, not_yet


def _session_store(value: Any) -> Any:
    if isinstance(value, str) and value.startswith("redis"):
        raise ValueError('Redis is not in this version, which has "cookie"')
    if value != "cookie":
        raise ValueError('must be "cookie"')
    return value


class Session(Section):
    """How long a login lasts."""

    store: Annotated[str, BeforeValidator(_session_store)] = key(
        default="cookie", description="Where sessions live: `cookie`, sealed. A later version brings Redis."
    )
    absolute: Annotated[Seconds, between("1s", "365d")] = key(
        default="30d", description="A session ends after this time whatever happens."
    )
    idle: Annotated[Seconds, between("1s", "365d")] = key(
        default="7d", description="A session ends when it was not used for this long. At most `absolute`."
    )

    @field_validator("idle")
    @classmethod
    def _idle_within_absolute(cls, idle: int, info: ValidationInfo) -> int:
        if idle > info.data.get("absolute", idle):
            raise ValueError("may not be longer than session.absolute")
        return idle


class State(Section):
    """Tickets, attempts, one-time codes, counters: what lives for minutes."""

    url: SqliteUrl = key(default="sqlite:data/state.db", description="`sqlite:` and a file. Later versions: Redis.")


class Refresh(Section):
    """Reading a user's claims anew from the legacy system."""

    url: ServiceUrl = key(description="Where to ask: 404 ends the binding, an outage keeps it.")
    ttl: Seconds = key(default="1h", description="How old claims may become.")


class Bindings(Section):
    """Which WeChat user is which user of the legacy system."""

    url: SqliteUrl = key(
        default="sqlite:data/bindings.db",
        description="`sqlite:` and a file. Later versions: PostgreSQL, MySQL, Redis.",
    )
    per_user: int = key(
        default=1, ge=0, le=1000, description="WeChat identities that one user may hold; 0 is no limit."
    )
    on_conflict: Literal["refuse", "replace"] = key(
        default="refuse",
        description="When another binding is in the way of a new one: refuse the new, or replace the old.",
    )
    cache_ttl: Annotated[Duration, between("0s", "60s")] = key(
        default="5s",
        description="How long a worker may remember a binding; the longest delay of an unbind or logout elsewhere.",
    )
    refresh: Annotated[Refresh | None, not_yet("refresh of claims")] = key(
        default=None, description="Re-reads the user's claims. A later version brings it."
    )


class Identity(Section):
    """The signed header that upstreams read."""

    header: str = key(default="X-User", description="The header's name.")
    algorithm: Literal["ES256", "EdDSA", "RS256", "HS256"] = key(
        default="ES256", description="How tokens are signed: ES256, EdDSA, RS256 or HS256."
    )
    keys: tuple[IdentityKeyReference, ...] = key(
        min_length=1,
        description="PKCS#8 PEM private keys: the first signs, all are published at `jwks.json`. With HS256, secrets "
        "of at least 32 bytes, never published: one an audience, which the same table names with `audience`.",
    )
    issuer: str = key(default="", max_length=256, description="The tokens' `iss`. Default: public_url.")
    ttl: Annotated[Seconds, between("1s", "300s")] = key(
        default="120s", description='How long a token is good for, at most "300s".'
    )

    @field_validator("header")
    @classmethod
    def _header(cls, header: str) -> str:
        check_identity_header(header)
        return header
