"""Hand-overs as the pages begin, look up and move them; the numbers, the keys and the limits of them.

Law: who sees the code may only say yes or no for themselves; only the browser that began it can ever take it.
"""

import base64
import hmac
import unicodedata
from collections.abc import Callable
from dataclasses import replace

from gateway.core.handover import STEPS, Stage, Step
from gateway.core.identity import Session
from gateway.sealing import KeyedHash, token_hash
from gateway.stores.interface import Approval, Handover, State

from .budgets import HOUR, Budget, of_network, spend
from .parts import Limits
from .visits import Visit

_KEY = 16  # bytes
NUMBERS = 100


class Handovers:
    """The hand-overs of this gateway."""

    def __init__(
        self,
        state: State,
        names: KeyedHash,
        limits: Limits,
        clock: Callable[[], float],
        random: Callable[[int], bytes],
    ) -> None:
        self._state = state
        self._names = names
        self._limits = limits
        self._clock = clock
        self._random = random

    async def begin(self, visit: Visit, secret: str, key: str, return_to: str, former: str | None) -> int:
        """Open one for this browser, in place of that of its `former` secret. 0, or seconds until one may begin."""
        now = int(self._clock())
        of, limits = self._names.name, self._limits
        budgets = [
            Budget(of("handovers"), limits.handovers_in_all, limits.handover),
            *(
                replace(budget, window=limits.handover)
                for budget in (
                    *of_network(of, "handovers-ip", visit.network, limits.handovers_per_ip),
                    *of_network(of, "handovers-network", visit.neighbourhood, limits.handovers_per_network),
                )
            ),
        ]
        if wait := await spend(self._state, budgets, now):
            return wait
        number = f"{int.from_bytes(self._random(8)) % NUMBERS:02}"
        handover = Handover(
            token_hash(secret), number, visit.host, visit.device, visit.ip, return_to, now + limits.handover
        )
        await self._state.put_handover(token_hash(key), handover, token_hash(former) if former else "")
        return 0

    def fresh(self) -> str:
        """A random key or secret of 128 bits."""
        return base64.urlsafe_b64encode(self._random(_KEY)).rstrip(b"=").decode("ascii")

    async def scanned(self, visit: Visit, key: str) -> Handover | None:
        """The live one that a phone scanned on this Host."""
        handover = await self._state.handover(token_hash(key), int(self._clock()))
        return handover if handover is not None and handover.host == visit.host else None

    async def of_browser(self, visit: Visit, secret: str) -> Handover | None:
        """The live one that this browser began on this Host."""
        handover = await self._state.handover_of(token_hash(secret), int(self._clock()))
        return handover if handover is not None and handover.host == visit.host else None

    async def take(self, secret: str) -> Handover | None:
        """The approved one of this browser, which is gone with this."""
        return await self._state.take_handover(token_hash(secret), int(self._clock()))

    def seconds_left(self, handover: Handover) -> int:
        """Until it is over."""
        return max(0, handover.expires - int(self._clock()))

    async def may_claim(self, session: Session) -> int:
        """Count a claim of this person: 0, or seconds to wait. Nobody is to be worn down by requests."""
        subject = session.subject
        bucket = self._names.name("handovers-subject", subject.app, subject.openid)
        budget = Budget(bucket, self._limits.handovers_per_subject, HOUR)
        return await spend(self._state, [budget], int(self._clock()))

    async def step(self, key: str, handover: Handover, step: Step, session: Session) -> bool:
        """Take one step as the phone with this session. False: not possible, or somebody was faster."""
        stage, mine = STEPS.get((handover.stage, step)), token_hash(session.sid)
        if stage is None or handover.holder not in ("", mine):
            return False
        after = replace(handover, stage=stage, holder=mine)
        if stage is Stage.APPROVED:
            approval = Approval(session.subject, mine, session.created, session.auth_time)
            after = replace(after, approval=approval)
        return await self._state.move_handover(token_hash(key), handover, after, int(self._clock()))


def is_number(handover: Handover, typed: str) -> bool:
    """Whether this is the number that the browser shows, full-width digits and blanks allowed."""
    text = "".join(unicodedata.normalize("NFKC", typed[:16]).split())
    return hmac.compare_digest(text.encode("utf-8", "replace"), handover.number.encode())
