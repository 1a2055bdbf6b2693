"""Forks argv[2] processes that open the bindings at argv[1] at once and bind a user each. Fails if one fails."""

import asyncio
import os
import sys

from gateway.core.identity import Subject
from gateway.sealing import KeyedHash
from gateway.stores.interface import Actor, BindRequest, OnConflict
from gateway.stores.sql_bindings import open_sql_bindings


async def main(path: str, user: str) -> None:
    store = await open_sql_bindings(
        f"sqlite:{path}", per_user=1, on_conflict=OnConflict.REFUSE, names=KeyedHash([b"k" * 32], "names")
    )
    await store.bind(BindRequest(Subject("main", user), user, {}, "pwd"), Actor("user"), 100)
    await store.close()


children = []
for i in range(int(sys.argv[2])):
    child = os.fork()
    if not child:
        asyncio.run(main(sys.argv[1], str(i)))
        sys.exit()
    children.append(child)
statuses = [os.waitpid(child, 0)[1] for child in children]
sys.exit(any(statuses))
