"""Two of these race on the state at argv[1]: says "ready", waits for a line, then prints how often it won what."""

import asyncio
import json
import sys

from gateway.sealing import Sealer
from gateway.stores.interface import ClaimState, CodeCheck
from gateway.stores.sql_state import SqlState, open_sql_state

KEYS, CALLS = 12, 3


async def race(state: SqlState) -> dict[str, list[int]]:
    async def tickets(i: int) -> bool:
        return await state.take_ticket(f"ticket-{i}", "sid", 100) is not None

    async def claims(i: int) -> bool:
        return (await state.claim_attempt(f"state-{i}", f"code-{i}", 100, 200)).state is ClaimState.WON

    async def spent(i: int) -> bool:
        state_hash = f"{sys.argv[2]}-state-{i}"
        return (await state.claim_attempt(state_hash, f"shared-{i}", 100, 200)).state is ClaimState.WON

    async def codes(i: int) -> bool:
        return await state.try_code(f"slot-{i}", "right", 100) is CodeCheck.RIGHT

    async def hits(i: int) -> bool:
        return await state.hit(f"bucket-{i}", 1, 60, 100) == 0

    races = [tickets, claims, spent, codes, hits]
    calls = [(race.__name__, i, race(i)) for i in range(KEYS) for race in races for _ in range(CALLS)]
    outcomes = await asyncio.gather(*(call for _, _, call in calls))
    wins = {race.__name__: [0] * KEYS for race in races}
    for (name, i, _), won in zip(calls, outcomes, strict=True):
        wins[name][i] += won
    return wins


async def main() -> None:
    state = await open_sql_state(f"sqlite:{sys.argv[1]}", sealer=Sealer([b"k" * 32], "state"))
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(await race(state)))
    await state.close()


asyncio.run(main())
