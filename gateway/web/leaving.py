"""POST /unbind and /logout, here, on another device or everywhere: what a person may end.

Law: what ends is in the audit first, so that nothing ends unseen.
"""

from collections.abc import Callable, Mapping
from itertools import islice

from aiohttp import web

from gateway.core.cookies import CookieNames
from gateway.core.identity import Session
from gateway.sealing import KeyedHash, token_hash
from gateway.stores.interface import AuditEvent, Bindings, SessionRow
from gateway.wechat.dance import MAX_CLEARED

from .forms import read_form
from .guard import refuse_foreign
from .links import Link, Links
from .notices import CROSS_SITE, HANDOVER_NO_CHANGE, LOGIN_REQUIRED, Halt
from .pages import redirect
from .success import Teller
from .visitors import Visitors, sign_out
from .visits import Visit, visit_of


def form_token(names: KeyedHash, session: Session) -> str:
    """By which a page proves to be this session's, where headers do not."""
    return names.name("csrf", session.sid)


def handle_of(names: KeyedHash, row: SessionRow) -> str:
    """How a page names one of its owner's sessions."""
    return names.name("session", row.sid_hash)


def refuse_handed_over(session: Session) -> None:
    """A browser that a phone let in for hours changes nothing that lasts. Halts with 403."""
    if session.via:
        raise Halt(HANDOVER_NO_CHANGE)


class Leaving:
    """Ends bindings and sessions. `absolute`: the sessions' absolute limit in seconds."""

    def __init__(
        self,
        visitors: Visitors,
        bindings: Bindings,
        cookies: CookieNames,
        names: KeyedHash,
        origin_of: Callable[[str], str],
        teller: Teller,
        links: Links,
        absolute: int,
        clock: Callable[[], float],
    ) -> None:
        self._visitors = visitors
        self._bindings = bindings
        self._cookies = cookies
        self._names = names
        self._origin_of = origin_of
        self._teller = teller
        self._links = links
        self._absolute = absolute
        self._clock = clock

    async def unbind(self, request: web.Request) -> web.Response:
        """End the binding, and withdraw the consent with it; the visitor stays signed in."""
        visit, now = visit_of(request), int(self._clock())
        session, _ = await self._submitted(request, visit)
        if session is None:
            raise self._signed_out(visit)
        refuse_handed_over(session)
        ended = await self._bindings.unbind(session.subject, visit.actor, now)
        if ended is not None:
            self._teller.unbound(ended, visit, now)
        return self._done(visit, "/me")

    async def logout(self, request: web.Request) -> web.Response:
        """End the session, copies of its cookie included, and the attempts to sign in (of very many, the first)."""
        visit = visit_of(request)
        session, _ = await self._submitted(request, visit)
        if session is not None:
            await self._note(session, visit, "here")
            await self._visitors.revoke(session)
        return await self._out(request, visit, "/logout")

    async def logout_everywhere(self, request: web.Request) -> web.Response:
        """End every session of this WeChat user: at once here, elsewhere within `bindings.cache_ttl`."""
        visit, now = visit_of(request), int(self._clock())
        session, _ = await self._submitted(request, visit)
        if session is None:
            raise self._signed_out(visit)
        await self._note(session, visit, "everywhere")
        rows = await self._bindings.sessions(session.subject, now)
        newest = max([now, session.created, *(row.created for row in rows)])  # another machine's clock may be ahead
        await self._bindings.revoke_subject(session.subject, newest, newest + self._absolute)
        return await self._out(request, visit, "/logout?everywhere")

    async def end_other(self, request: web.Request) -> web.Response:
        """End one session of this user, as /me names it. One that has ended, or was never theirs, is no news."""
        visit, now = visit_of(request), int(self._clock())
        session, fields = await self._submitted(request, visit)
        if session is None:
            raise self._signed_out(visit)
        for row in await self._bindings.sessions(session.subject, now):
            if self._names.matches(fields.get("session", ""), "session", row.sid_hash):
                here = row.sid_hash == token_hash(session.sid)
                await self._note(session, visit, "here" if here else "other")
                await self._bindings.revoke_session(row.sid_hash, row.expires)
                if here:
                    return await self._out(request, visit, "/logout")
        return self._done(visit, "/me")

    async def _submitted(self, request: web.Request, visit: Visit) -> tuple[Session | None, Mapping[str, str]]:
        """The session that a POST speaks for, once it is proven to come from our own page. Halts with 403."""
        own = refuse_foreign(request, self._origin_of(visit.host))
        fields = await read_form(request, {"token", "session"}) if request.can_read_body else {}
        session = await self._visitors.session(request, visit)
        if not own and not (session and self._names.matches(fields.get("token", ""), "csrf", session.sid)):
            raise Halt(CROSS_SITE)
        return session, fields

    async def _note(self, session: Session, visit: Visit, which: str) -> None:
        now = int(self._clock())
        await self._bindings.audit(AuditEvent.LOGOUT, session.subject, "", visit.actor, now, which)

    async def _out(self, request: web.Request, visit: Visit, page: str) -> web.Response:
        """The answer that takes the cookies of this browser."""
        await sign_out(request)
        response = self._done(visit, page)
        attempts = dict.fromkeys(name for name, _ in visit.jar if name.startswith(self._cookies.login_prefix))
        for name in islice(attempts, MAX_CLEARED):
            response.headers.add("Set-Cookie", self._cookies.clear_cookie(name))
        return response

    def _signed_out(self, visit: Visit) -> Halt:
        login_url = self._origin_of(visit.host) + self._links.login(f"{self._links.prefix}/me")
        return Halt(LOGIN_REQUIRED, action=Link(login_url, "sign_in"))

    def _done(self, visit: Visit, page: str) -> web.Response:
        return web.json_response({"ok": True}) if visit.wants_json else redirect(303, self._links.prefix + page)
