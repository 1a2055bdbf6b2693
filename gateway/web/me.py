"""GET /me, POST /unbind, GET and POST /logout: what a signed-in person may see and end."""

import time
from collections.abc import Callable
from itertools import islice
from typing import Any

from aiohttp import web

from gateway.core.cookies import CookieNames
from gateway.core.identity import Binding, Session
from gateway.sealing import KeyedHash
from gateway.stores.interface import Bindings
from gateway.wechat.dance import MAX_CLEARED

from .forms import read_form
from .guard import refuse_foreign
from .links import Link, Links
from .notices import CROSS_SITE, LOGIN_REQUIRED, SIGNED_OUT, Halt
from .pages import Pages, redirect
from .visitors import Visitors, sign_out
from .visits import Visit, visit_of


class Me:
    """The visitor's own pages. `names` makes the token by which a page proves itself where headers do not."""

    def __init__(
        self,
        visitors: Visitors,
        bindings: Bindings,
        cookies: CookieNames,
        names: KeyedHash,
        origin_of: Callable[[str], str],
        pages: Pages,
        links: Links,
        can_bind: bool,
        clock: Callable[[], float],
    ) -> None:
        self._visitors = visitors
        self._bindings = bindings
        self._cookies = cookies
        self._names = names
        self._origin_of = origin_of
        self._pages = pages
        self._links = links
        self._can_bind = can_bind
        self._clock = clock

    async def get(self, request: web.Request) -> web.Response:
        """Who is signed in here, in full for programs, masked for people."""
        visit = visit_of(request)
        visitor = await self._visitors.visitor(request, visit)
        me = f"{self._links.prefix}/me"
        if visitor is None:
            if visit.wants_json:
                login_url = self._origin_of(visit.host) + self._links.login("/")
                refusal = {"error": "login_required", "login_url": login_url}
                return web.json_response(_summary(None, signed_in=False) | refusal, status=401)
            raise Halt(LOGIN_REQUIRED, action=Link(self._links.login(me), "sign_in"))
        binding = visitor.binding
        if visit.wants_json:
            return web.json_response(_summary(binding, signed_in=True))
        return self._pages.page(
            visit,
            "me.html",
            user_id=binding.user_id if binding else None,
            bound_on=time.strftime("%Y-%m-%d", time.gmtime(binding.bound_at)) if binding else "",
            bind_url=self._links.bind(me) if self._can_bind else "",
            token=self._token(visitor.session),
        )

    async def unbind(self, request: web.Request) -> web.Response:
        """End the binding; the visitor stays signed in."""
        visit = visit_of(request)
        session = await self._submitted(request, visit)
        if session is None:
            login_url = self._origin_of(visit.host) + self._links.login(f"{self._links.prefix}/me")
            raise Halt(LOGIN_REQUIRED, action=Link(login_url, "sign_in"))
        await self._bindings.unbind(session.subject, visit.actor, int(self._clock()))
        return self._done(visit, "/me")

    async def confirm_logout(self, request: web.Request) -> web.Response:
        """Ask first; to the signed out, say so. Never a redirect to WeChat, which would sign them in again."""
        visit = visit_of(request)
        session = await self._visitors.session(request, visit)
        if session is not None:
            return self._pages.page(visit, "logout.html", token=self._token(session))
        return self._pages.notice(visit, SIGNED_OUT, action=Link(self._links.login("/"), "sign_in_again"))

    async def logout(self, request: web.Request) -> web.Response:
        """End the session, copies of its cookie included, and the attempts to sign in (of very many, the first)."""
        visit = visit_of(request)
        session = await self._submitted(request, visit)
        if session is not None:
            await self._visitors.revoke(session)
        await sign_out(request)
        response = self._done(visit, "/logout")
        attempts = dict.fromkeys(name for name, _ in visit.jar if name.startswith(self._cookies.login_prefix))
        for name in islice(attempts, MAX_CLEARED):
            response.headers.add("Set-Cookie", self._cookies.clear_cookie(name))
        return response

    async def _submitted(self, request: web.Request, visit: Visit) -> Session | None:
        """The session that a POST speaks for, once it is proven to come from our own page. Halts with 403."""
        own = refuse_foreign(request, self._origin_of(visit.host))
        fields = await read_form(request, {"token"}) if request.can_read_body else {}
        session = await self._visitors.session(request, visit)
        if not own and not (session and self._names.matches(fields.get("token", ""), "csrf", session.sid)):
            raise Halt(CROSS_SITE)
        return session

    def _token(self, session: Session) -> str:
        return self._names.name("csrf", session.sid)

    def _done(self, visit: Visit, page: str) -> web.Response:
        return web.json_response({"ok": True}) if visit.wants_json else redirect(303, self._links.prefix + page)


def _summary(binding: Binding | None, *, signed_in: bool) -> dict[str, Any]:
    return {
        "signed_in": signed_in,
        "bound": binding is not None,
        "user_id": binding.user_id if binding else None,
        "claims": dict(binding.claims) if binding else {},
    }
