"""Sessions live in the browser, sealed. Here they are made, sealed, opened and judged by the clock."""

import json
import secrets
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import aiohttp_session
from aiohttp import web

from gateway.core.cookies import CookieNames, parse_cookies
from gateway.core.identity import HANDOVER, Session, Subject
from gateway.sealing import Sealer

SKEW = 60  # seconds that another machine's clock may be ahead of ours
MAX_CANDIDATES = 4  # session cookies of one request that are opened; browsers send one


def new_session(subject: Subject, now: int, random: Callable[[int], str] = secrets.token_urlsafe) -> Session:
    """A session that starts now, under a fresh sid of 128 random bits."""
    return Session(sid=random(16), subject=subject, auth_time=now, created=now, sealed_at=now)


class SessionSealer:
    """Sessions as sealed tokens, and their limits in seconds: `idle` since the sealing, `absolute` since `created`."""

    def __init__(self, sealer: Sealer, idle: int, absolute: int) -> None:
        self._sealer = sealer
        self._idle = idle
        self._absolute = absolute

    def seal(self, session: Session, now: int) -> str:
        """The session as a cookie value. Its idle time starts anew."""
        subject = session.subject
        fields = [session.sid, subject.app, subject.openid, session.auth_time, session.created, now]
        fields += [session.via] if session.via else []  # older versions know sessions of an own dance only
        return self._sealer.seal(json.dumps(fields, separators=(",", ":")).encode(), now=now)

    def open(self, token: str) -> Session | None:
        """The session that was sealed, its limits not checked. None: nothing that `seal` made."""
        plain = self._sealer.open(token)
        if plain is None:
            return None
        try:
            fields = json.loads(plain)
        except (ValueError, RecursionError):
            return None
        return _session(*fields) if isinstance(fields, list) and len(fields) in (6, 7) else None

    def expired(self, session: Session, now: int) -> bool:
        """Past its idle or absolute limit, or from the future beyond what clocks may differ."""
        newest = max(session.auth_time, session.created, session.sealed_at)
        return self.remaining(session, now) <= 0 or newest > now + SKEW

    def remaining(self, session: Session, now: int) -> int:
        """Seconds until the nearer of both limits; zero or less when it has passed."""
        return min(session.sealed_at + self._idle, session.ends(self._absolute)) - now

    def due(self, session: Session, now: int) -> bool:
        """Past a quarter of the idle time: worth sealing again, so that an active user stays signed in."""
        return (now - session.sealed_at) * 4 > self._idle

    def live(self, tokens: Iterable[str], now: int) -> list[Session]:
        """The unexpired sessions among the first few `tokens`, newest first."""
        few = [token for token, _ in zip(tokens, range(MAX_CANDIDATES), strict=False)]
        found = [session for token in few if (session := self.open(token)) and not self.expired(session, now)]
        return sorted(found, key=lambda session: (session.created, session.sealed_at), reverse=True)


def _session(
    sid: object, app: object, openid: object, auth_time: object, created: object, sealed_at: object, via: object = ""
) -> Session | None:
    if via not in ("", HANDOVER):
        return None
    if not (isinstance(sid, str) and isinstance(app, str) and isinstance(openid, str) and sid and app and openid):
        return None
    # bool is an int to isinstance, never to us
    if type(auth_time) is not int or type(created) is not int or type(sealed_at) is not int:
        return None
    return Session(sid, Subject(app, openid), auth_time, created, sealed_at, str(via))


def read(jar: aiohttp_session.Session) -> Session | None:
    """The gateway's session in an aiohttp session. None: signed out."""
    return _session(
        jar.get("sid"),
        jar.get("app"),
        jar.get("openid"),
        jar.get("auth_time"),
        jar.get("created"),
        jar.get("sealed_at"),
        jar.get("via", ""),
    )


def write(jar: aiohttp_session.Session, session: Session) -> None:
    """Put `session` into an aiohttp session, which the response then carries. At a login, into `new_session()`'s."""
    jar.update(_fields(session))


def _fields(session: Session) -> dict[str, str | int]:
    via = {"via": session.via} if session.via else {}
    return {
        "sid": session.sid,
        "app": session.subject.app,
        "openid": session.subject.openid,
        "auth_time": session.auth_time,
        "created": session.created,
        "sealed_at": session.sealed_at,
        **via,
    }


class SealedCookieStorage(aiohttp_session.AbstractStorage):
    """aiohttp-session over the sealed cookie. `is_revoked` asks the store, whose StoreOutage passes through."""

    def __init__(
        self,
        sealer: SessionSealer,
        cookies: CookieNames,
        is_revoked: Callable[[Session], Awaitable[bool]],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(cookie_name=cookies.session)
        self._sealer = sealer
        self._cookies = cookies
        self._is_revoked = is_revoked
        self._clock = clock

    async def load_session(self, request: web.Request) -> aiohttp_session.Session:
        """The newest live session among the request's cookies, or a new, empty one."""
        tokens = [
            value
            for header in request.headers.getall("Cookie", [])
            for name, value in parse_cookies(header)
            if name == self.cookie_name
        ]
        for session in self._sealer.live(tokens, int(self._clock())):
            if not await self._is_revoked(session):
                data = aiohttp_session.SessionData(created=session.created, session=dict(_fields(session)))
                return aiohttp_session.Session(session.sid, data=data, new=False)
        return await self.new_session()

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: aiohttp_session.Session
    ) -> None:
        """Set the cookie, for as long as the session may last; or clear it, if the session is empty."""
        now = int(self._clock())
        found = read(session)
        if found is None and not session.empty:
            raise ValueError("the session lacks fields: use sessions.write()")
        sealed = None if found is None else replace(found, sealed_at=now)
        if sealed is None or self._sealer.expired(sealed, now):
            value = self._cookies.clear_cookie(self.cookie_name)
        else:
            token = self._sealer.seal(sealed, now)
            value = self._cookies.set_cookie(self.cookie_name, token, self._sealer.remaining(sealed, now))
        others = [
            line for line in response.headers.popall("Set-Cookie", []) if not line.startswith(f"{self.cookie_name}=")
        ]
        for line in [*others, value]:
            response.headers.add("Set-Cookie", line)
