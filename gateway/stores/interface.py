"""The two stores' protocols and the values that they speak in. One contract suite tests every backend.

Every method raises `StoreOutage` when the backend does not answer in time: never a guess.
Times are whole Unix seconds, passed in by the caller; stores have no clock of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from gateway.core.handover import Stage
from gateway.core.identity import Binding, Claims, Standing, Subject

from .lockout import Lockout, Strike

# --- bindings ---------------------------------------------------------------------------------------


class OnConflict(StrEnum):
    """What a bind does when somebody is in the way: refuse it, or replace the older binding if the person says so."""

    REFUSE = "refuse"
    REPLACE = "replace"


class Conflict(StrEnum):
    """Who is in the way of a bind."""

    WECHAT_TAKEN = "wechat_taken"  # this WeChat is bound to another user
    USER_TAKEN = "user_taken"  # this user already holds `per_user` WeChat identities


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, for the audit row. `name` is "user", "admin", "verifier" or a program's name."""

    name: str
    request_id: str = ""
    ip: str = ""
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class BindRequest:
    """A proven wish: this subject is that user. `method` is "pwd" or "sms"."""

    subject: Subject
    user_id: str
    claims: Claims
    method: str
    union_id: str | None = field(default=None, repr=False)
    consent: str = ""  # version of the consent text that was accepted
    replace: frozenset[Conflict] = frozenset()  # what the person was told is in the way, and wants gone


@dataclass(frozen=True, slots=True)
class Bound:
    """The bind stands, durably. `created` is False when exactly this binding existed (claims are refreshed).

    `replaced` are the bindings that ended for it.
    """

    binding: Binding
    created: bool
    replaced: tuple[Binding, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing changed; `conflict` says who is in the way, `also` who else.

    `replaceable`: the rule is OnConflict.REPLACE, and the same request that names all of them in `replace` may stand.
    """

    conflict: Conflict
    also: Conflict | None = None
    replaceable: bool = False

    @property
    def conflicts(self) -> frozenset[Conflict]:
        """Everybody who is in the way."""
        return frozenset({self.conflict} if self.also is None else {self.conflict, self.also})


class AuditEvent(StrEnum):
    """The rows of the audit table."""

    BIND = "bind"
    UNBIND = "unbind"
    REFUSED = "refused"  # credentials or code were wrong
    CONFLICT = "conflict"
    LOGOUT = "logout"  # detail: "here", "other" or "everywhere"
    HANDOVER = "handover"  # a phone let another browser in; the row's `method` says which step it was
    LOCKED = "locked"  # with this failure a lock begins


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One login in the registry. `device` is a family ("iPhone", "Windows"), never a user agent."""

    sid_hash: str
    subject: Subject
    created: int
    expires: int  # the absolute limit
    device: str


class Bindings(Protocol):
    """Durable: what these methods acknowledge survives `kill -9`."""

    async def standing(self, subject: Subject, sid_hash: str, created: int) -> Standing:
        """The session's binding, and whether it is revoked: a tombstone, or `created` at or before the not-before."""

    async def bind(self, request: BindRequest, actor: Actor, now: int) -> Bound | Refused:
        """Bind in one transaction, with its audit row. A lost race is a `Refused`, never two rows."""

    async def unbind(self, subject: Subject, actor: Actor, now: int) -> Binding | None:
        """End the binding, with its audit row. The one that ended; None: there was none."""

    async def audit(
        self, event: AuditEvent, subject: Subject, method: str, actor: Actor, now: int, detail: str = ""
    ) -> None:
        """A row for what changes no binding: a refusal, a logout."""

    async def register_session(self, row: SessionRow) -> None:
        """Note a login, so that its owner can see and end it."""

    async def sessions(self, subject: Subject, now: int) -> Sequence[SessionRow]:
        """The subject's sessions that are neither revoked nor past their absolute limit, newest first."""

    async def revoke_session(self, sid_hash: str, until: int) -> None:
        """A tombstone: this sid is dead until `until`, when its absolute limit has passed anyway."""

    async def revoke_subject(self, subject: Subject, not_before: int, until: int) -> None:
        """Every session of the subject created at or before `not_before` is dead."""

    async def prune(self, now: int) -> None:
        """Forget tombstones and registry rows whose time has passed."""

    async def ping(self) -> None:
        """Raises StoreOutage unless the store can serve now."""

    async def close(self) -> None:
        """Release connections; idempotent."""


# --- state ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to try to bind: a WeChat subject waits behind a random key, for the browser that danced.

    `tries` counts failed proofs along the chain of renewals; `ends` closes the whole chain. `wish`: what was proven
    under the ticket before this one, and waits for the person's word that what is in the way may go.
    """

    subject: Subject
    sid_hash: str
    return_to: str = field(repr=False)
    tries: int
    expires: int
    ends: int
    union_id: str | None = field(default=None, repr=False)
    wish: BindRequest | None = field(default=None, repr=False)


class ClaimState(StrEnum):
    """What came of claiming an attempt (a state) with a code."""

    WON = "won"  # yours: exchange the code, then settle
    SETTLED = "settled"  # somebody did; the result is here
    PENDING = "pending"  # somebody is at it
    CODE_USED = "code_used"  # this code was spent on another state


@dataclass(frozen=True, slots=True)
class Claim:
    """`result` is the sealed outcome when SETTLED, opaque to the store."""

    state: ClaimState
    result: str | None = field(default=None, repr=False)


class CodeCheck(StrEnum):
    """What came of trying a one-time code."""

    RIGHT = "right"  # and is spent now
    WRONG = "wrong"
    DEAD = "dead"  # none was sent, or it expired, was used, or ran out of tries


@dataclass(frozen=True, slots=True)
class Approval:
    """Who let a browser in: the phone's subject and session. `auth_time`: when the phone danced."""

    subject: Subject
    sid_hash: str
    created: int
    auth_time: int


@dataclass(frozen=True, slots=True)
class Handover:
    """A browser outside WeChat that waits for a phone to let it in (core/handover.py).

    `browser_hash` names the browser's own secret, `holder` the session of the phone that claimed it. `device` and
    `address` are the browser's as the phone's owner is told them; `return_to` where it goes on.
    """

    browser_hash: str
    number: str = field(repr=False)
    host: str
    device: str
    address: str = field(repr=False)
    return_to: str = field(repr=False)
    expires: int
    stage: Stage = Stage.OPEN
    holder: str = ""
    approval: Approval | None = None


class State(Protocol):
    """Short-lived; may lose a second of writes on a crash, never gives one right to two."""

    async def put_ticket(self, key_hash: str, ticket: Ticket) -> None:
        """Store a fresh ticket; at most 10 live ones a sid, the oldest go."""

    async def peek_ticket(self, key_hash: str, sid_hash: str, now: int) -> Ticket | None:
        """The live ticket of this browser, not consumed. None: unknown, spent, expired or foreign."""

    async def take_ticket(self, key_hash: str, sid_hash: str, now: int) -> Ticket | None:
        """Consume it in one atomic step: of two concurrent calls one gets it. A foreign sid consumes nothing."""

    async def claim_attempt(self, state_hash: str, code_hash: str, now: int, expires: int) -> Claim:
        """One atomic step: the first claim of a state with an unused code wins. A code is remembered across states."""

    async def settle_attempt(self, state_hash: str, result: str, expires: int) -> None:
        """Publish the winner's result until `expires`."""

    async def attempt(self, state_hash: str, now: int) -> Claim | None:
        """Look without claiming: PENDING, SETTLED, or None if unknown."""

    async def put_code(self, slot: str, code_hash: str, expires: int, tries: int) -> None:
        """Set the one live code of `slot` (a session and a phone); a new one replaces the old."""

    async def try_code(self, slot: str, code_hash: str, now: int) -> CodeCheck:
        """Check and count in one atomic step; a right code is spent, the last wrong try kills it."""

    async def hit(self, bucket: str, limit: int, window: int, now: int) -> int:
        """Count one event in a fixed window of `window` seconds. 0: within `limit`; else seconds to wait."""

    async def give_back(self, bucket: str) -> None:
        """Undo one `hit` that was within its limit. The window stays as it is; never below zero events."""

    async def hits(self, bucket: str, limit: int, window: int, now: int) -> int:
        """Like `hit`, without counting: 0 if another event would be within `limit`."""

    async def put_handover(self, key_hash: str, handover: Handover, former: str = "") -> None:
        """Store a fresh one under the hash of what the phone scans; that of browser hash `former` is gone."""

    async def handover(self, key_hash: str, now: int) -> Handover | None:
        """The live one that was scanned, not consumed."""

    async def handover_of(self, browser_hash: str, now: int) -> Handover | None:
        """The live one of this browser, not consumed."""

    async def move_handover(self, key_hash: str, before: Handover, after: Handover, now: int) -> bool:
        """One atomic step from `before`, if stage and holder still are what they were. False: somebody was faster."""

    async def take_handover(self, browser_hash: str, now: int) -> Handover | None:
        """Consume the browser's approved one in one atomic step: of two concurrent calls one gets it."""

    async def strike(self, bucket: str, lockout: Lockout, now: int) -> Strike:
        """One atomic step: a try counts as failed before it is judged, unless it comes too early."""

    async def forgive(self, bucket: str) -> None:
        """Undo one `strike` that was to be judged and did not fail; the next one need not wait for it."""

    async def prune(self, now: int) -> None:
        """Forget what has expired."""

    async def ping(self) -> None:
        """Raises StoreOutage unless the store can serve now."""

    async def close(self) -> None:
        """Release connections; idempotent."""
