"""What a route demands and what it hands on. Values only; `decision` interprets them."""

from dataclasses import dataclass
from enum import StrEnum

from .edits import FieldEdits
from .prefixes import Prefixes


class Access(StrEnum):
    """Who may pass: anyone, anyone (identified if bound), any WeChat user, or bound users only."""

    PUBLIC = "public"
    OPTIONAL = "optional"
    WECHAT = "wechat"
    BOUND = "bound"


class Challenge(StrEnum):
    """How to answer somebody who must first do something: by what they are, always, or never a redirect."""

    AUTO = "auto"
    REDIRECT = "redirect"
    REFUSE = "refuse"


class Preflight(StrEnum):
    """What a browser that asks first (a CORS preflight) gets: a decision like any request, or the upstream's answer."""

    DECIDE = "decide"
    FORWARD = "forward"


@dataclass(frozen=True, slots=True)
class Requirement:
    """A condition on the user's claims: the claim (or, for a list, one of its items) is among `values`."""

    claim: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Cors:
    """Origins whose scripts may read our own 401 and 403 answers. Exact origins, as browsers send them."""

    origins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """One file of policies/. `max_age` in seconds since the dance; `max_body` in bytes, None for no limit."""

    name: str
    access: Access
    on_anonymous: Challenge = Challenge.AUTO
    on_unbound: Challenge = Challenge.AUTO
    max_age: int | None = None
    require: tuple[Requirement, ...] = ()
    claims: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()  # (header name, claim)
    expose_openid: bool = False
    handover: bool = True  # whether sessions pass that another device let in
    keep_fragment: bool = False
    cors: Cors | None = None
    preflight: Preflight = Preflight.DECIDE
    request_headers: FieldEdits | None = None
    response_headers: FieldEdits | None = None
    max_body: int | None = 64 * 1024 * 1024
    response_timeout: float | None = None  # seconds; None: the upstream's
    idle_timeout: float | None = None  # seconds between two pieces of a response's body; None: the upstream's
    tunnel_timeout: float = 600.0  # seconds without a byte either way


@dataclass(frozen=True, slots=True)
class Route:
    """One rule of the table. `hosts`: exact names, `*.suffix` or `*`. `path` has no trailing slash but "/".

    `own` marks the gateway's own pages: they get our cookies and may set them; no identity is sent.
    `upgrade`: protocols that may be tunnelled, in lower case.
    """

    id: str
    hosts: tuple[str, ...]
    path: str
    exact: bool
    methods: frozenset[str]  # {"*"} for any
    policy: Policy
    upstream: str
    audience: str | None = None
    own: bool = False
    prefixes: Prefixes | None = None
    upgrade: frozenset[bytes] = frozenset()
