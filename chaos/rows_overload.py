"""Rows about more work than one core can do: what is still done, and how soon it is over."""

import asyncio
import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from chaos.client import ask, request
from chaos.marks import Mark, Row, Scale, at_least, at_most, exactly, figure
from chaos.stand import Stand, free_port, stand

_NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr;
events {{ worker_connections 16000; }}
http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "{body}"; }} }} }}
"""


@contextlib.asynccontextmanager
async def nginx(core: int) -> AsyncIterator[int]:
    """An upstream that is never what is slow. Its port."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "conf").write_text(_NGINX.format(folder=folder, port=port, body="x" * 1023))
        tool = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
        assert tool is not None, "nginx is missing: tools/test-deps.sh chaos installs it"
        running = await asyncio.create_subprocess_exec(
            "taskset", "-c", str(core), tool, "-p", folder, "-c", f"{folder}/conf", stderr=asyncio.subprocess.DEVNULL
        )
        try:
            await asyncio.sleep(0.5)
            yield port
        finally:
            running.terminate()
            await running.wait()


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run of wrk says: answers a second, by kind; connections that failed; the 99th percentile in ms."""

    good: float
    per_cpu: float  # good answers for each second of the gateway's processor time
    refused: float
    failed: int
    p99: float


async def load(one: Stand, core: int, clients: int, seconds: int, pause: int = 0) -> Measured:
    """wrk; each client asks, waits for the answer, and `pause` ms more."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"function delay() return {pause} end\n" if pause else "")
        script.flush()
        command = [
            "taskset",
            "-c",
            str(core),
            "wrk",
            "-t1",
            f"-c{clients}",
            f"-d{seconds}s",
            "--latency",
            "--timeout=10s",
        ]
        command += ["-s", script.name, "-H", one.cookie, "-H", "Host: gw.test", f"http://127.0.0.1:{one.port}/app/page"]
        before = one.gateway.cpu_seconds()
        running = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await asyncio.wait_for(running.communicate(), seconds + 30)
    spent = one.gateway.cpu_seconds() - before
    text = out.decode()
    refused = _number(r"Non-2xx or 3xx responses: (\d+)", text)
    answered = _number(r"(\d+) requests in", text)
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    slowest = re.search(r"99%\s+([\d.]+)(us|ms|s)", text)
    scale = {"us": 0.001, "ms": 1.0, "s": 1000.0}
    return Measured(
        good=(answered - refused) / seconds,
        per_cpu=(answered - refused) / spent,
        refused=refused / seconds,
        failed=sum(map(int, errors.groups())) if errors else 0,
        p99=float(slowest[1]) * scale[slowest[2]] if slowest else 0.0,
    )


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    return float(found[1]) if found else 0.0


async def overload(scale: Scale) -> list[Mark]:
    """Three times what one core can do: by 192 clients that never pause, and by 6,000 that pause a little.

    Thousands of connections cost any proxy more of each request than 64 do (caches go cold; nginx falls to a third
    here). So the 6,000 are compared with a third of them, which with the same pauses ask for what one core can do.
    """
    cores = sorted(os.sched_getaffinity(0))
    seconds = scale.of(10, 3)
    clock = asyncio.get_running_loop().time
    async with (
        nginx(cores[-1]) as upstream,
        stand(upstream_port=upstream, prefix=("taskset", "-c", str(cores[0])), limits="max_connections = 10000") as one,
    ):
        await load(one, cores[-1], 64, 2)
        alone = await load(one, cores[-1], 64, seconds)
        peak = alone.good
        closed = await load(one, cores[-1], 192, seconds)
        pause = round(6000 / (3 * peak) * 1000)
        many = await load(one, cores[-1], 2000, seconds, pause)
        flood = asyncio.get_running_loop().create_task(load(one, cores[-1], 6000, 2 * seconds, pause))
        await asyncio.sleep(seconds / 2)
        started = clock()
        health = await ask(one.admin, request("/healthz", host=f"127.0.0.1:{one.admin}"), patience=10)
        health_seconds = clock() - started
        opened = await flood
        started = clock()
        calm = await _calm(one)
        return [
            figure("peak, 64 clients", peak, " a second"),
            at_least("goodput with 192 clients", closed.good / peak, 0.8, " × peak", timing=True),
            figure("2,000 clients with pauses", many.good, " a second"),
            at_least("goodput with 6,000", opened.good / many.good, 0.8, " × of 2,000", timing=True),
            at_least("for the same processor time", opened.per_cpu / many.per_cpu, 0.7, " × of 2,000", timing=True),
            figure("refused", opened.refused, " a second"),
            figure("p99", opened.p99, " ms"),
            exactly("connections cut off", closed.failed + opened.failed, 0),
            exactly("/healthz meanwhile", health.status, 200),
            figure("after", health_seconds * 1000, " ms"),
            exactly("afterwards calm again", calm, True),
            at_most("after", clock() - started, 5, " s", timing=True),
            *one.faults_of_ours(),
        ]


async def _calm(one: Stand) -> bool:
    """Ten requests in a row that are not refused."""
    in_a_row = 0

    async def once() -> None:
        nonlocal in_a_row
        in_a_row = in_a_row + 1 if (await ask(one.port, one.user())).status == 200 else 0

    for _ in range(400):
        await once()
        if in_a_row == 10:
            return True
        await asyncio.sleep(0.05)
    return False


ROWS = [
    Row(
        "overload",
        "Three times the load: goodput stays, the rest is refused early, and it is soon over",
        "wrk: 192 clients that never pause; then 6,000 whose pauses make 3 × the peak's rate",
        overload,
        in_short=False,
    ),
]
