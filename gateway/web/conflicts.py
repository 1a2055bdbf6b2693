"""Somebody is in the way of a proven bind: the page that says so, and the confirmation that they may go.

Law: nothing is replaced that the person was not told of; the proof is asked once and its ticket is spent once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import hdrs, web

from gateway.core.errors import StoreOutage
from gateway.stores.interface import Bindings, BindRequest, Bound, Conflict, Refused, Ticket
from gateway.telemetry.metrics import Metrics

from .desk import TicketDesk
from .links import Links, with_fragment
from .pages import Pages
from .success import Success
from .tickets import Tickets
from .visits import Visit, visit_of

RETRY_AFTER = 10  # seconds

WORDS: Mapping[Conflict, str] = {Conflict.WECHAT_TAKEN: "wechat_taken", Conflict.USER_TAKEN: "user_taken"}


@dataclass(frozen=True, slots=True)
class Clash:
    """A proven wish, who is in its way, and whether they may go."""

    wish: BindRequest = field(repr=False)
    conflicts: tuple[Conflict, ...]
    replaceable: bool

    @classmethod
    def of(cls, wish: BindRequest, refused: Refused) -> "Clash":
        """What the store said of a wish."""
        there = tuple(each for each in Conflict if each in refused.conflicts)
        return cls(replace(wish, replace=refused.conflicts), there, refused.replaceable)

    @property
    def words(self) -> list[str]:
        """The keys of its texts; the first is the JSON error."""
        return [WORDS[each] for each in self.conflicts]


class Conflicts:
    """Shows conflicts, and carries out what was confirmed."""

    def __init__(
        self,
        desk: TicketDesk,
        tickets: Tickets,
        bindings: Bindings,
        success: Success,
        pages: Pages,
        links: Links,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._desk = desk
        self._tickets = tickets
        self._bindings = bindings
        self._success = success
        self._pages = pages
        self._links = links
        self._metrics = metrics
        self._clock = clock

    async def answer(self, visit: Visit, spent: Ticket, clash: Clash, now: int) -> web.Response:
        """409: who is in the way, and what can be done about it, under a fresh ticket. Counts a try. Halts."""
        return await self._show(visit, spent, clash, now, clash.words[0], 409)

    async def post(self, request: web.Request) -> web.Response:
        """The confirmation: the ticket of the page that told is spent, and the bind is made. Nobody is asked again."""
        visit, now = visit_of(request), int(self._clock())
        fields = await self._desk.submitted(request, visit)
        session, ticket = await self._desk.look(request, visit, fields["ticket"], now)
        if ticket.wish is None:  # nothing was proven under it; it stays good for the form
            raise self._desk.gone()
        ticket = await self._desk.take(session, fields["ticket"], now)
        wish = ticket.wish
        assert wish is not None  # a ticket does not change
        try:
            outcome = await self._bindings.bind(wish, visit.actor, now)
        except StoreOutage:
            still = Clash(wish, tuple(each for each in Conflict if each in wish.replace), replaceable=True)
            return await self._show(visit, ticket, still, now, "outage", 503)
        if isinstance(outcome, Bound):
            return await self._success.after(request, visit, session, ticket, outcome, now)
        return await self.answer(visit, ticket, Clash.of(wish, outcome), now)  # somebody else came in the way

    async def _show(self, visit: Visit, spent: Ticket, clash: Clash, now: int, word: str, status: int) -> web.Response:
        self._metrics.bind(word)
        wish = clash.wish if clash.replaceable else None
        key = await self._tickets.renew(spent, now, failed=status == 409, wish=wish)
        if key is None:
            raise self._desk.gone()
        if visit.wants_json:
            fields: dict[str, Any] = {"error": word, "ticket": key}
            fields |= {"replace_url": self._links.replace} if clash.replaceable else {}
            fields |= {"retry_after": RETRY_AFTER} if status == 503 else {}
            response = web.json_response(fields, status=status)
        else:
            response = self._pages.page(
                visit,
                "conflict.html",
                status,
                words=clash.words,
                away=status == 503,
                replaceable=clash.replaceable,
                ticket=key,
                user_id=clash.wish.user_id,
                next_url=with_fragment(spent.return_to),
            )
        if status == 503:
            response.headers[hdrs.RETRY_AFTER] = str(RETRY_AFTER)
        return response
