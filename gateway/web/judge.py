"""Who may have a try at proving an account judged, and what a wrong one costs. SECURITY.md says why.

Law: a try is counted as failed before anybody is asked, so that of many at once no more are judged than may fail.
"""

from contextlib import suppress

from gateway.core.errors import StoreOutage
from gateway.core.identity import Session
from gateway.sealing import KeyedHash
from gateway.stores.interface import AuditEvent, Bindings, State
from gateway.telemetry.metrics import Metrics
from gateway.verifiers.interface import User, VerifierOutage

from .bindform import Fault
from .budgets import HOUR, Budget, exhausted, give_back, of_network, spend
from .floor import Pace
from .lockout import Accounts, Entry
from .notices import TOO_MANY_TRIES, Halt
from .parts import Limits
from .proofs import Fields, Proof
from .visits import Visit


class Judge:
    """Asks a proof who somebody is, within the budgets of the session, the WeChat user, the address, and all."""

    def __init__(
        self,
        state: State,
        bindings: Bindings,
        accounts: Accounts,
        names: KeyedHash,
        limits: Limits,
        pace: Pace,
        metrics: Metrics,
    ) -> None:
        self._state = state
        self._bindings = bindings
        self._accounts = accounts
        self._names = names
        self._limits = limits
        self._pace = pace
        self._metrics = metrics

    async def session_wait(self, session: Session, now: int) -> int:
        """Seconds until the session has another try; 0: it has."""
        return await exhausted(self._state, [self._of_session(session)], now, self._metrics.bind_limited)

    async def wait(self, visit: Visit, session: Session, now: int) -> int:
        """Seconds until every budget has room for another failure; 0: they have. None of them is an account's."""
        return await exhausted(self._state, self._budgets(visit, session), now, self._metrics.bind_limited)

    async def judged(
        self, visit: Visit, session: Session, method: str, proof: Proof, fields: Fields, now: int
    ) -> User | Fault:
        """Who was proven, or what to say. Halts with 429; raises VerifierOutage or StoreOutage, which cost nothing."""
        budgets, name = self._budgets(visit, session), proof.name(fields)
        if wait := await spend(self._state, budgets, now, self._metrics.bind_limited):
            raise self.too_many(wait)
        entry = await self._accounts.enter(method, name, session.subject, now) if name else Entry()
        if entry.wait:
            self._metrics.bind_limited("delay")
            await give_back(self._state, budgets)
            return Fault("too_soon", 429, entry.wait)
        user = None
        if entry.locked:
            self._metrics.bind_limited(entry.locked)
            await self._pace.keep()
        else:
            try:
                user = await self._asked(session, proof, fields, now)
            except (VerifierOutage, StoreOutage):
                await self._forgive(session, method, name, budgets)
                raise
        if user is not None:
            await self._forgive(session, method, name, budgets)
            return user
        for scope in entry.locks:
            self._metrics.bind_locked(scope)
            await self._bindings.audit(AuditEvent.LOCKED, session.subject, proof.amr, visit.actor, now)
        await self._bindings.audit(AuditEvent.REFUSED, session.subject, proof.amr, visit.actor, now)
        return Fault(proof.wrong, 401)

    async def _asked(self, session: Session, proof: Proof, fields: Fields, now: int) -> User | None:
        began = self._pace.began()
        user = await proof.user(session, fields, now)
        if user is None:
            self._pace.ended(began)
        return user

    async def _forgive(self, session: Session, method: str, name: str, budgets: list[Budget]) -> None:
        """During an outage it stays counted: that is for the person's next try, not for this answer."""
        await give_back(self._state, budgets)
        if name:
            with suppress(StoreOutage):
                await self._accounts.forgive(method, name, session.subject)

    def too_many(self, wait: int) -> Halt:
        """The answer of a budget that is spent."""
        self._metrics.bind("too_many_tries")
        return Halt(TOO_MANY_TRIES, retry_after=wait)

    def _budgets(self, visit: Visit, session: Session) -> list[Budget]:
        limits, of, subject = self._limits, self._names.name, session.subject
        return [
            self._of_session(session),
            Budget(of("failures-subject", subject.app, subject.openid), limits.failures_per_subject, HOUR, "wechat"),
            *of_network(of, "failures-ip", visit.network, limits.failures_per_ip),
            Budget(of("failures"), limits.failures_in_all, HOUR, "all"),
        ]

    def _of_session(self, session: Session) -> Budget:
        """The tries of one chain are the session's, however many tickets it mints."""
        name = self._names.name("failures-session", session.sid)
        return Budget(name, self._limits.tries, self._limits.chain, "session")
