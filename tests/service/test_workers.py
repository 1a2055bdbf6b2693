"""Several workers are one gateway: to people, to the operator, and to the operating system."""

import asyncio
import json
import os
import re
import signal
import socket
from pathlib import Path

import pytest

from .carrying import request
from .conftest import House, Open, claims_in
from .raw import Line, target_of
from .serving import serving


async def lines_to_both(house: House) -> list[Line]:
    """A connection to each of two workers."""
    found: dict[str, Line] = {}
    async with asyncio.timeout(30):
        while len(found) < 2:
            line = await house.line()
            await line.send(request("GET", "/public/who"))
            worker = worker_of((await line.answer()).get("x-request-id"))
            if worker in found:
                await line.close()
            else:
                found[worker] = line
    return list(found.values())


async def status_of(line: Line, data: bytes) -> int:
    await line.send(data)
    return (await line.answer()).status


def worker_of(request_id: str | None) -> str:
    """Ids of requests begin alike for each worker."""
    assert request_id
    return request_id[:12]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_login_anywhere_is_a_login_everywhere(house: House) -> None:
    """Dance, bind and pages go to whichever worker takes them; the metrics tell of all."""
    async with serving(house) as running:
        people = [await house.signed_in(who) for who in ("xiaoming", "xiaohong")]
        workers = set()
        for number in range(40):
            answer = await people[number % 2].get(f"/{number}")
            assert (answer.status, claims_in(answer)["sub"]) == (200, ("1001", "1002")[number % 2])
            workers.add(worker_of(answer.get("x-request-id")))
        assert len(workers) == 2
        await running.until_metric('gateway_requests_total{code="2xx",reason="bound",route="app"', 40)
        await running.until_metric('gateway_dance_total{app="main",event="session_started"}', 2)
        await running.until_metric("gateway_workers", 2)
        assert json.loads(await running.get("/readyz"))["ready"]


async def test_a_session_that_ends_at_one_worker_ends_at_the_other(open_house: Open) -> None:
    """Within bindings.cache_ttl, without anybody's help."""
    house: House = await open_house(bindings='cache_ttl = "1s"')
    async with serving(house):
        browser = await house.signed_in()
        lines = await lines_to_both(house)
        cookie = f"Cookie: {browser.cookie_header()}"
        page = request("GET", "/", cookie, "Sec-Fetch-Mode: navigate", host=browser.host)
        first, last = [await status_of(line, page) for line in lines], [200, 200]
        assert (await browser.post("/_gateway/logout", b"")).status == 303
        async with asyncio.timeout(30):
            while last != [302, 302]:
                last = [await status_of(line, page) for line in lines]
        for line in lines:
            await line.close()
        assert first == [200, 200]


async def test_a_killed_worker_breaks_its_own_connections_only(house: House) -> None:
    """It is replaced, nothing is counted backwards, and the gateway was ready all the time."""
    async with serving(house) as running:
        lines = await lines_to_both(house)
        await running.until_metric("gateway_client_connections", 2)
        counted = await running.metric("gateway_requests_total")
        before = running.workers
        os.kill(before[0], signal.SIGKILL)
        served = []
        for line in lines:
            try:
                await line.send(request("GET", "/public/again"))
                served.append((await line.answer()).status)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
        assert served == [200]
        await running.until(lambda: before[0] not in running.workers)
        for _ in range(20):
            line = await house.line()
            await line.send(request("GET", "/public/meanwhile"))
            assert (await line.answer()).status == 200
            await line.close()
            assert json.loads(await running.get("/readyz"))["ready"]
            assert await running.metric("gateway_requests_total") >= counted
        await running.until(lambda: len(running.workers) == 2)
        assert before[1] in running.workers
        for line in [*lines, *await lines_to_both(house)]:
            await line.close()
        assert await running.metric("gateway_requests_total") >= counted + 21
    assert "worker 0: ended by signal 9; another is started in 1 s" in running.log


@pytest.mark.parametrize("victim", ["supervisor told to stop", "supervisor killed"])
async def test_what_is_under_way_is_finished(house: House, victim: str) -> None:
    """At every worker, and nobody is left behind: after a stop, and when the supervisor is gone without a word."""
    release = asyncio.Event()

    async def slowly(_: object, writer: asyncio.StreamWriter) -> bool:
        await release.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
        return True

    async with serving(house) as running:
        lines = await lines_to_both(house)
        house.upstream.respond = slowly
        for line in lines:
            await line.send(request("GET", "/public/slow"))
        await running.until(lambda: sum("/public/slow" in seen.line for seen in house.upstream.seen) == 2)
        workers = running.workers
        assert len(workers) == 2
        running.child.send_signal(signal.SIGKILL if "killed" in victim else signal.SIGTERM)
        await running.until(lambda: refuses(house.port))
        release.set()
        assert [(await line.answer()).body for line in lines] == [b"done", b"done"]
        assert await running.ended() == (-signal.SIGKILL if "killed" in victim else 0)
        await running.until(lambda: not any(alive(pid) for pid in workers))
        for line in lines:
            await line.close()


def refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def test_unix_sockets_are_shared(house: House, tmp_path: Path) -> None:
    """Both workers accept from one socket, whose file goes with the gateway."""
    path = tmp_path / "g.sock"
    async with serving(house, listen=f'["unix:{path}"]'):
        workers: set[str] = set()
        lines = []
        async with asyncio.timeout(30):
            while len(workers) < 2:
                lines.append(Line(*await asyncio.open_unix_connection(str(path))))
                await lines[-1].send(request("GET", "/public/who"))
                workers.add(worker_of((await lines[-1].answer()).get("x-request-id")))
        for line in lines:
            await line.close()
    assert not path.exists()


async def test_a_reload_reaches_every_worker_or_none(house: House) -> None:
    """A bad configuration is told once and counted; a good one is every worker's."""
    async with serving(house) as running:
        lines = await lines_to_both(house)
        file = house.folder / "gateway.toml"
        good = file.read_text()
        file.write_text(good + "\nnonsense = 1\n")
        running.child.send_signal(signal.SIGHUP)
        await running.until_logged("gateway.toml:[0-9]+: .*nonsense")
        await running.until_logged("reload refused: the configuration of before goes on serving")
        assert await running.metric("gateway_config_last_reload_successful") == 0
        file.write_text(good.replace("workers = 2", "workers = 3"))
        running.child.send_signal(signal.SIGHUP)
        await running.until_logged("gateway.toml:[0-9]+: server.workers: takes a restart")
        assert await running.metric('gateway_config_reloads_total{outcome="refused"}') == 2
        assert [await status_of(line, request("GET", "/new", host="127.0.0.1")) for line in lines] == [401, 401]
        file.write_text(
            good + '\n[[routes]]\nid = "new"\npath = "/new"\npolicy = "public"\nupstream = "legacy"\n',
        )
        running.child.send_signal(signal.SIGHUP)
        await running.until(lambda: running.log.count("reloaded: listening on ") == 2)
        assert [await status_of(line, request("GET", "/new", host="127.0.0.1")) for line in lines] == [200, 200]
        assert await running.metric("gateway_config_last_reload_successful") == 1
        await running.until_metric('gateway_config_reloads_total{outcome="ok"}', 2)
        os.kill(running.workers[0], signal.SIGKILL)  # its successor is born with what serves now
        await running.until_logged("ended by signal 9")
        await running.until(lambda: len(running.workers) == 2)
        for line in lines:
            await line.close()
        lines = await lines_to_both(house)
        assert [await status_of(line, request("GET", "/new", host="127.0.0.1")) for line in lines] == [200, 200]
        for line in lines:
            await line.close()


async def test_one_binds_and_the_other_knows_at_once(house: House) -> None:
    """Absence is never remembered: the page after the bind may be another worker's."""
    async with serving(house):
        browser = house.browser()
        answer = await house.dance(browser, "/")
        bound = await house.bind(browser, answer.get("location") or "")
        assert bound.status == 303
        for _ in range(10):
            assert (await browser.get(target_of(bound.get("location") or "", house.origin))).status == 200


async def test_ready_means_serving(house: House) -> None:
    """The line that tells of the start comes once, and from then on both serve."""
    async with serving(house) as running:
        assert (await running.get("/healthz")) == "ok\n"
        for line in await lines_to_both(house):
            await line.close()
        assert re.findall("listening on .*; ([0-9]+) workers", running.log) == ["2"]
