"""Rows about stops and reloads under load."""

import asyncio
import signal

from chaos.client import Load, ask, request
from chaos.marks import Mark, Row, Scale, at_most, exactly, figure
from chaos.stand import Stand, stand, until


async def drains(scale: Scale) -> list[Mark]:
    """SIGTERM under load: 64 that ask again and again, 20 slow answers, 10 downloads."""
    clock = asyncio.get_running_loop().time

    async def download(one: Stand, size: int) -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", one.port, limit=1 << 18)
        writer.write(request(f"/app/big?n={size}", one.cookie))
        await reader.readuntil(b"\r\n\r\n")
        total = 0
        while total < size and (data := await reader.read(1 << 18)):
            total += len(data)
            await asyncio.sleep(0.005)
        writer.close()
        return total

    size = scale.of(20, 4) << 20
    lost = cut = slow_lost = 0
    seconds, codes, answered = [], set(), 0
    for _ in range(scale.of(10, 1)):
        async with stand(server='drain_timeout = "20s"') as one:
            load = Load(one.port, one.user, 64)
            downloads = [asyncio.get_running_loop().create_task(download(one, size)) for _ in range(10)]
            await asyncio.sleep(1)
            slow = [
                asyncio.get_running_loop().create_task(ask(one.port, request("/app/slow", one.cookie)))
                for _ in range(20)
            ]
            await asyncio.sleep(0.3)
            started = clock()
            one.gateway.send(signal.SIGTERM)
            code = await one.gateway.ended(30)
            seconds.append(clock() - started)
            await load.stop()
            codes.add(code)
            answered += load.answered
            lost += load.wrong
            cut += sum(total < size for total in await asyncio.gather(*downloads))
            slow_lost += sum(not (each.complete and each.status == 200) for each in await asyncio.gather(*slow))
    return [
        exactly("failed requests", lost, 0),
        figure("of", answered),
        exactly("slow answers lost", slow_lost, 0),
        exactly("downloads cut off", cut, 0),
        exactly("exit codes", codes, {0}),
        at_most("seconds to exit", max(seconds), 20, " s"),
    ]


async def drains_to_a_limit(scale: Scale) -> list[Mark]:
    """A request that never ends does not keep the process."""
    clock = asyncio.get_running_loop().time
    limit = scale.of(5, 1)
    async with stand(server=f'drain_timeout = "{limit}s"') as one:
        waiting = asyncio.get_running_loop().create_task(ask(one.port, request("/app/never", one.cookie)))
        await until(lambda: one.upstream.requests > 1)
        started = clock()
        one.gateway.send(signal.SIGTERM)
        code = await one.gateway.ended(30)
        await waiting
        return [
            exactly("exit code", code, 0),
            at_most("seconds to exit", clock() - started, limit + 2, " s", timing=True),
            *one.faults_of_ours(),
        ]


async def reloads(scale: Scale) -> list[Mark]:
    """SIGHUP again and again under load, every fifth time with a broken file, which must change nothing."""
    times = scale.of(50, 5)
    async with stand() as one:
        good = one.config.read_text()
        load = Load(one.port, one.user, 32)
        again = Load(one.port, lambda number: request("/app/x", one.cookie, "Connection: close"), 4, pause=0.01)
        await asyncio.sleep(0.5)
        skip = len(load.seconds)
        for number in range(times):
            one.config.write_text("nonsense = [" if number % 5 == 4 else f"{good}# {number}\n")
            told = one.log.count('"message":"reload')
            one.gateway.send(signal.SIGHUP)
            await asyncio.sleep(scale.of(1, 0))
            await until(lambda: one.log.count('"message":"reload') > told, patience=5)  # noqa: B023
        one.config.write_text(good)
        await load.stop()
        await again.stop()
        done, refused = one.log.count('"message":"reloaded'), one.log.count('"message":"reload refused')
        failed = [each.wrong for each in (load, again)]
        return [
            exactly("failed requests", sum(failed), 0),
            figure("of", load.answered + again.answered),
            exactly("connections refused", load.refused + again.refused, 0),
            exactly("still running", one.gateway.running, True),
            figure("p99 meanwhile", load.p99(skip), " ms"),
            exactly("files taken and refused", (done, refused), (times - times // 5, times // 5)),
        ]


ROWS = [
    Row(
        "drain",
        "SIGTERM: what is under way ends as it would have",
        "SIGTERM under 64 closed-loop clients, 20 slow answers and 10 downloads, 10 times",
        drains,
    ),
    Row(
        "drain's limit",
        "SIGTERM: what never ends is cut off in time",
        "a request that is never answered",
        drains_to_a_limit,
    ),
    Row(
        "reload",
        "SIGHUP: no request fails, a broken file changes nothing",
        "50 SIGHUPs in a minute under load, every fifth with a broken file",
        reloads,
    ),
]
