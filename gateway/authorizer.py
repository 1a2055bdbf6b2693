"""The guard: fetches the facts that a route asks for, lets the rule book decide, and mints what goes upstream.

Law: every exception here is a refusal. A store's outage is a 503, never an identity and never a lost cookie.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.core.cookies import CookieNames, parse_cookies, strip_cookies
from gateway.core.decision import Decision, Facts, Forward, SessionState, decide
from gateway.core.head import RequestHead
from gateway.core.hosts import AppHosts
from gateway.core.identity import Binding, Session, Standing
from gateway.core.navigation import is_navigation, is_preflight
from gateway.core.policy import Access, Preflight, Route
from gateway.sealing import token_hash
from gateway.signing import Signer, plain_headers
from gateway.stores.cached import CachedBindings
from gateway.stores.sessions import MAX_CANDIDATES, SessionSealer

_RENEW_AT = 0.9  # of a token's life: a tenth is left for the backend's clock and for slow requests
_COOKIE_LIMIT = 2048  # bytes: a longer Cookie header is read anew each time
_GRANTS_LIMIT = 64


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do with a request. For a Forward: the lines that go upstream, the cookie for the way back.

    `identity` is whole header lines (X-User and plain headers). `cookie` is what is left of the client's Cookie.
    `set_cookie` renews the session's idle limit, on pages only. `binding` says who is meant, if anybody bound.
    """

    decision: Decision
    identity: bytes = field(default=b"", repr=False)
    cookie: bytes | None = field(default=None, repr=False)
    set_cookie: str | None = field(default=None, repr=False)
    binding: Binding | None = field(default=None, repr=False)


class Admission(NamedTuple):
    """A verdict that identified somebody, and what it was given for."""

    route: Route
    head: RequestHead
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Grant:
    """A Forward that holds for `seconds`, unless a binding or a session is written to meanwhile."""

    verdict: Verdict
    seconds: float


@dataclass(slots=True)
class _Known:
    """What one Cookie header was found to mean. `grants` are verdicts that stand until a time, per route and app."""

    session: Session | None
    sid_hash: str
    cookie: bytes | None
    grants: dict[tuple[str, str | None], tuple[Verdict, Standing, float]]


class Authorizer:
    """Decides on requests. `now` answers without waiting wherever it can; `later` asks the stores."""

    def __init__(
        self,
        *,
        cookies: CookieNames,
        sealer: SessionSealer,
        bindings: CachedBindings,
        signer: Signer,
        identity_header: str,
        hosts: AppHosts,
        idle: int,
        absolute: int,
        clock: Callable[[], float] = time.time,
        size: int = 20_000,
    ) -> None:
        self._cookies = cookies
        self._sealer = sealer
        self._bindings = bindings
        self._signer = signer
        self._header = identity_header.encode("ascii")
        self._hosts = hosts
        self._idle = idle
        self._absolute = absolute
        self._clock = clock
        self._size = size
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._lines: OrderedDict[tuple[str, str, int], tuple[bytes, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._known)

    def now(self, route: Route, head: RequestHead) -> Verdict | None:
        """The verdict, or None if a store must be asked first."""
        if route.own:
            return Verdict(decide(Facts(route, navigation=False, app=None)), cookie=head.cookie)
        cookie = head.cookie
        if head.method == b"OPTIONS" and route.policy.preflight is Preflight.FORWARD and _is_preflight(head):
            return Verdict(decide(Facts(route, navigation=False, app=None, preflight=True)))
        known = self._known.get(cookie) if cookie is not None else None
        if known is not None:
            granted = known.grants.get((route.id, head.host))
            if granted is not None:
                verdict, standing, until = granted
                if self._bindings.peek(known.sid_hash) is standing and self._clock() < until:
                    return verdict
        elif cookie is not None:
            known = self._open(cookie)
        if known is None or known.session is None or route.policy.access is Access.PUBLIC:
            return self._verdict(route, head, known, None)
        standing_now = self._bindings.peek(known.sid_hash)
        return None if standing_now is None else self._verdict(route, head, known, standing_now)

    def grant(self, route: Route, head: RequestHead) -> Grant | None:
        """The verdict on all requests with these fields for a while, if it is a Forward and nothing must be asked."""
        verdict = self.now(route, head)
        if verdict is None or not isinstance(verdict.decision, Forward) or verdict.set_cookie is not None or route.own:
            return None
        known = self._open(head.cookie) if head.cookie is not None else None
        if route.policy.access is Access.PUBLIC or known is None or known.session is None:
            return Grant(verdict, math.inf)
        granted, _, until = known.grants.get((route.id, head.host), (None, None, 0.0))
        if granted is not verdict:
            return None
        return Grant(verdict, min(until - self._clock(), self._bindings.seconds_known(known.sid_hash)))

    async def later(self, route: Route, head: RequestHead) -> Verdict:
        """The verdict, asking the stores. Raises GatewayError."""
        known = self._open(head.cookie) if head.cookie is not None else None
        standing = None
        if known is not None and known.session is not None and route.policy.access is not Access.PUBLIC:
            session = known.session
            standing = await self._bindings.standing(session.subject, known.sid_hash, session.created)
        return self._verdict(route, head, known, standing)

    async def stands(self, admission: Admission) -> bool:
        """Whether a new request with these fields would be forwarded for the same user. Raises GatewayError."""
        known = self._open(admission.head.cookie) if admission.head.cookie is not None else None
        if known is None or known.session is None:
            return False
        session = known.session
        standing = await self._bindings.standing(session.subject, known.sid_hash, session.created)
        decision, _ = self._decision(admission.route, admission.head, known, standing, self._clock())
        if not isinstance(decision, Forward) or not decision.identified:
            return False
        was, now = admission.verdict.binding, standing.binding
        return was is None or (now is not None and now.user_id == was.user_id)

    # --- inside -------------------------------------------------------------------------------------

    def _open(self, cookie: bytes) -> _Known:
        """Read a Cookie header, once: the newest of its valid sessions, and what of it may go upstream.

        Only what holds a session is remembered: strangers must not choose what memory is spent on.
        """
        known = self._known.get(cookie)
        if known is not None:
            self._known.move_to_end(cookie)
            return known
        tokens = [value for name, value in parse_cookies(cookie.decode("latin-1")) if name == self._cookies.session]
        sessions = [session for token in tokens[:MAX_CANDIDATES] if (session := self._sealer.open(token)) is not None]
        session = max(sessions, key=lambda each: (each.created, each.sealed_at), default=None)
        sid_hash = token_hash(session.sid) if session is not None else ""
        known = _Known(session, sid_hash, strip_cookies(cookie, self._cookies.is_ours), {})
        if session is None or len(cookie) > _COOKIE_LIMIT:
            return known
        self._known[cookie] = known
        if len(self._known) > self._size:
            self._known.popitem(last=False)
        return known

    def _decision(
        self, route: Route, head: RequestHead, known: _Known | None, standing: Standing | None, now: float
    ) -> tuple[Decision, Session | None]:
        """The rule book's word, and the session if it is live."""
        session = known.session if known is not None else None
        app = self._hosts.app(head.host)
        state = SessionState.ABSENT
        if session is not None:
            if self._sealer.expired(session, int(now)):
                state = SessionState.EXPIRED
            elif standing is not None:
                state = SessionState.REVOKED if standing.revoked else SessionState.LIVE
        live = session if state is SessionState.LIVE else None
        decision = decide(
            Facts(
                route,
                navigation=is_navigation(head.method.decode("ascii"), head.get),
                app=app,
                session=state,
                session_app=live.subject.app if live else None,
                auth_age=now - live.auth_time if live else None,
                binding=standing.binding if live and standing else None,
                safe_method=head.method in (b"GET", b"HEAD"),
                website=self._hosts.website(head.host),
                handover=live is not None and live.via != "",
            )
        )
        return decision, live

    def _verdict(self, route: Route, head: RequestHead, known: _Known | None, standing: Standing | None) -> Verdict:
        now = self._clock()
        decision, live = self._decision(route, head, known, standing, now)
        cookie = known.cookie if known is not None else None
        if not isinstance(decision, Forward) or not decision.identified:
            return Verdict(decision, cookie=cookie)
        assert live is not None
        assert known is not None
        assert standing is not None
        identity, renew_at = self._identity(route, live, standing, now)
        if self._sealer.due(live, int(now)):
            navigation = is_navigation(head.method.decode("ascii"), head.get)
            renewal = self._renewal(live, int(now)) if navigation else None
            return Verdict(decision, identity, cookie, renewal, standing.binding)
        verdict = Verdict(decision, identity, cookie, binding=standing.binding)
        until = min(renew_at, live.sealed_at + self._idle / 4, live.ends(self._absolute))
        if route.policy.max_age is not None:
            until = min(until, live.auth_time + route.policy.max_age)
        if len(known.grants) < _GRANTS_LIMIT or (route.id, head.host) in known.grants:
            known.grants[route.id, head.host] = (verdict, standing, until)
        return verdict

    def _identity(self, route: Route, session: Session, standing: Standing, now: float) -> tuple[bytes, float]:
        """The header lines of (session, route, binding version), minted once and reused until renewal is due."""
        binding = standing.binding
        key = (session.sid, route.id, binding.version if binding is not None else 0)
        line = self._lines.get(key)
        if line is not None and now < line[1]:
            return line
        token = self._signer.mint(session, route, binding, int(now))
        lines = [b"%b: %b\r\n" % (self._header, token.encode("ascii"))]
        if binding is not None:
            lines += [b"%b: %b\r\n" % pair for pair in plain_headers(route.policy, binding.claims)]
        line = (b"".join(lines), int(now) + self._signer.ttl * _RENEW_AT)
        self._lines[key] = line
        self._lines.move_to_end(key)
        if len(self._lines) > self._size:
            self._lines.popitem(last=False)
        return line

    def _renewal(self, session: Session, now: int) -> str:
        left = min(self._idle, session.ends(self._absolute) - now)
        return self._cookies.set_cookie(self._cookies.session, self._sealer.seal(session, now), max(left, 1))


def _is_preflight(head: RequestHead) -> bool:
    names = (line.partition(b":")[0] for line in head.lines)
    return is_preflight(head.method.decode("ascii"), head.get, names, has_body=head.has_body)
