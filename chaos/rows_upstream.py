"""Rows about a failing upstream: what the client is told, how soon, and that healthy traffic does not notice."""

import asyncio
import contextlib
from collections import Counter
from statistics import median

from chaos.client import Came, Load, ask, request
from chaos.marks import Mark, Row, Scale, at_least, at_most, exactly, figure
from chaos.stand import Stand, stand, until
from chaos.upstream import reset

BEFORE = ("reset-before-head", "close-before-head", "reset-in-head")
WITHIN = (
    "reset-after-head",
    "reset-in-body",
    "close-in-body",
    "reset-in-chunks",
    "close-in-chunks",
    "close-before-last-chunk",
)
GARBAGE = ("garbage", "two-lengths", "two-framings", "huge-head")


async def _many(one: Stand, target: str, times: int) -> list[Came]:
    return [await ask(one.port, request(target, one.cookie)) for _ in range(times)]


def _statuses(came: list[Came]) -> str:
    return ", ".join(f"{count} × {status}" for status, count in sorted(Counter(each.status for each in came).items()))


async def refused(scale: Scale) -> list[Mark]:
    """Nobody listens."""
    async with stand() as one:
        await one.upstream.stop()
        came = await _many(one, "/app/x", scale.of(200, 20))
        milliseconds = median(each.seconds for each in came) * 1000
        return [
            exactly("answers", _statuses(came), f"{len(came)} × 502"),
            at_most("median", milliseconds, 50, " ms", timing=True),
            *one.faults_of_ours(),
        ]


async def broken_off(scale: Scale) -> list[Mark]:
    """Reset or closed, before and within the head: a 502. Within the body: visibly incomplete."""
    async with stand() as one:
        before = [each for fault in BEFORE for each in await _many(one, f"/app/{fault}", scale.of(50, 5))]
        within = [each for fault in WITHIN for each in await _many(one, f"/app/{fault}", scale.of(50, 5))]
        healthy = await ask(one.port, one.user())
        return [
            exactly("before or in the head", _statuses(before), f"{len(before)} × 502"),
            exactly("truncations that looked whole", sum(each.complete for each in within if each.status == 200), 0),
            at_least("truncations tried", len(within), len(WITHIN)),
            exactly("a healthy request afterwards", healthy.status, 200),
            *one.faults_of_ours(),
        ]


async def garbage(scale: Scale) -> list[Mark]:
    """No HTTP, two framings, a head without end; and bytes behind an answer."""
    async with stand() as one:
        came = [each for fault in GARBAGE for each in await _many(one, f"/app/{fault}", scale.of(50, 5))]
        poisoned = await _many(one, "/app/poison", scale.of(200, 20))
        return [
            exactly("answers", _statuses(came), f"{len(came)} × 502"),
            exactly("poison that reached somebody", sum(each.body != b"ok" for each in poisoned), 0),
            *one.faults_of_ours(),
        ]


async def slow(scale: Scale) -> list[Mark]:
    """No head, a head byte by byte, a slow body, while 16 others ask for healthy pages."""
    limit = scale.of(6, 1)
    async with stand(legacy=f'response_timeout = "{limit}s"') as one:
        load = Load(one.port, one.user, 16, pause=0.005)
        await asyncio.sleep(scale.of(6, 1))
        alone, skip = load.p99(), len(load.seconds)
        faults = ["never", "drip-head"] * scale.of(32, 4)
        came = await asyncio.gather(*(ask(one.port, request(f"/app/{fault}", one.cookie)) for fault in faults))
        bodies = await asyncio.gather(*(ask(one.port, request("/app/slow-body", one.cookie)) for _ in range(16)))
        await load.stop()
        times = [each.seconds for each in came]
        return [
            exactly("without a head", _statuses(list(came)), f"{len(came)} × 504"),
            at_least("earliest", min(times), limit, " s"),
            at_most("latest", max(times), limit * 1.05 + 0.25, " s", timing=True),
            exactly("slow bodies cut off", sum(not each.complete for each in bodies), 0),
            exactly("healthy requests failed", load.wrong, 0),
            at_most("healthy p99 meanwhile", load.p99(skip), max(2 * alone, 5), " ms", timing=True),
            *one.faults_of_ours(),
        ]


async def early_answer(scale: Scale) -> list[Mark]:
    """413 behind the head of an upload of 50 MB."""
    size = scale.of(50, 8) << 20

    async def upload(one: Stand) -> tuple[bytes, int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port)
        came = bytearray()

        async def listen() -> None:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(1 << 16):
                    came.extend(data)

        answer = asyncio.get_running_loop().create_task(listen())
        fields = (one.cookie, f"Content-Length: {size}", "Connection: close")
        writer.write(request("/app/too-large", *fields, method="PUT"))
        sent = 0
        try:
            with contextlib.suppress(ConnectionError, TimeoutError):
                async with asyncio.timeout(30):
                    while sent < size:
                        writer.write(bytes(1 << 16))
                        await writer.drain()
                        sent += 1 << 16
                    await answer
            return bytes(came), sent
        finally:
            answer.cancel()
            writer.close()

    async with stand() as one:
        came = [await upload(one) for _ in range(scale.of(20, 3))]
        whole = sum(data.startswith(b"HTTP/1.1 413 ") and data.endswith(b"too large") for data, _ in came)
        return [
            exactly("whole answers", whole, len(came)),
            at_most("uploads that ended in a reset", sum(sent < size for _, sent in came), 0, timing=True),
            exactly("bytes that the upstream read", one.upstream.taken, 0),
            *one.faults_of_ours(),
        ]


async def half_close(scale: Scale) -> list[Mark]:
    """The client says that it is done sending, or resets its connection while its answer is awaited."""
    times = scale.of(50, 5)
    async with stand() as one:
        half = await asyncio.gather(
            *(ask(one.port, request("/app/slow", one.cookie), half_close=True) for _ in range(times))
        )
        asked = one.upstream.requests
        leaving = [await asyncio.open_connection("127.0.0.1", one.port) for _ in range(times)]
        for _, writer in leaving:
            writer.write(request("/app/never", one.cookie))
        await until(lambda: one.upstream.requests - asked == times)
        for _, writer in leaving:
            reset(writer)
        told = await until(lambda: one.upstream.cut_off == times, patience=scale.of(1, 10))
        return [
            exactly("answers after a half-close", _statuses(list(half)), f"{times} × 200"),
            Mark("upstream told within 1 s of a client's leaving", str(told), "= True", told, timing=True),
            exactly("requests cancelled upstream", one.upstream.cut_off, times),
            *one.faults_of_ours(),
        ]


async def keep_alive_race(scale: Scale) -> list[Mark]:
    """The upstream closes one connection in five behind its answer, without a word, as the next request comes."""
    times = scale.of(10_000, 400)

    def make(number: int) -> bytes:
        if number % 2:
            return request("/app/post", one.cookie, f"X-Chaos-Id: p{number}", method="POST", body=b"x" * (number % 3))
        return request("/app/get", one.cookie, f"X-Chaos-Id: g{number}")

    async with stand() as one:
        one.upstream.closing_share = 0.2
        load = Load(one.port, make, 32)
        await until(lambda: load.sent >= 2 * times, patience=900)
        await load.stop()
        posts = {key: count for key, count in one.upstream.seen.items() if key.startswith(b"p")}
        refusals = load.statuses[502]
        bad_gets = sum(count for (method, _), count in load.not_ok.items() if method == b"GET")
        return [
            exactly("duplicated POSTs", sum(count > 1 for count in posts.values()), 0),
            at_least("POSTs that arrived", len(posts), times * 0.7),
            exactly("GETs that were not answered 200", bad_gets, 0),
            exactly("answers other than 200 and 502", load.answered - load.statuses[200] - refusals, 0),
            exactly("clients cut off", load.failed.total(), 0),
            figure("POSTs answered 502", refusals),
            figure("GETs sent twice upstream", sum(n > 1 for key, n in one.upstream.seen.items() if key[:1] == b"g")),
            *one.faults_of_ours(),
        ]


async def restarts(scale: Scale) -> list[Mark]:
    """The upstream is killed and comes back, again and again."""
    wrong_while_up = 0
    async with stand() as one:
        load = Load(one.port, one.user, 16, pause=0.002)
        for _ in range(scale.of(15, 2)):
            await asyncio.sleep(scale.of(2, 1))
            await one.upstream.stop()
            await asyncio.sleep(scale.of(2, 1))
            await one.upstream.start()
            await asyncio.sleep(0.1)
            before = load.answered - load.statuses[200]
            await asyncio.sleep(0.5)
            wrong_while_up += load.answered - load.statuses[200] - before
        await load.stop()
        return [
            exactly("errors once it is back", wrong_while_up, 0),
            exactly("answers other than 200 and 502", load.answered - load.statuses[200] - load.statuses[502], 0),
            exactly("clients cut off", load.failed.total(), 0),
            figure("502 while it was down", load.statuses[502]),
            *one.faults_of_ours(),
        ]


ROWS = [
    Row(
        "refused",
        "An upstream that is not there is a 502 at once",
        "nobody listens on its port",
        refused,
    ),
    Row(
        "broken off",
        "Before the head's end a 502; behind it never an end that looks clean",
        "reset and close before, in and behind the head, in bodies of both framings",
        broken_off,
    ),
    Row(
        "garbage",
        "What is not HTTP is a 502, and nothing of it goes on",
        "TLS bytes, two lengths, two framings, 100 KB of head, a second answer behind the first",
        garbage,
    ),
    Row(
        "slow",
        "A head that does not come is a 504 in time; a slow body is carried; others do not notice",
        "no head, a head byte by byte, a body byte by byte, beside healthy load",
        slow,
    ),
    Row(
        "early answer",
        "A 413 reaches a client that still sends, whole",
        "answered behind the head of a 50 MB upload that is never read",
        early_answer,
    ),
    Row(
        "half-close",
        "A client that half-closes gets its answer; one that leaves cancels its request",
        "FIN behind the request; a reset while waiting",
        half_close,
    ),
    Row(
        "keep-alive race",
        "What may have been acted on is never sent twice",
        "10,000 POSTs and GETs; one connection in five closed as it is idle",
        keep_alive_race,
    ),
    Row(
        "restarts",
        "Errors only while the upstream is down",
        "killed every 4 s, 15 times, under load",
        restarts,
    ),
]
