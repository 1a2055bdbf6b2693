"""GET and POST /bind: shows the form under a ticket, and spends the ticket on one try.

Law: a ticket works only in the browser that danced, once; the verifier is asked only with a ticket in hand.
"""

from collections.abc import Callable, Mapping

from aiohttp import web

from gateway.core.errors import StoreOutage
from gateway.core.identity import Session
from gateway.stores.interface import Bindings, BindRequest, Bound, Refused, Ticket
from gateway.telemetry.metrics import Metrics
from gateway.verifiers.interface import VerifierOutage

from .bindform import BindForm, Fault, Filled, SentCodes
from .conflicts import Clash, Conflicts
from .desk import TicketDesk
from .judge import Judge
from .links import Link, Links, with_fragment
from .notices import BAD_REQUEST, TOO_MANY_TRIES, Halt
from .pages import redirect
from .parts import Limits
from .proofs import MAX_USERNAME, Fields, Proof
from .success import Success
from .tickets import Tickets
from .visitors import Visitors
from .visits import Visit, visit_of

_NO = frozenset({"", "0", "false", "no", "off"})

INCOMPLETE = Fault("incomplete", 422)
NO_CONSENT = Fault("consent_required", 422)
OUTAGE = Fault("outage", 503, retry_after=10)


class Bind:
    """The bind page. `proofs` by method, the default first."""

    def __init__(
        self,
        desk: TicketDesk,
        tickets: Tickets,
        visitors: Visitors,
        bindings: Bindings,
        judge: Judge,
        proofs: Mapping[str, Proof],
        form: BindForm,
        sent_codes: SentCodes,
        success: Success,
        conflicts: Conflicts,
        links: Links,
        limits: Limits,
        consent_version: str,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._desk = desk
        self._tickets = tickets
        self._visitors = visitors
        self._bindings = bindings
        self._judge = judge
        self._proofs = proofs
        self._form = form
        self._sent_codes = sent_codes
        self._success = success
        self._conflicts = conflicts
        self._links = links
        self._limits = limits
        self._consent_version = consent_version
        self._metrics = metrics
        self._clock = clock

    async def get(self, request: web.Request) -> web.Response:
        """The form of a ticket, which is not consumed; without a ticket, the way to one."""
        visit, now = visit_of(request), int(self._clock())
        keys = request.query.getall("ticket", [])
        if not keys:
            return await self._admit(request, visit, now)
        if len(keys) > 1:
            raise Halt(BAD_REQUEST)
        session, _ = await self._desk.look(request, visit, keys[0], now)
        method = request.query.get("method", "")
        filled = Filled(method if method in self._proofs else next(iter(self._proofs)))
        filled = self._sent_codes.fill(session.sid, request.query.get("sent", ""), filled)
        return self._form.show(visit, keys[0], filled, now)

    async def _admit(self, request: web.Request, visit: Visit, now: int) -> web.Response:
        """Mint a ticket from the session, if there is one and it is not bound yet."""
        return_to = self._links.return_to(request.query.getall("return_to", []))
        visitor = await self._visitors.visitor(request, visit)
        if visitor is None:
            return redirect(302, self._links.login(self._links.bind(return_to)))
        if visitor.binding is not None:
            return redirect(302, with_fragment(return_to))
        if visitor.session.via:  # let in for hours, not to become somebody else for good
            return redirect(302, self._links.login(self._links.bind(return_to)))
        if wait := await self._judge.session_wait(visitor.session, now):
            raise Halt(TOO_MANY_TRIES, action=Link(self._links.login(return_to), "again"), retry_after=wait)
        return redirect(303, self._links.ticket(await self._tickets.mint(visitor.session, return_to, now)))

    async def post(self, request: web.Request) -> web.Response:
        """One try. Every failed one but the last is answered with the form under a fresh ticket."""
        visit, now = visit_of(request), int(self._clock())
        fields = await self._desk.submitted(request, visit)
        method = fields.get("method") or next(iter(self._proofs))
        if method not in self._proofs:
            raise Halt(BAD_REQUEST)
        session, ticket = await self._desk.look(request, visit, fields["ticket"], now)
        if ticket.tries < self._limits.tries and (wait := await self._judge.wait(visit, session, now)):
            raise self._judge.too_many(wait)
        ticket = await self._desk.take(session, fields["ticket"], now)
        if ticket.tries >= self._limits.tries:
            self._metrics.bind("too_many_tries")
            self._metrics.bind_limited("ticket")
            raise Halt(TOO_MANY_TRIES, action=Link(self._links.login(ticket.return_to), "again"))
        outcome = await self._try(visit, session, ticket, fields, method, now)
        if isinstance(outcome, Bound):
            return await self._success.after(request, visit, session, ticket, outcome, now)
        if isinstance(outcome, Clash):
            return await self._conflicts.answer(visit, ticket, outcome, now)
        fault = outcome
        self._metrics.bind(fault.word)
        key = await self._tickets.renew(ticket, now, failed=fault.status == 401)
        if key is None:
            raise self._desk.gone()
        filled = Filled(method, fields.get("username", "")[:MAX_USERNAME], fields.get("phone", "")[:64], agreed(fields))
        return self._form.show(visit, key, filled, now, fault)

    async def _try(
        self,
        visit: Visit,
        session: Session,
        ticket: Ticket,
        fields: Fields,
        method: str,
        now: int,
    ) -> Bound | Clash | Fault:
        """Bind, or say what was in the way."""
        proof = self._proofs[method]
        if not all(fields.get(name) for name in proof.needs):
            return INCOMPLETE
        if not agreed(fields):
            return NO_CONSENT
        try:
            user = await self._judge.judged(visit, session, method, proof, fields, now)
            if isinstance(user, Fault):
                return user
            if await self._visitors.standing(session) is None:  # signed out meanwhile: no new one from it
                raise self._desk.gone()
            wish = BindRequest(
                ticket.subject, user.user_id, user.claims, proof.amr, ticket.union_id, self._consent_version
            )
            result = await self._bindings.bind(wish, visit.actor, now)
        except (VerifierOutage, StoreOutage):
            return OUTAGE
        return Clash.of(wish, result) if isinstance(result, Refused) else result


def agreed(fields: Fields) -> bool:
    """Whether the box was ticked."""
    return fields.get("consent", "").strip().lower() not in _NO
