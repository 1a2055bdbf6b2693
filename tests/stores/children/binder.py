"""Binds users to the bindings at argv[1] for ever, prints each once it is acknowledged. Waits to be killed."""

import asyncio
import os
import sys

from gateway.core.identity import Subject
from gateway.sealing import KeyedHash
from gateway.stores.interface import Actor, BindRequest, Bound, OnConflict
from gateway.stores.sql_bindings import SqlBindings, open_sql_bindings


async def bind_for_ever(store: SqlBindings, name: str) -> None:
    number = 0
    while True:
        number += 1
        user = f"{name}-{number}"
        outcome = await store.bind(BindRequest(Subject("main", user), user, {"n": number}, "pwd"), Actor("user"), 100)
        assert isinstance(outcome, Bound)
        os.write(1, f"{user}\n".encode())


async def main(path: str, name: str) -> None:
    store = await open_sql_bindings(
        f"sqlite:{path}", per_user=1, on_conflict=OnConflict.REFUSE, names=KeyedHash([b"k" * 32], "names")
    )
    await asyncio.gather(*(bind_for_ever(store, f"{name}-{i}") for i in range(4)))


asyncio.run(main(*sys.argv[1:]))
