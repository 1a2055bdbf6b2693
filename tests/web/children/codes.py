"""One of several processes on one state file: argv is the file, a task, and its arguments. Prints what came of it.

spend KIND LIMIT WINDOW NOW TIMES: how many events were allowed. try SLOT CODE NOW TIMES: how often which answer.
put SLOT CODE EXPIRES TRIES. It begins when a line arrives on standard input, so that all begin together.
"""

import asyncio
import json
import sys
from collections import Counter

from gateway.sealing import Sealer
from gateway.stores.sql_state import open_sql_state
from gateway.web.budgets import Budget, spend

FILE, TASK, *WORDS = sys.argv[1:]


async def main() -> None:
    state = await open_sql_state(f"sqlite:{FILE}", sealer=Sealer([bytes(32)], "state"))
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    try:
        if TASK == "put":
            slot, code, expires, tries = WORDS
            await state.put_code(slot, code, int(expires), int(tries))
            print(json.dumps({}))
        elif TASK == "spend":
            kind, limit, window, now, times = WORDS
            budgets = [Budget(kind, int(limit), int(window)), Budget(f"{kind} in all", int(limit) * 2, int(window))]
            waits = await asyncio.gather(*(spend(state, budgets, int(now)) for _ in range(int(times))))
            print(json.dumps(Counter("allowed" if wait == 0 else "refused" for wait in waits)))
        else:
            slot, code, now, times = WORDS
            checks = await asyncio.gather(*(state.try_code(slot, code, int(now)) for _ in range(int(times))))
            print(json.dumps(Counter(check.value for check in checks)))
    finally:
        await state.close()


asyncio.run(main())
