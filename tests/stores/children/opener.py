"""Opens the bindings at argv[1], binds user argv[2], says so."""

import asyncio
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
    print("bound")


asyncio.run(main(*sys.argv[1:]))
