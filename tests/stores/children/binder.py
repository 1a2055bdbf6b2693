"""Forks argv[2] processes, one after the other, each of which binds to argv[1] until it is killed.

A line is "pid N" at a process's start, a user id once its binding is acknowledged, "dead" at the end.
"""

import asyncio
import os
import sys

from gateway.core.identity import Subject
from gateway.sealing import KeyedHash
from gateway.stores.interface import Actor, BindRequest, Bound, OnConflict
from gateway.stores.sql_bindings import SqlBindings, open_sql_bindings


def say(line: str) -> None:
    os.write(1, f"{line}\n".encode())


async def bind_for_ever(store: SqlBindings, name: str) -> None:
    number = 0
    while True:
        number += 1
        user = f"{name}-{number}"
        outcome = await store.bind(BindRequest(Subject("main", user), user, {"n": number}, "pwd"), Actor("user"), 100)
        assert isinstance(outcome, Bound)
        say(user)


async def main(path: str, name: str) -> None:
    store = await open_sql_bindings(
        f"sqlite:{path}", per_user=1, on_conflict=OnConflict.REFUSE, names=KeyedHash([b"k" * 32], "names")
    )
    await asyncio.gather(*(bind_for_ever(store, f"{name}-{i}") for i in range(4)))


for generation in range(int(sys.argv[2])):
    child = os.fork()
    if not child:
        say(f"pid {os.getpid()}")
        asyncio.run(main(sys.argv[1], str(generation)))
    os.waitpid(child, 0)
    say("dead")
