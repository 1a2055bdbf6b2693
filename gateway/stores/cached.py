"""What the binding store said a moment ago, so that a proxied request need not ask again.

Presence is remembered for a while, absence never; a revoked session stays revoked, so that is kept.
"""

import asyncio
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from gateway.core.errors import StoreOutage
from gateway.core.identity import Binding, Standing, Subject
from gateway.wire.tasks import Tasks

from .interface import Actor, AuditEvent, Bindings, BindRequest, Bound, Refused, SessionRow

K = TypeVar("K")


class _Entry(NamedTuple):
    ends: float
    standing: Standing
    subject: Subject


class CachedBindings:
    """`Bindings` with a memory of `size` sessions for `ttl` seconds. Its own writes take effect at once.

    Concurrent look-ups of one session share one call to `inner`; one that a write overtakes is not remembered.
    `watchers` are called after each of its own writes that changes how a session stands.
    """

    def __init__(self, inner: Bindings, ttl: float, size: int, clock: Callable[[], float]) -> None:
        self._inner = inner
        self._ttl = ttl
        self._size = size
        self._clock = clock
        self._entries: dict[str, _Entry] = {}  # by sid hash, the longest unrefreshed first
        self._of_subject: dict[Subject, set[str]] = {}
        self._of_user: dict[str, set[str]] = {}
        self._flights: dict[str, asyncio.Task[Standing | StoreOutage]] = {}
        self._tasks = Tasks()
        self.epoch = 0  # grows with every write: what was derived from `peek` must be asked for again
        self.watchers: set[Callable[[], object]] = set()

    def peek(self, sid_hash: str) -> Standing | None:
        """What is remembered of this session, at the cost of one look into a dict. None: ask `standing`."""
        entry = self._entries.get(sid_hash)
        return entry.standing if entry is not None and self._clock() < entry.ends else None

    def seconds_known(self, sid_hash: str) -> float:
        """How long `peek` will say what it says now, unless `epoch` grows."""
        entry = self._entries.get(sid_hash)
        return entry.ends - self._clock() if entry is not None else 0.0

    async def standing(self, subject: Subject, sid_hash: str, created: int) -> Standing:
        """As remembered, or else as `inner` says."""
        if (known := self.peek(sid_hash)) is not None:
            return known
        flight = self._flights.get(sid_hash)
        if flight is None:
            flight = self._flights[sid_hash] = self._tasks.start(self._look_up(subject, sid_hash, created))
        outcome = await asyncio.shield(flight)  # a caller who leaves does not take the others' answer along
        if isinstance(outcome, StoreOutage):
            raise outcome
        return outcome

    async def _look_up(self, subject: Subject, sid_hash: str, created: int) -> Standing | StoreOutage:
        asked = self._clock()
        try:
            standing = await self._inner.standing(subject, sid_hash, created)
        except StoreOutage as outage:
            return outage
        else:
            if self._flights.get(sid_hash) is asyncio.current_task():
                self._remember(asked, subject, sid_hash, standing)
            return standing
        finally:
            if self._flights.get(sid_hash) is asyncio.current_task():
                del self._flights[sid_hash]

    def _remember(self, asked: float, subject: Subject, sid_hash: str, standing: Standing) -> None:
        self._forget(sid_hash)
        if standing.revoked:
            ends = math.inf
        elif standing.binding is not None:
            ends = asked + self._ttl
        else:
            return
        while len(self._entries) >= self._size:
            self._forget(next(iter(self._entries)))
        self._entries[sid_hash] = _Entry(ends, standing, subject)
        self._of_subject.setdefault(subject, set()).add(sid_hash)
        if standing.binding is not None:
            self._of_user.setdefault(standing.binding.user_id, set()).add(sid_hash)

    def _forget(self, sid_hash: str) -> None:
        entry = self._entries.pop(sid_hash, None)
        if entry is None:
            return
        _discard(self._of_subject, entry.subject, sid_hash)
        if entry.standing.binding is not None:
            _discard(self._of_user, entry.standing.binding.user_id, sid_hash)

    def _invalidate(self, *sets: set[str]) -> None:
        self.epoch += 1
        self._flights.clear()  # their answers may be older than the write: delivered, not remembered
        for sid_hash in set().union(*sets):
            self._forget(sid_hash)
        for watcher in self.watchers:
            watcher()

    async def bind(self, request: BindRequest, actor: Actor, now: int) -> Bound | Refused:
        """As `inner`. Forgets the subject and whoever else was this user: a replaced binding ends at once."""
        try:
            return await self._inner.bind(request, actor, now)
        finally:  # an outage may still have written
            of_user = self._of_user.get(request.user_id, set())
            self._invalidate(self._of_subject.get(request.subject, set()), of_user)

    async def unbind(self, subject: Subject, actor: Actor, now: int) -> Binding | None:
        """As `inner`."""
        try:
            return await self._inner.unbind(subject, actor, now)
        finally:
            self._invalidate(self._of_subject.get(subject, set()))

    async def revoke_session(self, sid_hash: str, until: int) -> None:
        """As `inner`."""
        try:
            await self._inner.revoke_session(sid_hash, until)
        finally:
            self._invalidate({sid_hash})

    async def revoke_subject(self, subject: Subject, not_before: int, until: int) -> None:
        """As `inner`."""
        try:
            await self._inner.revoke_subject(subject, not_before, until)
        finally:
            self._invalidate(self._of_subject.get(subject, set()))

    async def audit(
        self, event: AuditEvent, subject: Subject, method: str, actor: Actor, now: int, detail: str = ""
    ) -> None:
        """As `inner`."""
        await self._inner.audit(event, subject, method, actor, now, detail)

    async def register_session(self, row: SessionRow) -> None:
        """As `inner`."""
        await self._inner.register_session(row)

    async def sessions(self, subject: Subject, now: int) -> Sequence[SessionRow]:
        """As `inner`: never remembered."""
        return await self._inner.sessions(subject, now)

    async def prune(self, now: int) -> None:
        """As `inner`."""
        await self._inner.prune(now)

    async def ping(self) -> None:
        """As `inner`."""
        await self._inner.ping()

    async def close(self) -> None:
        """End the look-ups in flight, then close `inner`."""
        await self._tasks.close()
        await self._inner.close()


def _discard(index: dict[K, set[str]], key: K, sid_hash: str) -> None:
    index[key].discard(sid_hash)
    if not index[key]:
        del index[key]
