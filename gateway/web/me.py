"""GET /me and the pages that ask before something ends: what a signed-in person may see of themselves."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from gateway.core.identity import Binding, Session
from gateway.sealing import KeyedHash, token_hash
from gateway.stores.interface import Bindings

from .leaving import form_token, handle_of, refuse_handed_over
from .links import Link, Links
from .moments import Moment, day, minute
from .notices import LOGIN_REQUIRED, SIGNED_OUT, SIGNED_OUT_EVERYWHERE, Halt
from .pages import Pages, redirect
from .visitors import Visitors
from .visits import visit_of


@dataclass(frozen=True, slots=True)
class Device:
    """One session on the page. `handle` names it to us and to nobody else."""

    name: str
    since: Moment
    handle: str
    here: bool


class Me:
    """The visitor's own pages. `names` makes the token by which a page proves itself where headers do not."""

    def __init__(
        self,
        visitors: Visitors,
        bindings: Bindings,
        names: KeyedHash,
        origin_of: Callable[[str], str],
        pages: Pages,
        links: Links,
        can_bind: bool,
        clock: Callable[[], float],
    ) -> None:
        self._visitors = visitors
        self._bindings = bindings
        self._names = names
        self._origin_of = origin_of
        self._pages = pages
        self._links = links
        self._can_bind = can_bind
        self._clock = clock

    async def get(self, request: web.Request) -> web.Response:
        """Who is signed in here, in full for programs; for people masked, with what is kept of them, and where else."""
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
            binding=binding,
            bound_on=day(binding.bound_at) if binding else None,
            consented_on=day(binding.consented_at) if binding and binding.consented_at is not None else None,
            devices=await self._devices(visitor.session),
            bind_url=self._links.bind(me) if self._can_bind else "",
            token=form_token(self._names, visitor.session),
        )

    async def _devices(self, session: Session) -> list[Device]:
        """Where else the visitor is signed in, and here."""
        mine = token_hash(session.sid)
        rows = await self._bindings.sessions(session.subject, int(self._clock()))
        return [
            Device(row.device, minute(row.created), handle_of(self._names, row), row.sid_hash == mine) for row in rows
        ]

    async def confirm_unbind(self, request: web.Request) -> web.Response:
        """Ask first."""
        visit = visit_of(request)
        visitor = await self._visitors.visitor(request, visit)
        if visitor is None:
            raise Halt(LOGIN_REQUIRED, action=Link(self._links.login(f"{self._links.prefix}/me"), "sign_in"))
        if visitor.binding is None:
            return redirect(302, f"{self._links.prefix}/me")
        refuse_handed_over(visitor.session)
        token = form_token(self._names, visitor.session)
        return self._pages.page(visit, "unbind.html", user_id=visitor.binding.user_id, token=token)

    async def confirm_logout(self, request: web.Request) -> web.Response:
        """Ask first; to the signed out, say so. Never a redirect to WeChat, which would sign them in again."""
        visit = visit_of(request)
        session = await self._visitors.session(request, visit)
        if session is not None:
            return self._pages.page(visit, "logout.html", token=form_token(self._names, session))
        notice = SIGNED_OUT_EVERYWHERE if "everywhere" in request.query else SIGNED_OUT
        return self._pages.notice(visit, notice, action=Link(self._links.login("/"), "sign_in_again"))


def _summary(binding: Binding | None, *, signed_in: bool) -> dict[str, Any]:
    return {
        "signed_in": signed_in,
        "bound": binding is not None,
        "user_id": binding.user_id if binding else None,
        "claims": dict(binding.claims) if binding else {},
    }
