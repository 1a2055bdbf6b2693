"""Several servers: who gets a request, what happens when one of them fails, and that nothing is sent twice."""

import asyncio
import itertools
import random
import re

import pytest

from .carrying import ask, at_rest, line_to, request, until
from .conftest import House, Open
from .fleet import OK, Backend, Start, all_ask, before, metric, reset, said, statuses
from .tunnels import head_of_101, tunnel
from .upstream import Seen, canned

# --- who is next ----------------------------------------------------------------------------------------


async def test_servers_take_turns(open_house: Open, start: Start) -> None:
    """Round robin, whatever the method, fair within one."""
    backends = await start(3)
    house = await before(open_house, backends)
    for method in ("GET", "POST", "DELETE"):
        assert await statuses(house, 10, request(method)) == [200] * 10
    assert [len(each.seen) for each in backends] == [10, 10, 10]
    await at_rest(house)


async def test_the_idle_one_is_preferred(open_house: Open, start: Start) -> None:
    """Least connections: while one server holds a request, the other gets all the next."""
    backends = await start(2)
    going = asyncio.Event()

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.target == "/public/held":
            await going.wait()
        writer.write(OK)
        return True

    for each in backends:
        each.respond = respond
    house = await before(open_house, backends, 'balance = "least_connections"')
    async with line_to(house) as line:
        await line.send(request("GET", "/public/held"))
        await until(lambda: any(each.seen for each in backends), "not asked")
        assert await statuses(house, 10) == [200] * 10
        assert sorted(len(each.seen) for each in backends) == [1, 10]
        going.set()
        assert (await line.answer()).status == 200
    await at_rest(house)


# --- a server that is not there -------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_server_that_refuses_is_another_ones_request(
    open_house: Open, start: Start, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    """Nothing was sent, so any method goes to another, with its whole body; nobody notices."""
    gone, there = backends = await start(2)
    house = await before(open_house, backends)
    await gone.kill()
    body = bytes(300_000) if method == "POST" else b""
    assert await statuses(house, 20, request(method, body=body)) == [200] * 20
    assert [len(seen.body) for seen in there.seen] == [len(body)] * 20
    assert await metric(house, "gateway_upstream_retries_total", '"fleet"') == 5  # then it is out
    assert await metric(house, "gateway_upstream_failures_total", '"upstream_unreachable"') == 5
    assert await metric(house, "gateway_upstream_ejections_total", gone.url) == 1
    assert await metric(house, "gateway_upstream_healthy", gone.url) == 0
    assert await metric(house, "gateway_upstream_healthy", there.url) == 1
    assert "connection refused" in said(caplog, f"upstream fleet: {gone.url} is out")
    await at_rest(house)


async def test_at_most_three_servers_are_tried(
    open_house: Open, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """A request does not wait for a whole data centre; one of the others serves the next."""
    backends = await start(5)
    house = await before(open_house, backends, "eject_after = 0")
    for each in backends:
        await each.kill()
    assert await statuses(house, 1) == [502]
    assert await metric(house, "gateway_upstream_failures_total", '"fleet"', '"upstream_unreachable"') == 3
    assert "connection refused" in said(caplog, "upstream fleet: http")
    await at_rest(house)


async def test_where_all_are_out_all_are_tried(
    open_house: Open, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    """The first that listens again is used at once, long before its time is over."""
    backends = await start(2)
    house = await before(open_house, backends, 'eject_after = 1\neject_for = "1h"')
    for each in backends:
        await each.kill()
    assert await statuses(house, 5) == [502] * 5
    assert await metric(house, "gateway_upstream_healthy", backends[1].url) == 0
    await backends[1].start()
    assert await statuses(house, 5) == [200] * 5
    assert await metric(house, "gateway_upstream_healthy", backends[1].url) == 1
    said(caplog, f"upstream fleet: {backends[1].url} is back")
    await at_rest(house)


async def test_a_sole_server_is_never_out(open_house: Open, start: Start) -> None:
    """However often it failed, the next request is tried."""
    [only] = backends = await start(1)
    house = await before(open_house, backends, 'eject_after = 1\neject_for = "1h"')
    await only.kill()
    assert await statuses(house, 10) == [502] * 10
    assert await metric(house, "gateway_upstream_healthy", only.url) == 1
    assert await metric(house, "gateway_upstream_ejections_total", only.url) == 0
    await only.start()
    assert await statuses(house, 3) == [200] * 3
    await at_rest(house)


async def test_one_that_was_out_comes_back(open_house: Open, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    """Its time over, one request is its trial; an answer, and it takes its turns again."""
    lost, _ = backends = await start(2)
    house = await before(open_house, backends, 'eject_after = 2\neject_for = "200ms"')
    await lost.kill()
    assert await statuses(house, 8) == [200] * 8
    await lost.start()
    seen = len(lost.seen)
    async with asyncio.timeout(20):
        while len(lost.seen) == seen:
            assert await statuses(house, 1) == [200]
    said(caplog, f"upstream fleet: {lost.url} is back")
    counts = [len(each.seen) for each in backends]
    assert await statuses(house, 10) == [200] * 10
    assert [len(each.seen) - count for each, count in zip(backends, counts, strict=True)] == [5, 5]
    await at_rest(house)


# --- a server that is there, and no use -----------------------------------------------------------------


async def _reset(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    reset(writer)
    return False


async def _reset_within(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\nX: ")
    await writer.drain()
    await asyncio.sleep(0.01)
    reset(writer)
    return False


async def _silence(seen: Seen, writer: asyncio.StreamWriter) -> bool:
    await writer.wait_closed()  # until the gateway has had enough
    return False


BROKEN = {
    "reset": (_reset, 502),
    "reset within the head": (_reset_within, 502),
    "closed": (canned(b"", keep=False), 502),
    "garbage": (canned(b"garbage\r\n\r\n", keep=False), 502),
    "silence": (_silence, 504),
}


@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_was_sent_is_not_sent_to_another(
    open_house: Open, start: Start, caplog: pytest.LogCaptureFixture, how: str, method: str
) -> None:
    """A server that takes a request and breaks may have acted on it. After some of these it is given no more."""
    broken, fine = backends = await start(2)
    broken.respond, status = BROKEN[how]
    house = await before(open_house, backends, 'response_timeout = "200ms"\neject_after = 2\neject_for = "1h"')
    answers = await statuses(house, 12, request(method))
    assert sorted(answers) == [200] * 10 + [status] * 2
    assert (len(broken.seen), len(fine.seen)) == (2, 10)
    said(caplog, f"upstream fleet: {broken.url} is out")
    await at_rest(house)


async def test_a_server_that_answers_500_is_not_out(open_house: Open, start: Start) -> None:
    """It is there and speaks HTTP: what it says is for the client."""
    odd, _ = backends = await start(2)
    odd.respond = canned(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n")
    house = await before(open_house, backends, "eject_after = 1")
    assert sorted(await statuses(house, 10)) == [200] * 5 + [500] * 5
    await at_rest(house)


async def test_an_open_tunnel_is_an_answer(open_house: Open, start: Start) -> None:
    """Failures before it and behind it are not in a row."""
    backends = await start(2)

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.get("upgrade"):
            writer.write(head_of_101())
        else:
            reset(writer)
        return False

    for each in backends:
        each.respond = respond
    house = await before(open_house, backends, 'eject_after = 2\neject_for = "1h"')
    for _ in range(2):
        assert await statuses(house, 2) == [502] * 2
        for _ in backends:
            async with tunnel(house):
                pass
    for each in backends:
        assert await metric(house, "gateway_upstream_ejections_total", each.url) == 0
        assert len(each.seen) == 4
    await at_rest(house)


async def test_the_limit_of_connections(open_house: Open, start: Start) -> None:
    """At the limit the next server is asked; where all are at it, 503, and nobody is blamed."""
    backends = await start(2)
    going = asyncio.Event()

    async def hold(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        await going.wait()
        writer.write(OK)
        return True

    for each in backends:
        each.respond = hold
    house = await before(open_house, backends, "max_connections = 2\neject_after = 1")
    held = asyncio.get_running_loop().create_task(all_ask(house, 4))
    await until(lambda: [len(each.seen) for each in backends] == [2, 2], "not all have come")
    answer = await ask(house, request())
    assert (answer.status, answer.get("retry-after")) == (503, "5")
    assert b"overloaded" in answer.body
    going.set()
    assert {answer.status for answer in await held} == {200}
    assert await metric(house, "gateway_upstream_ejections_total", backends[0].url) == 0
    await at_rest(house)


# --- kept connections -----------------------------------------------------------------------------------


async def test_a_get_whose_connection_was_closed_goes_to_another_server(open_house: Open, start: Start) -> None:
    """Once, on a new connection; so the restart of one server is noticed by nobody."""
    first, second = backends = await start(2)
    house = await before(open_house, backends)
    assert await statuses(house, 2) == [200] * 2

    async def close(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        reset(writer)
        return False

    kept = first.connections
    first.respond = close
    while len(first.seen) == 1:
        assert await statuses(house, 1) == [200]
    assert first.connections == kept
    assert second.seen[-1].connection == second.connections > 1
    await at_rest(house)


REQUESTS = 2000  # of each method; more in a chaos run
_IDS = re.compile(r"/public/([0-9]+)")


async def race(house: House, backends: list[Backend], method: str, count: int) -> tuple[int, list[str]]:
    """So many requests while kept connections are closed at random moments: the failures, and the ids that arrived."""
    dice = random.Random(7)
    open_: set[asyncio.StreamWriter] = set()

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        open_.add(writer)
        writer.write(OK)
        if dice.random() < 0.2:  # at about the time of the next request
            asyncio.get_running_loop().call_later(dice.random() * 0.004, _close, writer)
        return True

    for each in backends:
        each.respond = respond
        each.seen.clear()
    ids = itertools.count()
    failures = 0

    async def client() -> None:
        nonlocal failures
        async with line_to(house) as line:
            while (id_ := next(ids)) < count:
                await line.send(request(method, f"/public/{id_}"))
                if (await line.answer()).status != 200:
                    failures += 1

    await asyncio.gather(*(client() for _ in range(8)))
    return failures, [_IDS.match(seen.target)[1] for each in backends for seen in each.seen]  # type: ignore[index]


def _close(writer: asyncio.StreamWriter) -> None:
    (reset if hash(writer) % 2 else asyncio.StreamWriter.close)(writer)


@pytest.mark.parametrize("servers", [1, 2])
async def test_requests_that_meet_closing_connections(open_house: Open, start: Start, servers: int) -> None:
    """No POST arrives twice, and no GET fails."""
    backends = await start(servers)
    house = await before(open_house, backends)
    failures, arrived = await race(house, backends, "POST", REQUESTS)
    assert len(arrived) == len(set(arrived))
    assert len(arrived) >= REQUESTS - failures
    assert 0 < failures < REQUESTS / 4  # the race did take place
    failures, arrived = await race(house, backends, "GET", REQUESTS)
    assert failures == 0
    assert len(set(arrived)) == REQUESTS
    await at_rest(house)


# --- under load -----------------------------------------------------------------------------------------


class Load:
    """Clients that ask without a pause until they are told to stop; notes each status with its time."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.going = True
        self.answers: list[tuple[float, int]] = []

    async def client(self) -> None:
        async with line_to(self._house) as line:
            while self.going:
                await line.send(request())
                self.answers.append((asyncio.get_running_loop().time(), (await line.answer()).status))

    async def more(self, count: int) -> None:
        """Wait for so many answers."""
        wanted = len(self.answers) + count
        await until(lambda: len(self.answers) >= wanted, "the load stands still")


async def test_a_server_that_is_restarted_under_load_is_noticed_by_nobody(open_house: Open, start: Start) -> None:
    """While another is up: not one error to a GET, and both are used again at the end."""
    victim, _ = backends = await start(2)
    house = await before(open_house, backends, 'eject_for = "200ms"')
    load = Load(house)
    clients = asyncio.gather(*(load.client() for _ in range(8)))
    for _ in range(3):
        await load.more(200)
        await victim.kill()
        await load.more(200)
        await victim.start()
        seen = len(victim.seen)
        await until(lambda seen=seen: len(victim.seen) > seen + 50, "it is not used again")  # type: ignore[misc]
    load.going = False
    await clients
    assert {status for _, status in load.answers} == {200}
    await at_rest(house)


async def test_a_sole_server_that_is_restarted_under_load(open_house: Open, start: Start) -> None:
    """Errors while it is down, none after; no connection of before is used again."""
    [only] = backends = await start(1)
    house = await before(open_house, backends)
    load = Load(house)
    clients = asyncio.gather(*(load.client() for _ in range(8)))
    await load.more(200)
    await only.kill()
    await load.more(100)
    await only.start()
    up = asyncio.get_running_loop().time()
    await load.more(400)
    load.going = False
    await clients
    # An answer that is read after the restart may have been given before it.
    late = [status for at, status in load.answers if at > up][8:]
    assert set(late) == {200}
    assert {status for _, status in load.answers} == {200, 502}
    await at_rest(house)
