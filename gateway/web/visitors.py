"""Who is at this browser: sessions as the pages read, start, replace and end them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import aiohttp_session
from aiohttp import web

from gateway.core.identity import Binding, Session, Subject
from gateway.sealing import token_hash
from gateway.stores import sessions
from gateway.stores.interface import Bindings, SessionRow

from .visits import Visit


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody with a live session, and who that is in the legacy system (None: not bound)."""

    session: Session
    binding: Binding | None

    @property
    def subject(self) -> Subject:
        """The WeChat user."""
        return self.session.subject


class Visitors:
    """The sessions of this gateway. `absolute`: their absolute limit in seconds.

    `counts_on(host, app)` says whether sessions of this app count on this Host.
    """

    def __init__(self, bindings: Bindings, absolute: int, counts_on: Callable[[str, str], bool]) -> None:
        self._bindings = bindings
        self._absolute = absolute
        self.counts_on = counts_on

    async def session(self, request: web.Request, visit: Visit) -> Session | None:
        """The browser's live session, if it is of the app that logs people in on this Host."""
        session = sessions.read(await aiohttp_session.get_session(request))
        return session if session and self.counts_on(visit.host, session.subject.app) else None

    async def visitor(self, request: web.Request, visit: Visit) -> Visitor | None:
        """The live session and its binding."""
        session = await self.session(request, visit)
        return await self.standing(session) if session else None

    async def standing(self, session: Session) -> Visitor | None:
        """The session's owner as the store says now; None if it was revoked."""
        standing = await self._bindings.standing(session.subject, token_hash(session.sid), session.created)
        return None if standing.revoked else Visitor(session, standing.binding)

    async def register(self, session: Session, visit: Visit) -> None:
        """Note a new session, so that its owner can see and end it."""
        await self._bindings.register_session(
            SessionRow(
                token_hash(session.sid),
                session.subject,
                session.created,
                session.ends(self._absolute),
                visit.device,
            )
        )

    async def replaced(self, old: Session, visit: Visit, now: int) -> Session:
        """A session under a new sid in place of `old`, which is dead from now on. No limit moves."""
        new = replace(sessions.new_session(old.subject, now), auth_time=old.auth_time, created=old.created, via=old.via)
        await self.register(new, visit)
        await self.revoke(old)
        return new

    async def revoke(self, session: Session) -> None:
        """End the session everywhere, copies of its cookie included."""
        await self._bindings.revoke_session(token_hash(session.sid), session.ends(self._absolute))


async def sign_in(request: web.Request, session: Session) -> None:
    """Give the browser this session with the answer to `request`."""
    sessions.write(await aiohttp_session.new_session(request), session)


async def sign_out(request: web.Request) -> None:
    """Take the browser's session cookie with the answer to `request`."""
    (await aiohttp_session.new_session(request)).invalidate()
