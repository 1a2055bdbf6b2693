"""One file of policies/: what a route demands and what it hands on."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ValidationInfo, field_validator

from gateway.core.identity import RESERVED_CLAIMS
from gateway.core.policy import Access, Challenge, Cors, Policy, Preflight, Requirement

from .addresses import CorsOrigin
from .context import Section, key
from .edits import RequestHeaders, ResponseHeaders
from .names import check_identity_header, folded
from .values import Seconds, Size, Timeout, between, matching

_CHALLENGES = {
    "auto": Challenge.AUTO,
    "login": Challenge.REDIRECT,
    "bind": Challenge.REDIRECT,
    "401": Challenge.REFUSE,
    "403": Challenge.REFUSE,
}

ClaimName = Annotated[str, matching(r"[A-Za-z_][A-Za-z0-9_.:/-]{0,127}", "letters, digits, _ and -")]


def _not_ours(claims: tuple[str, ...]) -> tuple[str, ...]:
    if taken := sorted(RESERVED_CLAIMS.intersection(claims)):
        raise ValueError(f"{taken[0]!r} is the gateway's own claim and always its own word")
    return claims


class RequireTable(Section):
    """A condition: the claim, or one item of a list, is among the values."""

    claim: ClaimName = key(description="The claim's name.")
    values: tuple[str, ...] = key(min_length=1, description="What it may be.")


class CorsTable(Section):
    """Whose scripts may read our own 401 and 403 answers."""

    origins: tuple[CorsOrigin, ...] = key(min_length=1, description="Exact origins, like https://app.example.com.")


class PolicyFile(Section):
    """A policy file."""

    access: Literal["public", "optional", "wechat", "bound"] = key(
        description="Who passes: `public` anyone, never identified; `optional` anyone, identified if bound; `wechat` "
        "any WeChat user; `bound` bound users only."
    )
    on_anonymous: Literal["auto", "login", "401"] = key(
        default="auto",
        description="Who is not signed in: `auto` redirects navigations and answers others with 401; `login` always "
        "redirects; `401` never.",
    )
    on_unbound: Literal["auto", "bind", "403"] = key(
        default="auto",
        description="Who is not bound: `auto` redirects navigations and answers others with 403; `bind` always "
        "redirects; `403` never.",
    )
    max_age: Annotated[Seconds, between("1s", "365d")] | None = key(
        default=None, description="How old the sign-in may be; an older one is repeated, silently. Default: no limit."
    )
    require: tuple[RequireTable, ...] = key(
        default=(), description="Conditions on the user's claims; all must hold, else 403."
    )
    claims: Annotated[tuple[ClaimName, ...], AfterValidator(_not_ours)] = key(
        default=(), description="The user's claims that go into the token."
    )
    headers: dict[str, ClaimName] = key(
        default={}, description="Extra plain headers: name and claim. Values are percent-encoded UTF-8."
    )
    expose_openid: bool = key(default=False, description="Adds `openid` and `app_id` to the token.")
    handover: bool = key(
        default=True, description="Whether sessions pass that a phone let in by a hand-over; `false` answers them 403."
    )
    keep_fragment: bool = key(
        default=False, description="Carries a single-page application's `#fragment` through the sign-in."
    )
    cors: CorsTable | None = key(default=None, description="Whose scripts may read our own refusals.")
    preflight: Literal["decide", "forward"] = key(
        default="decide",
        description="What a browser's CORS preflight gets: `decide` treats it like any request; `forward` sends it to "
        "the upstream, without identity, for it never has a session.",
    )
    request_headers: RequestHeaders | None = key(
        default=None, description="Fields of requests that are changed on the way to the upstream."
    )
    response_headers: ResponseHeaders | None = key(
        default=None, description="Fields of the upstream's responses that are changed on the way to the client."
    )
    max_body: Size = key(default="64MB", description='The largest request body (413); "0" is no limit.')
    response_timeout: Timeout | None = key(
        default=None, description="How long the response's head may take (504). Default: the upstream's."
    )
    idle_timeout: Timeout | None = key(
        default=None,
        description="How long a response may pause between two pieces of its body, as a stream of events does. "
        "Default: the upstream's `response_timeout`, at least 60s.",
    )
    tunnel_timeout: Timeout = key(
        default="10m", description="How long a WebSocket or another tunnel may be without a byte from either side."
    )

    @field_validator(
        "on_anonymous", "on_unbound", "max_age", "require", "claims", "headers", "expose_openid", "preflight"
    )
    @classmethod
    def _means_something(cls, value: object, info: ValidationInfo) -> object:
        access, name = info.data.get("access"), str(info.field_name)
        if value and value not in ("auto", "decide") and (access, name) in _MEANINGLESS:
            raise ValueError(f'means nothing with access = "{access}": leave it out')
        return value

    @field_validator("handover")
    @classmethod
    def _identifies(cls, handover: bool, info: ValidationInfo) -> bool:
        if not handover and info.data.get("access") == "public":
            raise ValueError('means nothing with access = "public": leave it out')
        return handover

    @field_validator("headers")
    @classmethod
    def _headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name in headers:
            check_identity_header(name)
        if len({folded(name) for name in headers}) < len(headers):
            raise ValueError("names one header in two spellings")
        return headers


_IDENTITY_KEYS = ("on_anonymous", "on_unbound", "max_age", "require", "claims", "headers", "expose_openid", "preflight")
_MEANINGLESS = {
    *(("public", key) for key in _IDENTITY_KEYS),
    ("optional", "on_anonymous"),
    ("optional", "on_unbound"),
    ("wechat", "on_unbound"),
}


def policy_of(name: str, file: PolicyFile) -> Policy:
    """The rule book's value of a policy file."""
    return Policy(
        name=name,
        access=Access(file.access),
        on_anonymous=_CHALLENGES[file.on_anonymous],
        on_unbound=_CHALLENGES[file.on_unbound],
        max_age=file.max_age,
        require=tuple(Requirement(item.claim, item.values) for item in file.require),
        claims=file.claims,
        headers=tuple(file.headers.items()),
        expose_openid=file.expose_openid,
        handover=file.handover,
        keep_fragment=file.keep_fragment,
        cors=Cors(file.cors.origins) if file.cors else None,
        preflight=Preflight(file.preflight),
        request_headers=file.request_headers.edits() if file.request_headers else None,
        response_headers=file.response_headers.edits() if file.response_headers else None,
        max_body=file.max_body,
        response_timeout=file.response_timeout,
        idle_timeout=file.idle_timeout,
        tunnel_timeout=file.tunnel_timeout,
    )


def is_policy_name(name: str) -> bool:
    """Whether a file of this name (without .toml) can be a policy."""
    return re.fullmatch(r"[a-z0-9_-]{1,64}", name) is not None
