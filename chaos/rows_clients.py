"""Rows about hostile and unlucky clients: idle, slow, leaving, very large."""

import asyncio
import contextlib
import random
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from chaos.client import Load, ask, request
from chaos.marks import Mark, Row, Scale, at_most, exactly, figure
from chaos.stand import Stand, stand, until
from chaos.upstream import reset

Pair = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def crowd(one: Stand, count: int, say: bytes) -> AsyncIterator[list[Pair]]:
    """So many connections that say something and then nothing."""
    pairs: list[Pair] = []
    try:
        while len(pairs) < count:
            size = min(200, count - len(pairs))
            opened = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", one.port) for _ in range(size)))
            for _, writer in opened:
                writer.write(say)
            pairs += opened
        yield pairs
    finally:
        for _, writer in pairs:
            writer.transport.abort()
        await asyncio.sleep(0.1)


async def live(one: Stand, seconds: float) -> Load:
    """Healthy load for so long."""
    load = Load(one.port, one.user, 16, pause=0.01)
    await asyncio.sleep(seconds)
    await load.stop()
    return load


async def many_connections(scale: Scale) -> list[Mark]:
    """Idle ones that have been served, ones within a head, ones within a body; live traffic beside each."""
    count, seconds = scale.of(10_000, 300), scale.of(8, 1)
    kinds = {
        "idle": request("/public/x"),
        "slow head": b"GET /public/x HTTP/1.1\r\nHost: gw.test\r\nX: ",
        "slow body": b"POST /public/x HTTP/1.1\r\nHost: gw.test\r\nContent-Length: 100000\r\n\r\nxxx",
    }
    marks: list[Mark] = []
    async with stand(limits='max_connections = 10500\nmax_requests = 4000\nhead_timeout = "60s"') as one:
        await live(one, 1)
        alone = await live(one, seconds)
        for kind, say in kinds.items():
            many = count if kind != "slow body" else min(count, 3000)
            before = one.gateway.memory()
            async with crowd(one, many, say):
                await asyncio.sleep(0.5)
                each = (one.gateway.memory() - before) / many / 1024
                load = await live(one, seconds)
            marks += [
                exactly(
                    f"{many:,} {kind}: live requests failed",
                    load.wrong,
                    0,
                ),
                at_most("live p99", load.p99(), max(2 * alone.p99(), 5), " ms", timing=True),
                at_most("memory each", each, 12 if kind == "idle" else 40, " KB", timing=True),
            ]
            await _deserted(one)
        return [figure("live p99 alone", alone.p99(), " ms"), *marks, *one.faults_of_ours()]


async def _deserted(one: Stand) -> None:
    while await one.metric("gateway_client_connections ") > 2:  # noqa: ASYNC110 - it is the gateway's number
        await asyncio.sleep(0.1)


async def slow_heads_end(scale: Scale) -> list[Mark]:
    """One byte a tenth of a second: the deadline is for the whole head."""
    limit = scale.of(10, 1)

    async def drip(one: Stand) -> tuple[float, bytes]:
        clock = asyncio.get_running_loop().time
        started = clock()
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        answer = asyncio.get_running_loop().create_task(reader.read(100))
        while not answer.done() and clock() - started < 60:
            writer.write(b"a")
            await asyncio.sleep(0.1)
        writer.close()
        return clock() - started, await answer

    async with stand(limits=f'head_timeout = "{limit}s"') as one:
        came = await asyncio.gather(*(drip(one) for _ in range(scale.of(500, 20))))
        return [
            exactly("answers", sum(data.startswith(b"HTTP/1.1 408 ") for _, data in came), len(came)),
            at_most("cut off after", max(seconds for seconds, _ in came), limit + 1, " s", timing=True),
            *one.faults_of_ours(),
        ]


async def slowhttptest(scale: Scale) -> list[Mark]:
    """Debian's slowhttptest in its three modes, 1,000 connections each."""
    tool = shutil.which("slowhttptest")
    if tool is None:
        return [exactly("slowhttptest installed", False, True)]
    modes = {
        "slow head": ["-H"],
        "slow body": ["-B", "-s", "100000"],
        "slow reader": ["-X", "-w", "10", "-y", "20", "-z", "32"],
    }
    marks: list[Mark] = []
    async with stand(legacy="") as one:
        for kind, options in modes.items():
            with tempfile.TemporaryDirectory() as folder:
                url = f"http://127.0.0.1:{one.port}/public/" + ("big?n=200000" if kind == "slow reader" else "x")
                command = [tool, *options, "-c", "1000", "-r", "400", "-i", "1", "-l", "15", "-p", "2", "-u", url]
                command += ["-g", "-o", f"{folder}/out"]
                running = await asyncio.create_subprocess_exec(
                    *command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
                )
                load = await live(one, 14)
                await asyncio.wait_for(running.wait(), 60)
                rows = (Path(folder) / "out.csv").read_text().splitlines()[1:]
            down = sum(row.rpartition(",")[2].strip() in ("0", "NO") for row in rows)
            marks += [
                exactly(f"{kind}: seconds in which it found the service down", down, 0),
                exactly("live requests failed", load.wrong, 0),
                figure("live p99", load.p99(), " ms"),
            ]
        return [*marks, *one.faults_of_ours()]


async def aborts(scale: Scale) -> list[Mark]:
    """Clients that reset their connection anywhere within an upload or a download."""
    times, rng = scale.of(1000, 60), random.Random(3)

    async def leave(one: Stand, number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        if number % 2:
            writer.write(request("/app/up", one.cookie, "Content-Length: 1000000", method="PUT"))
            writer.write(bytes(rng.randrange(900_000)))
        else:
            writer.write(request("/app/big?n=1000000", one.cookie))
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await reader.readexactly(rng.randrange(900_000))
        await asyncio.sleep(rng.random() * 0.01)
        reset(writer)

    async with stand() as one:
        await asyncio.gather(*(leave(one, number) for number in range(50)))
        await until(lambda: one.gateway.descriptors() < 60)
        await ask(one.port, one.user())
        descriptors, memory = one.gateway.descriptors(), one.gateway.memory()
        for first in range(0, times, 20):
            await asyncio.gather(*(leave(one, number) for number in range(first, first + 20)))
        back = await until(lambda: one.gateway.descriptors() <= descriptors + 2)
        return [
            exactly("descriptors back to where they were", back, True),
            at_most("memory more than before", (one.gateway.memory() - memory) / 2**20, 8, " MB"),
            exactly("a healthy request afterwards", (await ask(one.port, one.user())).status, 200),
            *one.faults_of_ours(),
        ]


async def large_bodies(scale: Scale) -> list[Mark]:
    """Both directions, both framings, and twenty readers that hardly read."""
    size = scale.of(2048, 64) << 20
    clock = asyncio.get_running_loop().time

    async def down(one: Stand, framing: str, pause: float, amount: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port, limit=1 << 20)
        writer.write(request(f"/app/big?{framing}={amount}", one.cookie, "Connection: close"))
        total = 0
        while data := await reader.read(1 << 20):
            total += len(data)
            if pause:
                await asyncio.sleep(pause)
        writer.close()
        return total

    async def up(one: Stand, framing: str) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", one.port)
        field = "Transfer-Encoding: chunked" if framing == "chunked" else f"Content-Length: {size}"
        head = request("/app/up", one.cookie, field, "Connection: close", method="PUT")
        writer.write(head)
        piece = bytes(1 << 20)
        for _ in range(size >> 20):
            writer.write(b"100000\r\n%b\r\n" % piece if framing == "chunked" else piece)
            await writer.drain()
        if framing == "chunked":
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.close()  # behind what is still to be sent

    async with stand() as one:
        marks = []
        one.gateway.forget_peak()
        before = one.gateway.memory()
        for framing in ("length", "chunked"):
            started = clock()
            total = await down(one, framing, 0, size)
            marks.append(exactly(f"{framing} down: bytes lost", max(size - total, 0), 0))
            marks.append(figure("", total / 2**20 / (clock() - started), " MB/s"))
            started, taken = clock(), one.upstream.taken
            await up(one, framing)
            whole = await until(lambda: one.upstream.taken - taken == size, patience=60)  # noqa: B023
            marks.append(exactly(f"{framing} up: whole", whole, True))
            marks.append(figure("", size / 2**20 / (clock() - started), " MB/s"))
        readers = [down(one, "length", 0.05, scale.of(64, 4) << 20) for _ in range(20)]
        await asyncio.gather(*readers)
        more = (one.gateway.memory("VmHWM") - before) / 2**20
        return [*marks, at_most("peak memory more than before", more, 64, " MB"), *one.faults_of_ours()]


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found[1]) if found else 0.0


ROWS = [
    Row(
        "many connections",
        "10,000 that do nothing cost little memory, and live traffic does not notice",
        "10,000 idle, 10,000 within a head, 3,000 within a body",
        many_connections,
    ),
    Row(
        "slow head",
        "The deadline is for the whole head, not for each byte",
        "500 clients, a byte each 0.1 s",
        slow_heads_end,
    ),
    Row(
        "slowhttptest",
        "The service stays available",
        "slowhttptest -H, -B and -X, 1,000 connections each",
        slowhttptest,
        in_short=False,
    ),
    Row(
        "aborts",
        "A client that leaves leaves nothing behind",
        "1,000 resets anywhere within uploads and downloads",
        aborts,
    ),
    Row(
        "large bodies",
        "Bodies are never kept",
        "2 GB up and down, with a length and chunked; 20 readers of 64 MB that pause",
        large_bodies,
    ),
]
