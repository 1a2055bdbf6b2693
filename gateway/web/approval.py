"""GET and POST /handover/approve: the phone that scanned the code is asked, and says yes by the number, or no.

Law: nothing happens on a GET, which WeChat's own servers repeat. A yes needs a bound person who danced just now in this
very browser, a POST of our page, and the number that stands on the other screen; a wrong one ends it.
"""

from collections.abc import Callable

from aiohttp import web

from gateway.core.handover import Stage, Step
from gateway.sealing import KeyedHash, token_hash
from gateway.stores.interface import AuditEvent, Bindings, Handover
from gateway.telemetry.metrics import Metrics

from .forms import read_form
from .guard import refuse_foreign
from .handovers import Handovers, is_number
from .links import Link, Links
from .notices import (
    BAD_REQUEST,
    CROSS_SITE,
    HANDOVER_DONE,
    HANDOVER_GONE,
    HANDOVER_MISTAKEN,
    HANDOVER_NOT_BOUND,
    HANDOVER_STOPPED,
    PREFETCH,
    TOO_MANY_TRIES,
    Halt,
)
from .pages import Pages, redirect
from .visitors import Visitor, Visitors
from .visits import Visit, is_prefetch, visit_of

SKEW = 60  # seconds that the clocks of two replicas may differ


class Approvals:
    """The phone's pages. `can_bind`: there is a bind page for who is not bound yet. `ttl`: seconds of a hand-over."""

    def __init__(
        self,
        handovers: Handovers,
        visitors: Visitors,
        bindings: Bindings,
        names: KeyedHash,
        pages: Pages,
        links: Links,
        origin_of: Callable[[str], str],
        can_bind: bool,
        ttl: int,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._handovers = handovers
        self._visitors = visitors
        self._bindings = bindings
        self._names = names
        self._pages = pages
        self._links = links
        self._origin_of = origin_of
        self._can_bind = can_bind
        self._ttl = ttl
        self._metrics = metrics
        self._clock = clock

    async def get(self, request: web.Request) -> web.Response:
        """The question, or the way to become somebody who may answer it."""
        if is_prefetch(request):
            raise Halt(PREFETCH)
        visit = visit_of(request)
        keys = request.query.getall("key", [])
        if len(keys) != 1:
            raise Halt(BAD_REQUEST)
        visitor = await self._entitled(request, visit, keys[0])
        if isinstance(visitor, web.Response):
            return visitor
        handover = await self._mine(visit, keys[0], visitor)
        return self._pages.page(
            visit,
            "handover_approve.html",
            key=keys[0],
            token=self._token(visitor, keys[0]),
            device=handover.device,
            ip=handover.address,
            claimed=handover.stage is Stage.CLAIMED,
        )

    async def post(self, request: web.Request) -> web.Response:
        """One step: `answer` is "go" (that is my screen), "yes" with the number, or "no"."""
        visit = visit_of(request)
        own = refuse_foreign(request, self._origin_of(visit.host))
        fields = await read_form(request, {"key", "token", "answer", "number"})
        key = fields.get("key", "")
        visitor = await self._entitled(request, visit, key)
        if isinstance(visitor, web.Response):
            return visitor
        token = fields.get("token", "")
        if not own and not self._names.matches(token, "handover approve", visitor.session.sid, key):
            raise Halt(CROSS_SITE)
        handover = await self._mine(visit, key, visitor)
        match fields.get("answer"):
            case "no":
                await self._step(key, handover, Step.REFUSE, visitor, visit)
                return self._pages.notice(visit, HANDOVER_STOPPED)
            case "go":
                if wait := await self._handovers.may_claim(visitor.session):
                    raise Halt(TOO_MANY_TRIES, retry_after=wait)
                await self._step(key, handover, Step.CLAIM, visitor, visit)
                return redirect(303, self._links.approval(key))
            case "yes" if is_number(handover, fields.get("number", "")):
                await self._step(key, handover, Step.APPROVE, visitor, visit)
                return self._pages.notice(visit, HANDOVER_DONE, action=Link(self._links.me(), "handover.me"))
            case "yes":
                await self._step(key, handover, Step.MISTAKE, visitor, visit)
                raise Halt(HANDOVER_MISTAKEN)
            case _:
                raise Halt(BAD_REQUEST)

    async def _entitled(self, request: web.Request, visit: Visit, key: str) -> Visitor | web.Response:
        """Somebody bound who danced in this browser since it began, or the redirect that makes them so. Halts."""
        handover = await self._handovers.scanned(visit, key)
        if handover is None:
            raise Halt(HANDOVER_GONE)
        begun = handover.expires - self._ttl
        here = self._links.approval(key)
        visitor = await self._visitors.visitor(request, visit)
        if visitor is None or visitor.session.via or visitor.session.auth_time < begun - SKEW:
            return redirect(303, self._links.login(here))
        if visitor.binding is None:
            if not self._can_bind:
                raise Halt(HANDOVER_NOT_BOUND)
            return redirect(303, self._links.bind(here))
        return visitor

    async def _mine(self, visit: Visit, key: str, visitor: Visitor) -> Handover:
        """The hand-over, if this phone may take a step in it. Halts with 410."""
        handover = await self._handovers.scanned(visit, key)
        holder = token_hash(visitor.session.sid)
        if handover is None or handover.stage not in (Stage.OPEN, Stage.CLAIMED):
            raise Halt(HANDOVER_GONE)
        if handover.holder not in ("", holder):
            raise Halt(HANDOVER_GONE)
        return handover

    async def _step(self, key: str, handover: Handover, step: Step, visitor: Visitor, visit: Visit) -> None:
        """Take it, and write down who did. Halts with 410 if it is not possible any more."""
        if not await self._handovers.step(key, handover, step, visitor.session):
            raise Halt(HANDOVER_GONE)
        subject = visitor.subject
        self._metrics.dance(subject.app, f"handover_{step.value}")
        await self._bindings.audit(AuditEvent.HANDOVER, subject, step.value, visit.actor, int(self._clock()))

    def _token(self, visitor: Visitor, key: str) -> str:
        return self._names.name("handover approve", visitor.session.sid, key)
