"""The verdict on one request case, from what the upstream got and what the client saw."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from .cases import RequestCase
from .client import Exchange
from .http1 import Request
from .readings import only_below_public

_JWT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")


class Outcome(StrEnum):
    """What became of the request."""

    CLEAN = "clean"  # a whole request upstream
    BROKEN_OFF = "broken off"  # a beginning upstream, and its connection was cut
    REFUSED = "refused"
    ANSWERED = "answered by the gateway"
    GARBAGE = "garbage"  # the client got something that is no answer
    CLOSED = "closed"
    HUNG = "hung"


@dataclass(frozen=True)
class Verdict:
    """PASS, LENIENT (a strict gateway refuses this) or FAIL (a hole, or a sane request that did not arrive)."""

    word: str
    outcome: Outcome
    faults: tuple[str, ...] = ()


def judge(case: RequestCase, seen: Sequence[Request], exchange: Exchange, secret: str) -> Verdict:
    """Compare with what the case expects. `secret` must not reach the upstream."""
    faults = [*_holes(case, seen, secret), *_bad_answers(case, exchange)]
    whole = [request for request in seen if request.complete]
    if whole and not faults:
        faults += _changes(case, whole)
    outcome = _outcome(case, seen, exchange)
    if faults or outcome in (Outcome.GARBAGE, Outcome.HUNG):
        word = "FAIL"
    elif case.expect == "forward":
        word = "PASS" if outcome is Outcome.CLEAN else "FAIL"
    else:
        word = "LENIENT" if case.expect == "reject" and outcome is Outcome.CLEAN else "PASS"
    return Verdict(word, outcome, tuple(dict.fromkeys(faults)))


def _outcome(case: RequestCase, seen: Sequence[Request], exchange: Exchange) -> Outcome:
    if any(request.complete for request in seen):
        return Outcome.CLEAN
    if not exchange.ended:
        return Outcome.HUNG
    if seen:
        return Outcome.BROKEN_OFF
    if exchange.answers:
        status = exchange.answers[0].status
        garbage = status == 0 and not case.garbage_ok
        return Outcome.GARBAGE if garbage else Outcome.REFUSED if status >= 400 else Outcome.ANSWERED
    return Outcome.GARBAGE if exchange.data else Outcome.CLOSED


def _holes(case: RequestCase, seen: Sequence[Request], secret: str) -> Iterator[str]:
    if len(seen) > case.max_requests:
        yield f"{len(seen)} requests upstream"
    for request in seen:
        yield from (f"violation upstream: {violation}" for violation in request.violations)
        if secret.encode() in request.raw:
            yield "the session cookie went upstream"
        if case.incomplete and request.complete:
            yield "an incomplete request was completed"
        # where a second request may come, /smuggled is that: sent in its own right, behind the first
        for line in case.forbidden:
            if line in request.line and not (case.max_requests > 1 and line == b"/smuggled"):
                yield f"upstream saw {line!r}"
        for name, value in (*request.fields, *request.trailers):
            if any(fold(name) == each and part.lower() in value.lower() for each, part in case.forbidden_fields):
                yield f"upstream saw {name}"
        yield from _identity_holes(case, request)
        if case.zone and not only_below_public(request.target.decode("latin-1")):
            yield f"route bypass: {request.target[:80]!r}"
        if case.host_agrees and not all(value.startswith("gw.test") for value in request.all("host")):
            yield f"Host {request.all('host')}"


def _identity_holes(case: RequestCase, request: Request) -> Iterator[str]:
    spellings = [(name, value) for name, value in (*request.fields, *request.trailers) if fold(name) == "x-user"]
    if any("spoof" in value for _, value in spellings):
        yield "spoofed identity"
    if case.identity and request.complete:
        ours = [value for value in request.all("x-user") if _JWT.fullmatch(value)]
        if len(ours) != 1 or len(spellings) != 1:
            yield f"{len(spellings)} identity fields, {len(ours)} of them ours"


def _bad_answers(case: RequestCase, exchange: Exchange) -> Iterator[str]:
    for answer in exchange.answers:
        if answer.status >= 500 and answer.status != 505:
            yield f"answered {answer.status}"
    for part in case.forbidden_answers:
        if part in exchange.data:
            yield f"the client saw {part!r}"


def _changes(case: RequestCase, whole: Sequence[Request]) -> Iterator[str]:
    first = whole[0]
    if case.target is not None and first.target.decode("latin-1") != case.target:
        yield f"target changed to {first.target[:80]!r}"
    if case.body is not None and first.body != case.body:
        yield f"body changed to {first.body[:40]!r}"
    if case.needed_field is not None and case.needed_field[1] not in first.all(case.needed_field[0]):
        yield f"{case.needed_field[0]} changed to {first.all(case.needed_field[0])}"
    if case.needed_part is not None:
        name, part = case.needed_part
        if not any(part in value for value in first.all(name)):
            yield f"{name} changed to {first.all(name)}"
    if case.expect == "forward" and len(whole) != case.answers:
        yield f"{len(whole)} requests arrived"


def fold(name: str) -> str:
    """A field's name as the laxest upstream compares it."""
    return re.sub(r"[^a-z0-9]", "-", name.lower().strip("\t \x00\x1c\x1d\x1e\x1f\x85\xa0"))
