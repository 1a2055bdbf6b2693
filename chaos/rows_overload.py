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
    """What one run of h2load says: answers a second, by status class; the longest wait of the middle 98 %, in ms."""

    good: float
    refused: float
    failed: int
    slowest: float


async def load(one: Stand, core: int, clients: int, seconds: int, rate: float | None = None) -> Measured:
    """h2load over HTTP/1.1: a closed loop, or `rate` requests a second in all, whether or not answers come."""
    command = ["taskset", "-c", str(core), "h2load", "--h1", f"-c{clients}", "-t1", f"-D{seconds}", "--warm-up-time=1"]
    command += ["-H", one.cookie, "-H", "Host: gw.test", f"http://127.0.0.1:{one.port}/app/page"]
    with tempfile.NamedTemporaryFile("r") as log:
        command += [f"--log-file={log.name}"]
        if rate is not None:
            command += [f"--rps={rate / clients:.3f}"]
        running = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        out, _ = await asyncio.wait_for(running.communicate(), seconds + 60)
        rows = [line.split("\t") for line in log.read().splitlines()]
    text = out.decode()
    found = re.search(r"status codes: (\d+) 2xx, \d+ 3xx, \d+ 4xx, (\d+) 5xx", text)
    failed = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", text)
    assert found and failed, text
    waits = sorted(int(row[2]) / 1000 for row in rows if len(row) > 2 and row[1] == "200")
    slowest = waits[int(len(waits) * 0.99)] if waits else 0.0
    return Measured(int(found[1]) / seconds, int(found[2]) / seconds, int(failed[2]), slowest)


async def overload(scale: Scale) -> list[Mark]:
    """Three times what one core can do: three times the clients, and three times the rate over 6,000 connections."""
    cores = sorted(os.sched_getaffinity(0))
    seconds = scale.of(10, 3)
    clock = asyncio.get_running_loop().time
    async with nginx(cores[-1]) as upstream, stand(
        upstream_port=upstream, prefix=("taskset", "-c", str(cores[0])), limits="max_connections = 10000"
    ) as one:
        await load(one, cores[-1], 64, 2)
        peak = (await load(one, cores[-1], 64, seconds)).good
        closed = await load(one, cores[-1], 192, seconds)
        flood = asyncio.create_task(load(one, cores[-1], 6000, seconds, 3 * peak))
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
            at_least("goodput at 3 × the peak's rate over 6,000 connections", opened.good / peak, 0.8, " × peak", timing=True),
            figure("refused", opened.refused, " a second"),
            figure("p99 of those served", opened.slowest, " ms"),
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
    Row("overload", "Three times the load: goodput stays, the rest is refused early, and it is soon over", "h2load, 192 clients in a closed loop; then 3 × the peak's rate over 6,000 connections", overload, in_short=False),
]  # fmt: skip
