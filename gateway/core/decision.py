"""From facts to an outcome: a pure, total function that the proxy, forward-auth and `explain` share.

Law: whatever is not proven is refused. No outcome but `Forward` lets a request reach an upstream.
"""

from dataclasses import dataclass
from enum import StrEnum

from .identity import Binding
from .policy import Access, Challenge, Preflight, Requirement, Route
from .reasons import Reason


class SessionState(StrEnum):
    """What is known of the request's session cookie once it was opened and its standing looked up."""

    ABSENT = "absent"  # none, unreadable, tampered with
    EXPIRED = "expired"
    REVOKED = "revoked"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class Facts:
    """All that `decide` may look at.

    `app` is the WeChat app by which this Host logs in (None: no app names this Host).
    `session_app` and `auth_age` (seconds since the dance) are None unless the session is live.
    `safe_method`: GET or HEAD; nothing else is ever redirected. `preflight`: a CORS preflight and nothing else.
    `website`: the app of WeChat's website login whose sessions count on this Host too. `handover`: the session began
    by a hand-over.
    """

    route: Route
    navigation: bool
    app: str | None
    session: SessionState = SessionState.ABSENT
    session_app: str | None = None
    auth_age: float | None = None
    binding: Binding | None = None
    safe_method: bool = True
    preflight: bool = False
    website: str | None = None
    handover: bool = False


@dataclass(frozen=True, slots=True)
class Forward:
    """Goes upstream. `identified`: with X-User (of the binding, or of the WeChat subject if unbound)."""

    reason: Reason
    identified: bool


@dataclass(frozen=True, slots=True)
class Login:
    """Must sign in first: a redirect to WeChat, or a 401."""

    reason: Reason
    redirect: bool


@dataclass(frozen=True, slots=True)
class Bind:
    """Is signed in, must bind first: a redirect to the bind page, or a 403."""

    reason: Reason
    redirect: bool


@dataclass(frozen=True, slots=True)
class Deny:
    """Refused, whoever asks."""

    reason: Reason
    status: int


Decision = Forward | Login | Bind | Deny


def decide(facts: Facts) -> Decision:
    """The outcome for one request. Total: every combination of facts has one, the strictest by default."""
    policy = facts.route.policy
    if facts.route.own:
        return Forward(Reason.OWN_PAGE, identified=False)
    if policy.access is Access.PUBLIC:
        return Forward(Reason.PUBLIC, identified=False)
    if facts.preflight and policy.preflight is Preflight.FORWARD:
        return Forward(Reason.PREFLIGHT, identified=False)
    not_signed_in = _why_not_signed_in(facts)
    binding = _own_binding(facts)
    let_in = policy.handover or not facts.handover
    if policy.access is Access.OPTIONAL:
        if not_signed_in is None and let_in and binding is not None and _meets(policy.require, binding):
            return Forward(Reason.BOUND, identified=True)
        return Forward(Reason.ANONYMOUS_ALLOWED, identified=False)
    if facts.app is None:
        return Deny(Reason.MISDIRECTED, 421)
    if not_signed_in is not None:
        return Login(not_signed_in, _redirects(policy.on_anonymous, facts))
    if not let_in:
        return Deny(Reason.HANDOVER_REFUSED, 403)
    if binding is None and policy.access is not Access.WECHAT:
        return Bind(Reason.NOT_BOUND, _redirects(policy.on_unbound, facts))
    if not _meets(policy.require, binding):
        return Deny(Reason.CLAIMS_REFUSED, 403)
    return Forward(Reason.UNBOUND_ALLOWED if binding is None else Reason.BOUND, identified=True)


_NOT_LIVE = {
    SessionState.ABSENT: Reason.NO_SESSION,
    SessionState.EXPIRED: Reason.SESSION_EXPIRED,
    SessionState.REVOKED: Reason.SESSION_REVOKED,
}


def _why_not_signed_in(facts: Facts) -> Reason | None:
    if facts.session is not SessionState.LIVE:
        return _NOT_LIVE.get(facts.session, Reason.NO_SESSION)
    if facts.app is None or facts.session_app is None or facts.session_app not in (facts.app, facts.website):
        return Reason.SESSION_OF_OTHER_APP
    max_age = facts.route.policy.max_age
    # `not <=`: an age that cannot be compared is too old
    if max_age is not None and (facts.auth_age is None or not facts.auth_age <= max_age):
        return Reason.SESSION_TOO_OLD
    return None


def _own_binding(facts: Facts) -> Binding | None:
    """The binding, unless it is of another app than the session's: then it says nothing here."""
    if facts.binding is None or facts.binding.subject.app != facts.session_app:
        return None
    return facts.binding


def _redirects(challenge: Challenge, facts: Facts) -> bool:
    wanted = challenge is Challenge.REDIRECT or (challenge is Challenge.AUTO and facts.navigation)
    return wanted and facts.safe_method


def _meets(requirements: tuple[Requirement, ...], binding: Binding | None) -> bool:
    claims = binding.claims if binding is not None else {}
    return all(_holds(requirement, claims.get(requirement.claim)) for requirement in requirements)


def _holds(requirement: Requirement, claim: object) -> bool:
    items = claim if isinstance(claim, list | tuple) else (claim,)
    return any(_as_text(item) in requirement.values for item in items)


def _as_text(value: object) -> str | None:
    """Text, whole numbers and truth values as JSON spells them; nothing else can be compared."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int) else None
