"""Who a request speaks for: a WeChat subject, the session that proves it, the binding that names it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Claims = Mapping[str, Any]

HANDOVER = "handover"  # how a session may begin other than by the browser's own dance
HANDOVER_ENDS = 8 * 3600  # seconds that such a session lasts at most

# The token's own: no claim of a verifier may pass for one of ours.
RESERVED_CLAIMS = frozenset(
    {"iss", "aud", "sub", "iat", "nbf", "exp", "jti", "sid", "app", "bound", "amr", "auth_time", "route"}
    | {"openid", "app_id"}
)


@dataclass(frozen=True, slots=True)
class Subject:
    """One WeChat user as one WeChat app sees them. OpenIds mean nothing without their app."""

    app: str
    openid: str = field(repr=False)  # never in a log or a traceback


@dataclass(frozen=True, slots=True)
class Session:
    """What a live session proves: that this browser danced with WeChat as `subject`.

    Times are whole Unix seconds. `sid` is 128 random bits in url-safe base64, known to the cookie's
    holder only; stores see its hash. `created` starts the absolute limit, `sealed_at` the idle one. `via` is ""
    for a dance in this very browser, or HANDOVER: then another device danced, at `auth_time`, and let this one in.
    """

    sid: str = field(repr=False)
    subject: Subject
    auth_time: int
    created: int
    sealed_at: int
    via: str = ""

    def ends(self, absolute: int) -> int:
        """When it is over at the latest. `absolute`: seconds that a session of an own dance may last."""
        return self.created + (min(absolute, HANDOVER_ENDS) if self.via else absolute)


@dataclass(frozen=True, slots=True)
class Binding:
    """One WeChat subject is one user of the legacy system.

    `method` is how the person proved it: "pwd" or "sms". `version` changes with every rebind or
    change of claims, so whatever was derived from an older binding can be told apart. `consent` is the version of
    the text that was agreed to, at `consented_at`; "" and None: nobody was asked.
    """

    subject: Subject
    user_id: str
    claims: Claims
    method: str
    version: int
    bound_at: int
    consent: str = ""
    consented_at: int | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How a session stands now, as the store says: revoked or not, and bound to whom."""

    revoked: bool
    binding: Binding | None
