"""Rows about what runs out: descriptors, the log's reader, the disk; and about time."""

import asyncio
import fcntl
import os
import resource
import socket

from chaos.client import Load, ask, request
from chaos.marks import Mark, Row, Scale, at_least, at_most, exactly, figure
from chaos.rows_clients import crowd
from chaos.stand import Stand, stand, until


async def no_descriptors(scale: Scale) -> list[Mark]:
    """With 256 of them in all, and then with none left at all."""
    async with stand(prefix=("prlimit", "--nofile=256:256")) as one:
        async with crowd(one, scale.of(1000, 400), b""):
            share = await one.gateway.cpu_share(scale.of(5, 1))
            most = one.gateway.descriptors()
        recovered = await until(lambda: one.gateway.descriptors() < 60)
        marks = [
            at_most("256 descriptors: processor while 1,000 knock", share, 0.5),
            at_most("descriptors used", most, 256),
            exactly("room again afterwards", recovered, True),
            exactly("a request afterwards", (await ask(one.port, one.user())).status, 200),
        ]
        load = Load(one.port, one.user, 4, pause=0.01)
        await asyncio.sleep(0.5)
        used = one.gateway.descriptors()
        before = resource.prlimit(one.gateway.pid, resource.RLIMIT_NOFILE, (used, 256))
        knocking = [socket.create_connection(("127.0.0.1", one.port)) for _ in range(50)]
        share = await one.gateway.cpu_share(scale.of(5, 1))
        resource.prlimit(one.gateway.pid, resource.RLIMIT_NOFILE, before)
        for each in knocking:
            each.close()
        await load.stop()
        await asyncio.sleep(0.5)
        return [
            *marks,
            at_most("none left: processor while 50 knock and 4 are served", share, 0.5),
            exactly("requests of those already connected failed", load.failed.total(), 0),
            exactly("a request afterwards", (await ask(one.port, one.user())).status, 200),
            *one.faults_of_ours(),
        ]


async def blocked_log(scale: Scale) -> list[Mark]:
    """Standard error is a full pipe that nobody reads."""
    reader, writer = os.pipe()
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    try:
        async with stand(stderr=writer) as one:
            wanted = scale.of(60_000, 12_000)
            load = Load(one.port, one.user, 32)
            going = await until(lambda: load.answered >= wanted, patience=240)
            await load.stop()
            dropped = await one.metric("gateway_log_dropped_total")
            memory = one.gateway.memory() / 2**20
            os.set_blocking(reader, False)
            read = await _lines_come(one, reader)
            return [
                exactly("requests answered with nobody reading", going, True),
                exactly("failed", load.wrong, 0),
                at_least("lines dropped and counted", dropped, 1),
                at_most("memory", memory, 150, " MB"),
                exactly("lines come again once somebody reads", read, True),
            ]
    finally:
        os.close(reader)
        os.close(writer)


async def _lines_come(one: Stand, reader: int) -> bool:
    """Whether a fresh request's line arrives."""
    text = b""
    for _ in range(200):
        await ask(one.port, request("/public/fresh-line"))
        try:
            while data := os.read(reader, 1 << 16):
                text = (text + data)[-(1 << 20) :]
        except BlockingIOError:
            pass
        if b"/public/fresh-line" in text:
            return True
        await asyncio.sleep(0.05)
    return False


async def full_disk(scale: Scale) -> list[Mark]:
    """Every write of the log fails: /dev/full."""
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        async with stand(stderr=full) as one:
            load = Load(one.port, one.user, 8)
            await asyncio.sleep(scale.of(5, 1))
            await load.stop()
            return [
                exactly("requests failed", load.wrong, 0),
                figure("of", load.answered),
                at_least("lines dropped and counted", await one.metric("gateway_log_dropped_total"), 1),
            ]
    finally:
        os.close(full)


async def soak(scale: Scale) -> list[Mark]:
    """Mixed load with a fault in fifty, for minutes: nothing grows."""
    faults = ("reset-in-body", "close-before-head", "garbage", "too-large", "big?n=100000", "poison")

    def make(number: int) -> bytes:
        if number % 50 == 0:
            return request(f"/app/{faults[number // 50 % len(faults)]}", one.cookie, f"X-Chaos-Id: {number}")
        if number % 7 == 0:
            return request("/app/post", one.cookie, method="POST", body=b"x" * 2000)
        return one.user(number, f"/app/page{number % 5000}")

    async with stand() as one:
        load = Load(one.port, make, 16, pause=0.002)
        await asyncio.sleep(scale.of(60, 2))
        descriptors, samples = one.gateway.descriptors(), [one.gateway.memory()]
        for _ in range(scale.of(54, 2)):
            await asyncio.sleep(scale.of(10, 1))
            samples.append(one.gateway.memory())
            one.upstream.seen.clear()
        grown = (min(samples[-5:]) - min(samples[:5])) / 2**20
        await load.stop()
        return [
            figure("requests", load.sent),
            at_most("memory more than after the first minute", grown, 1 if not scale.short else 8, " MB"),
            at_most("descriptors more", one.gateway.descriptors() - descriptors, 20),
            exactly("healthy requests that failed", load.answered - sum(load.statuses[n] for n in (200, 413, 502)), 0),
            *one.faults_of_ours(),
        ]


ROWS = [
    Row(
        "descriptors",
        "Without descriptors it neither spins nor breaks",
        "RLIMIT_NOFILE 256 and 1,000 connections; then none left at all",
        no_descriptors,
    ),
    Row(
        "blocked log",
        "Nobody reads the log: requests go on",
        "standard error is a full pipe",
        blocked_log,
    ),
    Row(
        "full disk",
        "The log cannot be written: requests go on",
        "standard error is /dev/full",
        full_disk,
    ),
    Row(
        "soak",
        "Nothing grows",
        "ten minutes of mixed load with a fault in fifty",
        soak,
    ),
]
