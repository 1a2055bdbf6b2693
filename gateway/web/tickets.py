"""Tickets: the right to try to bind, for the browser that danced. Every failed try gets a fresh one."""

import base64
from collections.abc import Callable
from dataclasses import replace

from gateway.core.identity import Session
from gateway.sealing import token_hash
from gateway.stores.interface import BindRequest, State, Ticket

_KEY = 32  # bytes


class Tickets:
    """Mints and renews. `ttl` of one ticket and `chain` of all its renewals, in seconds."""

    def __init__(self, state: State, ttl: int, chain: int, random: Callable[[int], bytes]) -> None:
        self._state = state
        self._ttl = ttl
        self._chain = chain
        self._random = random

    async def mint(self, session: Session, return_to: str, now: int, union_id: str | None = None) -> str:
        """The key of a new ticket for `session`, after which the browser goes to `return_to`."""
        ends = now + self._chain
        sid_hash = token_hash(session.sid)
        return await self._put(Ticket(session.subject, sid_hash, return_to, 0, 0, ends, union_id), now)

    async def renew(self, spent: Ticket, now: int, *, failed: bool, wish: BindRequest | None = None) -> str | None:
        """The key of the ticket that follows `spent`; None if the chain has ended. `failed` counts a try.

        `wish` is what the new one carries, whatever `spent` did.
        """
        if now >= spent.ends:
            return None
        return await self._put(replace(spent, tries=spent.tries + failed, wish=wish), now)

    async def _put(self, ticket: Ticket, now: int) -> str:
        key = base64.urlsafe_b64encode(self._random(_KEY)).rstrip(b"=").decode("ascii")
        expires = min(now + self._ttl, ticket.ends)
        await self._state.put_ticket(token_hash(key), replace(ticket, expires=expires))
        return key
