"""What follows a bind that stands: the legacy system hears of it, the session gets a new id, the person goes on."""

from collections.abc import Callable

from aiohttp import web

from gateway.core.identity import Binding, Session
from gateway.stores.interface import Bound, Ticket
from gateway.telemetry.metrics import Metrics
from gateway.verifiers.hook import BindEvent

from .links import Links, with_fragment
from .pages import Pages, redirect
from .visitors import Visitors, sign_in
from .visits import Visit, visit_of


class Teller:
    """Makes events of what happened. `tell` takes them and does not wait; `random` makes their ids."""

    def __init__(self, tell: Callable[[BindEvent], None], random: Callable[[int], bytes]) -> None:
        self._tell = tell
        self._random = random

    def bound(self, bound: Bound, visit: Visit, now: int) -> None:
        """A bind: whoever lost this WeChat by it hears first. One that only repeats another is no news."""
        if not bound.created:
            return
        user_id = bound.binding.user_id
        for old in bound.replaced:
            if old.user_id != user_id:
                self._event("unbound", old, visit, now)
        again = any(old.user_id == user_id for old in bound.replaced)
        self._event("rebound" if again else "bound", bound.binding, visit, now)

    def unbound(self, binding: Binding, visit: Visit, now: int) -> None:
        """An unbind."""
        self._event("unbound", binding, visit, now)

    def _event(self, event: str, about: Binding, visit: Visit, now: int) -> None:
        app, name = about.subject.app, self._random(16).hex()
        self._tell(BindEvent(name, event, about.user_id, app, about.method, now, visit.request_id))


class Success:
    """Ends a bind. `page`: a page shows where one goes next, instead of going there at once."""

    def __init__(
        self,
        visitors: Visitors,
        teller: Teller,
        pages: Pages,
        links: Links,
        metrics: Metrics,
        *,
        page: bool,
    ) -> None:
        self._visitors = visitors
        self._teller = teller
        self._pages = pages
        self._links = links
        self._metrics = metrics
        self._page = page

    async def after(
        self, request: web.Request, visit: Visit, session: Session, ticket: Ticket, bound: Bound, now: int
    ) -> web.Response:
        """On to the page first asked for, under a new session id."""
        self._teller.bound(bound, visit, now)
        self._metrics.bind("replaced" if bound.replaced else "bound")
        await sign_in(request, await self._visitors.replaced(session, visit, now))
        location = with_fragment(ticket.return_to)
        if visit.wants_json:
            return web.json_response({"ok": True, "location": location})
        return redirect(303, self._links.done(ticket.return_to) if self._page else location)

    async def get(self, request: web.Request) -> web.Response:
        """The page that shows where one goes next; to those who are not bound, the way to be."""
        visit = visit_of(request)
        return_to = self._links.return_to(request.query.getall("return_to", []))
        visitor = await self._visitors.visitor(request, visit)
        if visitor is None or visitor.binding is None:
            return redirect(302, self._links.bind(return_to))
        return self._pages.page(
            visit,
            "done.html",
            user_id=visitor.binding.user_id,
            next_url=with_fragment(return_to),
            me_url=f"{self._links.prefix}/me",
        )
