"""POST /bind/sms: sends a one-time code to a phone that the legacy system knows; the answer does not tell."""

from collections.abc import Callable

from aiohttp import web

from gateway.core.identity import Session, Subject
from gateway.sealing import KeyedHash, token_hash
from gateway.stores.interface import State
from gateway.verifiers.interface import PhoneResolver, VerifierOutage
from gateway.verifiers.phone import MAX_INPUT

from .bind import OUTAGE, agreed
from .bindform import BindForm, Fault, Filled, SentCodes
from .budgets import DAY, HOUR, Budget, give_back, of_network, spend
from .desk import TicketDesk
from .links import Links
from .pages import redirect
from .parts import Limits
from .sending import SenderHealth, Sending
from .visits import Visit, visit_of

ANSWERED = {200, 303, 503}  # statuses behind which somebody was asked about the phone; each is spent from a budget
INVALID_PHONE = Fault("invalid_phone", 422)


class Sms:
    """Sends codes."""

    def __init__(
        self,
        desk: TicketDesk,
        state: State,
        resolver: PhoneResolver,
        canonical: Callable[[str], str | None],
        sending: Sending,
        health: SenderHealth,
        form: BindForm,
        sent_codes: SentCodes,
        names: KeyedHash,
        links: Links,
        limits: Limits,
        clock: Callable[[], float],
    ) -> None:
        self._desk = desk
        self._state = state
        self._resolver = resolver
        self._canonical = canonical
        self._sending = sending
        self._health = health
        self._form = form
        self._sent_codes = sent_codes
        self._names = names
        self._links = links
        self._limits = limits
        self._clock = clock

    async def post(self, request: web.Request) -> web.Response:
        """The same answer for every phone. The ticket is not consumed."""
        visit, now = visit_of(request), int(self._clock())
        fields = await self._desk.submitted(request, visit)
        key, typed, consent = fields["ticket"], fields.get("phone", ""), agreed(fields)
        session, _ = await self._desk.look(request, visit, key, now)
        phone = self._canonical(typed)
        fault = INVALID_PHONE if phone is None else await self._start(visit, session, key, phone, now)
        if phone is None or fault:
            filled = Filled("sms", phone=phone or typed[:MAX_INPUT], consent=consent)
            return self._form.show(visit, key, filled, now, fault)
        if visit.wants_json:
            return web.json_response({"ok": True, "retry_after": self._limits.resend})
        note = self._sent_codes.seal(session.sid, phone, consent, now)
        return redirect(303, self._links.ticket(key, method="sms", sent=note))

    async def _start(self, visit: Visit, session: Session, key: str, phone: str, now: int) -> Fault | None:
        """Send a code if the phone is known. What is wrong is told alike for phones that are not."""
        if self._sending.full:
            return OUTAGE
        budgets = self._budgets(visit, session.subject, key, phone)
        if wait := await spend(self._state, budgets, now):
            return Fault("send_too_soon", 429, wait)
        try:
            user = await self._resolver.resolve(phone)
        except VerifierOutage:
            await give_back(self._state, budgets)
            return OUTAGE
        if user is not None:
            self._sending.start(session, phone, now)
        wait = await self._health.down(now)  # it is tried all the same: how else would it be known to work again?
        return Fault("sms_outage", 503, wait) if wait else None

    def _budgets(self, visit: Visit, subject: Subject, key: str, phone: str) -> list[Budget]:
        limits, of = self._limits, self._names.name
        return [
            Budget(of("sends-now", phone), 1, limits.resend),
            Budget(of("sends-hour", phone), limits.sends_per_phone_hour, HOUR),
            Budget(of("sends-day", phone), limits.sends_per_phone_day, DAY),
            Budget(of("sends-ticket", token_hash(key)), limits.sends_per_ticket, HOUR),
            Budget(of("sends-subject", subject.app, subject.openid), limits.sends_per_subject, HOUR),
            *of_network(of, "sends-ip", visit.network, limits.sends_per_ip),
            *of_network(of, "sends-network", visit.neighbourhood, limits.sends_per_network),
            Budget(of("sends"), limits.sends_in_all, HOUR),
        ]
