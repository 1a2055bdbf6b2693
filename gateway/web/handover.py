"""GET and POST /handover: the browser outside WeChat begins a hand-over, watches it, and is signed in by it, once.

Law: everything here hangs on the browser's own cookie. The code on its screen opens nothing in another browser.
"""

from collections.abc import Callable

from aiohttp import web

from gateway.core.cookies import CookieNames
from gateway.core.handover import Stage
from gateway.core.identity import HANDOVER, Session
from gateway.core.outside import Outside
from gateway.sealing import KeyedHash, token_hash
from gateway.stores.interface import AuditEvent, Bindings
from gateway.stores.sessions import new_session
from gateway.telemetry.metrics import Metrics

from .forms import read_form
from .guard import refuse_foreign
from .handovers import Handovers
from .links import Link, Links, with_fragment
from .login import Login
from .notices import (
    CROSS_SITE,
    HANDOVER_GONE,
    HANDOVER_MISTAKEN,
    HANDOVER_REFUSED,
    NOT_FOUND,
    PREFETCH,
    TOO_MANY_TRIES,
    Halt,
)
from .pages import Pages, redirect
from .qr import qr_svg
from .visitors import Visitors, sign_in
from .visits import Visit, is_prefetch, visit_of

REFRESH = 3  # seconds between two looks of a browser without scripts
_KEY = 22  # characters, 132 bits
_LATE = 60  # seconds that the cookie outlives a hand-over, to say that it is over
_ENDS = {Stage.MISTAKEN: HANDOVER_MISTAKEN, Stage.REFUSED: HANDOVER_REFUSED}


class HandoverPages:
    """What the browser sees that wants to be let in. `ttl`: seconds that a hand-over lives."""

    def __init__(
        self,
        handovers: Handovers,
        login: Login,
        visitors: Visitors,
        bindings: Bindings,
        cookies: CookieNames,
        names: KeyedHash,
        pages: Pages,
        links: Links,
        origin_of: Callable[[str], str],
        ttl: int,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._handovers = handovers
        self._login = login
        self._visitors = visitors
        self._bindings = bindings
        self._cookies = cookies
        self._cookie = cookies.login_prefix + "handover"
        self._names = names
        self._pages = pages
        self._links = links
        self._origin_of = origin_of
        self._ttl = ttl
        self._metrics = metrics
        self._clock = clock

    def start(self, visit: Visit, return_to: str) -> web.Response:
        """The page with the button that begins one."""
        secret = self._secret(visit) or self._handovers.fresh()
        token = self._names.name("handover start", secret)
        anyway = self._links.login(return_to) + "&wechat=1"
        response = self._pages.page(visit, "handover_start.html", return_to=return_to, token=token, anyway=anyway)
        self._keep(response, secret)
        return response

    async def post(self, request: web.Request) -> web.Response:
        """Begin, under a new secret: whoever planted the browser's former cookie has no part in it."""
        visit = visit_of(request)
        own = refuse_foreign(request, self._origin_of(visit.host))
        fields = await read_form(request, {"token", "return_to"})
        former = self._secret(visit)
        if not own and not (former and self._names.matches(fields.get("token", ""), "handover start", former)):
            raise Halt(CROSS_SITE)
        if self._login.elsewhere(visit) is not Outside.HANDOVER:
            raise Halt(NOT_FOUND)
        return_to = self._links.return_to([fields.get("return_to", "/")])
        secret = self._handovers.fresh()
        if wait := await self._handovers.begin(visit, secret, self._key(secret), return_to, former):
            self._count(visit, "handover_too_many")
            raise Halt(TOO_MANY_TRIES, action=Link(self._links.login(return_to), "again"), retry_after=wait)
        self._count(visit, "handover_begun")
        response = redirect(303, self._links.handover())
        self._keep(response, secret)
        return response

    async def get(self, request: web.Request) -> web.Response:
        """How far it is. Programs are told and change nothing; the page of an approved one is the one asked for."""
        if is_prefetch(request):
            raise Halt(PREFETCH)
        visit = visit_of(request)
        secret = self._secret(visit)
        handover = await self._handovers.of_browser(visit, secret) if secret else None
        if visit.wants_json:
            return web.json_response({"stage": handover.stage.value if handover else "gone"})
        if handover is None or secret is None:
            return await self._without(request, visit)
        if handover.stage is Stage.APPROVED:
            return await self._take(request, visit, secret)
        if handover.stage in _ENDS:
            raise Halt(_ENDS[handover.stage], action=self._again(handover.return_to))
        address = self._origin_of(visit.host) + self._links.approval(self._key(secret))
        return self._pages.page(
            visit,
            "handover.html",
            stage=handover.stage.value,
            code=qr_svg(address) if handover.stage is Stage.OPEN else "",
            number=handover.number if handover.stage is Stage.CLAIMED else "",
            left=self._handovers.seconds_left(handover),
            refresh=REFRESH,
            again=self._links.login(handover.return_to),
        )

    async def _without(self, request: web.Request, visit: Visit) -> web.Response:
        """Nothing waits here: it is over, another tab took it, or another browser began it."""
        if await self._visitors.session(request, visit):
            return redirect(302, with_fragment("/"))
        raise Halt(HANDOVER_GONE, action=self._again("/"))

    async def _take(self, request: web.Request, visit: Visit, secret: str) -> web.Response:
        """The second place where sessions begin: what the phone approved becomes this browser's, once."""
        handover = await self._handovers.take(secret)
        if handover is None or (approval := handover.approval) is None:
            return await self._without(request, visit)
        standing = await self._bindings.standing(approval.subject, approval.sid_hash, approval.created)
        if standing.revoked or standing.binding is None:  # the phone signed out, or unbound, meanwhile
            raise Halt(HANDOVER_GONE, action=self._again(handover.return_to))
        now = int(self._clock())
        fresh = new_session(approval.subject, now)
        # As old as the phone's: what logged that one out everywhere, a moment ago or elsewhere, ends this one too.
        session = Session(fresh.sid, fresh.subject, approval.auth_time, approval.created, now, HANDOVER)
        await self._visitors.register(session, visit)
        await self._bindings.audit(AuditEvent.HANDOVER, session.subject, "taken", visit.actor, now)
        if (old := await self._visitors.session(request, visit)) is not None:
            await self._visitors.revoke(old)
        self._metrics.dance(session.subject.app, "handover_taken")
        await sign_in(request, session)
        response = redirect(302, with_fragment(handover.return_to))
        response.headers.add("Set-Cookie", self._cookies.clear_cookie(self._cookie))
        return response

    def _key(self, secret: str) -> str:
        """What the phone scans follows from the secret, so that it need not be kept; never the other way round."""
        return token_hash(f"scanned {secret}")[:_KEY]

    def _secret(self, visit: Visit) -> str | None:
        found = [value for name, value in visit.jar if name == self._cookie and value]
        return found[0] if len(found) == 1 else None  # two: one of them was planted

    def _keep(self, response: web.Response, secret: str) -> None:
        response.headers.add("Set-Cookie", self._cookies.set_cookie(self._cookie, secret, self._ttl + _LATE))

    def _again(self, return_to: str) -> Link:
        return Link(self._links.login(return_to), "again")

    def _count(self, visit: Visit, event: str) -> None:
        self._metrics.dance(self._login.app(visit), event)
