"""Locks on accounts that are guessed at: for one WeChat user soon, for everybody late, for nobody for ever.

Names are counted as they are submitted, whether they exist or not.
"""

from dataclasses import dataclass, replace

from gateway.core.identity import Subject
from gateway.sealing import KeyedHash
from gateway.stores.interface import State
from gateway.stores.lockout import Lockout

PAIR, ACCOUNT = "pair", "account"  # an account and one WeChat user, an account and everybody


@dataclass(frozen=True, slots=True)
class Entry:
    """Whether a try may be judged: not before `wait` seconds, not while `locked`, which names the lock.

    `locks` names the locks that begin if it fails.
    """

    wait: int = 0
    locked: str = ""
    locks: tuple[str, ...] = ()


class Accounts:
    """`lockout` is for one WeChat user at one account; for everybody there are `per_account` failures and no delays."""

    def __init__(self, state: State, names: KeyedHash, lockout: Lockout, per_account: int) -> None:
        self._state = state
        self._names = names
        everybody = replace(lockout, failures=per_account, delay=0, max_delay=0)
        self._rules = {PAIR: lockout, ACCOUNT: everybody}

    async def enter(self, method: str, name: str, subject: Subject, now: int) -> Entry:
        """Count a try at the account `name` as failed. A lock counts nothing behind it: it keeps nobody else out."""
        locks: list[str] = []
        for scope, bucket in self._buckets(method, name, subject):
            strike = await self._state.strike(bucket, self._rules[scope], now)
            if strike.wait or strike.locked:
                return Entry(strike.wait, scope if strike.locked else "")
            if strike.locks:
                locks.append(scope)
        return Entry(locks=tuple(locks))

    async def forgive(self, method: str, name: str, subject: Subject) -> None:
        """Undo an `enter` that let a try in which did not fail."""
        for _, bucket in self._buckets(method, name, subject):
            await self._state.forgive(bucket)

    def _buckets(self, method: str, name: str, subject: Subject) -> list[tuple[str, str]]:
        of = self._names.name
        return [
            (PAIR, of("lockout-pair", method, name, subject.app, subject.openid)),
            (ACCOUNT, of("lockout-account", method, name)),
        ]
