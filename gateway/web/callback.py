"""GET /callback: WeChat sends the browser back. Ends an attempt, or starts another, and never stays in history.

Law: without the attempt's own cookie nothing is consumed, nothing is written and nobody is called.
"""

import re
from collections.abc import Callable, Mapping

from aiohttp import web

from gateway.core.identity import Subject
from gateway.sealing import KeyedHash
from gateway.stores.interface import State
from gateway.stores.sessions import new_session
from gateway.telemetry.metrics import Metrics
from gateway.wechat.dance import Attempt, Dance
from gateway.wechat.interface import ExchangeFailed, Failure, Provider

from . import notices
from .budgets import give_back, of_network, spend
from .exchanges import Exchanges
from .links import Link, Links, with_fragment
from .login import Login
from .notices import Halt
from .outcomes import Failed, Outcome, SignedIn, SnapshotSeen
from .pages import Pages, redirect
from .parts import Limits
from .tickets import Tickets
from .visitors import Visitors, sign_in
from .visits import Visit, is_prefetch, visit_of

MAX_RESTARTS = 2
RETRY_AFTER = 10  # seconds

_CODE = re.compile(r"[A-Za-z0-9_.~-]{1,512}")
_FAILURES: Mapping[Failure, notices.Notice] = {
    Failure.RESTART: notices.SIGN_IN_FAILED,
    Failure.CONFIG: notices.WECHAT_CONFIG,
    Failure.REFUSED: notices.WECHAT_REFUSED,
    Failure.QUOTA: notices.WECHAT_BUSY,
    Failure.OUTAGE: notices.WECHAT_BUSY,
}


class Callback:
    """Ends attempts."""

    def __init__(
        self,
        login: Login,
        dance: Dance,
        providers: Mapping[str, Provider],
        exchanges: Exchanges,
        visitors: Visitors,
        tickets: Tickets,
        needs_binding: Callable[[str, str], bool],
        state: State,
        names: KeyedHash,
        limits: Limits,
        pages: Pages,
        links: Links,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._login = login
        self._dance = dance
        self._providers = providers
        self._exchanges = exchanges
        self._visitors = visitors
        self._tickets = tickets
        self._needs_binding = needs_binding
        self._state = state
        self._names = names
        self._limits = limits
        self._pages = pages
        self._links = links
        self._metrics = metrics
        self._clock = clock

    async def get(self, request: web.Request) -> web.Response:
        """302 to where the visitor wanted to go, or to the bind page, or back to WeChat; or a notice."""
        if is_prefetch(request):
            raise Halt(notices.PREFETCH)
        visit = visit_of(request)
        self._login.app(visit)
        query = request.query
        codes, states = query.getall("code", []), query.getall("state", [])
        if len(codes) != 1 or len(states) != 1 or "error" in query or not _CODE.fullmatch(codes[0]):
            raise self._halt(notices.BAD_CALLBACK)
        attempt = self._dance.find(states[0], visit.jar, int(self._clock()))
        if attempt is None or not self._visitors.counts_on(visit.host, attempt.app):
            return await self._without_cookie(request, visit, states[0])
        return await self._with_cookie(request, visit, attempt, codes[0])

    async def _without_cookie(self, request: web.Request, visit: Visit, state: str) -> web.Response:
        """A copy from elsewhere, a forwarded link, the Back button, or a browser that lost its cookie."""
        restarts = self._dance.restarts(state)
        if restarts is None:
            raise self._halt(notices.BAD_CALLBACK)
        if await self._visitors.session(request, visit):
            return redirect(302, with_fragment("/"))
        app = self._login.app(visit)
        self._metrics.dance(app, "lost_cookie")
        if restarts:
            raise self._halt(notices.SIGN_IN_FAILED)
        if self._login.elsewhere(visit) is not None:  # somebody copied the address out of WeChat
            return redirect(302, self._links.login("/"))
        # A page, not a redirect: some WebViews drop the cookies of redirects.
        departure = self._login.depart(visit, "/", restarts + 1)
        return departure.on(self._pages.page(visit, "restart.html", notice=notices.SIGNING_IN, url=departure.url))

    async def _with_cookie(self, request: web.Request, visit: Visit, attempt: Attempt, code: str) -> web.Response:
        self._metrics.dance(attempt.app, "callback_received")
        budgets = of_network(self._names.name, "dead-codes-ip", visit.network, self._limits.dead_codes_per_ip)
        if wait := await spend(self._state, budgets, int(self._clock())):
            again = Link(self._links.login(attempt.return_to), "retry")
            raise Halt(notices.TOO_MANY_TRIES, action=again, retry_after=wait)
        outcome: Outcome | None = None
        try:
            outcome = await self._exchanges.outcome(
                attempt.state, code, lambda: self._exchange(request, visit, attempt, code)
            )
        finally:
            if outcome != Failed(Failure.RESTART):
                await give_back(self._state, budgets)
        response = await self._land(request, visit, attempt, outcome)
        if (line := self._dance.settled(attempt.state, visit.jar)) is not None:
            response.headers.add("Set-Cookie", line)
        return response

    async def _exchange(self, request: web.Request, visit: Visit, attempt: Attempt, code: str) -> Outcome:
        """Spend the code; the one place where sessions begin."""
        try:
            identity = await self._providers[attempt.app].exchange(code)
        except ExchangeFailed as failed:
            self._metrics.dance(attempt.app, "failed")
            return Failed(failed.failure)
        if identity.snapshot:
            self._metrics.dance(attempt.app, "snapshot")
            return SnapshotSeen()
        now = int(self._clock())
        session = new_session(Subject(attempt.app, identity.openid), now)
        await self._visitors.register(session, visit)
        visitor = await self._visitors.standing(session)
        ticket = None
        if visitor and visitor.binding is None and self._needs_binding(visit.host, attempt.return_to):
            ticket = await self._tickets.mint(session, attempt.return_to, now, identity.union_id)
        if (old := await self._visitors.session(request, visit)) is not None:  # last: an outage above ends nothing
            await self._visitors.revoke(old)
        self._metrics.dance(attempt.app, "session_started")
        return SignedIn(session, attempt.return_to, ticket)

    async def _land(self, request: web.Request, visit: Visit, attempt: Attempt, outcome: Outcome) -> web.Response:
        match outcome:
            case SignedIn(session, return_to, ticket):
                # A late copy must not bring back a session that a logout or a bind has ended.
                visitor = await self._visitors.standing(session)
                if visitor:
                    await sign_in(request, session)
                wanted = self._links.ticket(ticket) if visitor and ticket and not visitor.binding else return_to
                return redirect(302, with_fragment(wanted))
            case SnapshotSeen():
                again = Link(self._links.login(attempt.return_to), "snapshot.again")
                return self._pages.notice(visit, notices.SNAPSHOT, action=again)
            case Failed(Failure.RESTART) if attempt.restarts < MAX_RESTARTS:
                return self._login.depart(visit, attempt.return_to, attempt.restarts + 1, attempt.app).answer()
            case Failed(failure):
                notice = _FAILURES[failure]
                return self._pages.notice(
                    visit,
                    notice,
                    action=Link(self._links.login(attempt.return_to), "retry"),
                    retry_after=RETRY_AFTER if notice.status == 503 else None,
                )

    def _halt(self, notice: notices.Notice) -> Halt:
        return Halt(notice, action=Link(self._links.login("/"), "sign_in_again"))
