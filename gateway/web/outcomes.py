"""What came of an attempt, and its sealed form that copies of the callback share through the state store."""

import json
from dataclasses import dataclass, field

from gateway.core.identity import Session, Subject
from gateway.sealing import Sealer
from gateway.wechat.interface import Failure


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A session was started. `ticket`: the bind page comes first."""

    session: Session
    return_to: str = field(repr=False)
    ticket: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SnapshotSeen:
    """WeChat named a virtual identity: nobody is signed in."""


@dataclass(frozen=True, slots=True)
class Failed:
    """WeChat named nobody."""

    failure: Failure


Outcome = SignedIn | SnapshotSeen | Failed


class OutcomeSealer:
    """Outcomes as tokens. A token opens for the attempt (`key`) that it was sealed for only."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer

    def seal(self, key: str, outcome: Outcome, now: int) -> str:
        """The outcome of attempt `key`."""
        return self._sealer.seal(json.dumps([key, *_fields(outcome)]).encode(), now=now)

    def open(self, key: str, token: str) -> Outcome | None:
        """The outcome, or None if this was not sealed for `key`, or by another version of this program."""
        plain = self._sealer.open(token)
        if plain is None:
            return None
        try:
            sealed_for, kind, *fields = json.loads(plain)
            return _outcome(kind, fields) if sealed_for == key else None
        except (ValueError, TypeError):
            return None


def _fields(outcome: Outcome) -> list[object]:
    match outcome:
        case SignedIn(session, return_to, ticket):
            subject = session.subject
            times = (session.auth_time, session.created, session.sealed_at)
            return ["signed_in", session.sid, subject.app, subject.openid, *times, return_to, ticket]
        case SnapshotSeen():
            return ["snapshot"]
        case Failed(failure):
            return ["failed", failure.value]


def _outcome(kind: object, fields: list[object]) -> Outcome | None:
    match kind, fields:
        case "signed_in", [
            str(sid), str(app), str(openid), int(auth_time), int(created), int(sealed_at), str(return_to), ticket
        ] if ticket is None or isinstance(ticket, str):  # fmt: skip
            session = Session(sid, Subject(app, openid), auth_time, created, sealed_at)
            return SignedIn(session, return_to, ticket)
        case "snapshot", []:
            return SnapshotSeen()
        case "failed", [str(failure)]:
            return Failed(Failure(failure))
    return None
