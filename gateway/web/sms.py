"""POST /bind/sms: sends a one-time code to a phone that the legacy system knows; the answer does not tell."""

import logging
from collections.abc import Callable

from aiohttp import web

from gateway.core.identity import Session, Subject
from gateway.sealing import KeyedHash, token_hash
from gateway.stores.interface import State
from gateway.verifiers.interface import PhoneResolver, SenderRefused, SmsSender, VerifierOutage
from gateway.verifiers.phone import MAX_INPUT, canonical_phone
from gateway.wire.tasks import Tasks

from .bind import OUTAGE, TicketDesk, agreed
from .bindform import BindForm, Fault, Filled, SentCodes
from .budgets import DAY, HOUR, Budget, give_back, of_network, spend
from .links import Links
from .pages import redirect
from .parts import Limits
from .proofs import CodeNames
from .visits import Visit, visit_of

MAX_SENDING = 100  # codes on their way at once

INVALID_PHONE = Fault("invalid_phone", 422)

log = logging.getLogger(__name__)


class Sms:
    """Sends codes."""

    def __init__(
        self,
        desk: TicketDesk,
        state: State,
        sender: SmsSender,
        resolver: PhoneResolver,
        codes: CodeNames,
        form: BindForm,
        sent_codes: SentCodes,
        names: KeyedHash,
        links: Links,
        limits: Limits,
        tasks: Tasks,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._desk = desk
        self._state = state
        self._sender = sender
        self._resolver = resolver
        self._codes = codes
        self._form = form
        self._sent_codes = sent_codes
        self._names = names
        self._links = links
        self._limits = limits
        self._tasks = tasks
        self._clock = clock
        self._random = random

    async def post(self, request: web.Request) -> web.Response:
        """The same answer for every phone. The ticket is not consumed."""
        visit, now = visit_of(request), int(self._clock())
        fields = await self._desk.submitted(request, visit)
        key, typed, consent = fields["ticket"], fields.get("phone", ""), agreed(fields)
        session, _ = await self._desk.look(request, visit, key, now)
        phone = canonical_phone(typed)
        fault = INVALID_PHONE if phone is None else await self._start(visit, session, key, phone, now)
        if phone is None or fault:
            filled = Filled("sms", phone=phone or typed[:MAX_INPUT], consent=consent)
            return self._form.show(visit, key, filled, now, fault)
        if visit.wants_json:
            return web.json_response({"ok": True, "retry_after": self._limits.resend})
        note = self._sent_codes.seal(session.sid, phone, consent, now)
        return redirect(303, self._links.ticket(key, method="sms", sent=note))

    async def _start(self, visit: Visit, session: Session, key: str, phone: str, now: int) -> Fault | None:
        if len(self._tasks) >= MAX_SENDING:
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
            self._tasks.start(self._send(session, phone, now))
        return None

    async def _send(self, session: Session, phone: str, now: int) -> None:
        """In the background, so that the time of the answer does not tell either."""
        code = f"{int.from_bytes(self._random(8), 'big') % 1_000_000:06d}"
        slot, name = self._codes.slot(session.sid, phone), self._codes.code(session.sid, phone, code)
        await self._state.put_code(slot, name, now + self._limits.code, self._limits.code_tries)
        try:
            await self._sender.send(phone, code, self._limits.code)
        except (SenderRefused, VerifierOutage) as error:
            log.warning("a code was not sent: %s", type(error).__name__)

    def _budgets(self, visit: Visit, subject: Subject, key: str, phone: str) -> list[Budget]:
        limits, of = self._limits, self._names.name
        return [
            Budget(of("sends-now", phone), 1, limits.resend),
            Budget(of("sends-hour", phone), limits.sends_per_phone_hour, HOUR),
            Budget(of("sends-day", phone), limits.sends_per_phone_day, DAY),
            Budget(of("sends-ticket", token_hash(key)), limits.sends_per_ticket, HOUR),
            Budget(of("sends-subject", subject.app, subject.openid), limits.sends_per_subject, HOUR),
            *of_network(of, "sends-ip", visit.network, limits.sends_per_ip),
            Budget(of("sends"), limits.sends_in_all, HOUR),
        ]
