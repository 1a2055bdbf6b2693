"""Where tickets are shown and handed in: the right to try to bind, for the browser that danced."""

from collections.abc import Callable

from aiohttp import web

from gateway.core.identity import Session
from gateway.sealing import token_hash
from gateway.stores.interface import State, Ticket

from .forms import read_form
from .guard import refuse_foreign
from .links import Link, Links, with_fragment
from .notices import ALREADY_BOUND, BAD_REQUEST, CROSS_SITE, TICKET_GONE, Halt
from .proofs import Fields
from .visitors import Visitors
from .visits import Visit

FIELDS = frozenset({"ticket", "method", "username", "password", "phone", "code", "consent"})


class TicketDesk:
    """Opens tickets for the browser they belong to; shared by the bind page and the sending of codes."""

    def __init__(self, state: State, visitors: Visitors, links: Links, origin_of: Callable[[str], str]) -> None:
        self._state = state
        self._visitors = visitors
        self._links = links
        self._origin_of = origin_of

    async def submitted(self, request: web.Request, visit: Visit) -> Fields:
        """The fields of a POST with a ticket, which proves our own page where the headers do not. Halts."""
        own = refuse_foreign(request, self._origin_of(visit.host))
        fields = await read_form(request, FIELDS)
        if not fields.get("ticket"):
            raise Halt(BAD_REQUEST if own else CROSS_SITE)
        return fields

    async def look(self, request: web.Request, visit: Visit, key: str, now: int) -> tuple[Session, Ticket]:
        """The ticket, not consumed, and the session it belongs to. Halts with 410."""
        session = await self._visitors.session(request, visit)
        if session is not None:
            ticket = await self._state.peek_ticket(token_hash(key), token_hash(session.sid), now)
            if ticket is not None:
                return session, ticket
            await self._refuse_the_bound(session, visit)
        raise self.gone()

    async def take(self, session: Session, key: str, now: int) -> Ticket:
        """Consume it. Halts with 410 if another request did."""
        ticket = await self._state.take_ticket(token_hash(key), token_hash(session.sid), now)
        if ticket is None:
            raise self.gone()
        return ticket

    async def _refuse_the_bound(self, session: Session, visit: Visit) -> None:
        """People who come back to a form that has done its work are told so; to programs a ticket is just gone."""
        visitor = await self._visitors.standing(session)
        if visitor is not None and visitor.binding is not None and not visit.wants_json:
            raise Halt(ALREADY_BOUND, action=Link(with_fragment("/"), "continue"))

    def gone(self) -> Halt:
        """The answer to a ticket that is expired, spent or another browser's: one tap starts again."""
        return Halt(TICKET_GONE, action=Link(self._links.login(self._links.bind("/")), "again"))
