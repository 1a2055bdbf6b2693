"""Upstreams by name, by health, and under a Host of their own."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from .carrying import ask, at_rest, line_to, request, until
from .conftest import Open
from .fleet import OK, Backend, Start, before, metric, routes_to, said, statuses
from .upstream import Seen, canned

# Heads are not what is tested here: the fast path makes no difference.
pytestmark = pytest.mark.parametrize("fast", [True], indirect=True)

# --- names ----------------------------------------------------------------------------------------------


class Zone:
    """A name server's answer, which a test changes. None: no such name."""

    def __init__(self) -> None:
        self.addresses: Sequence[str] | None = ("127.0.0.1",)
        self.asked = 0
        self.hangs = False

    async def lookup(self, host: str) -> Sequence[str]:
        self.asked += 1
        if self.hangs:
            await asyncio.get_running_loop().create_future()
        if self.addresses is None:
            raise OSError("Name or service not known")
        return self.addresses


@pytest.fixture
def zone(monkeypatch: pytest.MonkeyPatch) -> Zone:
    zone = Zone()
    monkeypatch.setattr("gateway.wire.resolve.lookup", zone.lookup)
    return zone


async def test_a_name_that_moves_is_followed_under_traffic(open_house: Open, start: Start, zone: Zone) -> None:
    """Connections to the old address are let go of as they come back; nobody notices."""
    [old] = await start(1)
    new = Backend("127.0.0.2")
    new.port = old.port
    await start(0, new)
    house = await open_house(routes=routes_to([f"http://legacy.test:{old.port}"], 'resolve_every = "100ms"'))
    async with line_to(house) as line:
        await line.send(request())
        assert (await line.answer()).status == 200
        zone.addresses = ("127.0.0.2",)
        async with asyncio.timeout(20):
            while not new.seen:
                await line.send(request())
                assert (await line.answer()).status == 200
    await until(lambda: old.active == 0, "a connection to the old address is kept")
    assert old.connections == 1  # it was not left before it had to be
    zone.addresses = None  # what is known remains
    asked = zone.asked
    await until(lambda: zone.asked > asked + 2, "it is looked up no more")
    assert await statuses(house, 3) == [200] * 3
    await at_rest(house)


async def test_all_addresses_are_tried(open_house: Open, start: Start, zone: Zone) -> None:
    """One that refuses costs nothing but the try."""
    backend = Backend("127.0.0.2")
    await start(0, backend)
    zone.addresses = ("127.0.0.3", "127.0.0.2")
    house = await open_house(routes=routes_to([f"http://legacy.test:{backend.port}"]))
    assert await statuses(house, 3) == [200] * 3
    await at_rest(house)


async def test_a_name_that_is_unknown_is_a_502_until_it_is_known(
    open_house: Open, start: Start, zone: Zone, caplog: pytest.LogCaptureFixture
) -> None:
    """At once, and for as long as it must be."""
    [backend] = await start(1)
    zone.addresses = None
    house = await open_house(routes=routes_to([f"http://legacy.test:{backend.port}"], 'resolve_every = "1h"'))
    assert await statuses(house, 1) == [502]
    assert "legacy.test cannot be resolved" in said(caplog, "upstream fleet: ")
    zone.addresses = ("127.0.0.1",)
    assert await statuses(house, 1) == [200]
    await at_rest(house)


async def test_a_name_server_that_hangs_holds_up_nobody_else(open_house: Open, start: Start, zone: Zone) -> None:
    """Whoever needs the name has a 502 in time; one lookup hangs, not one each."""
    zone.hangs = True
    house = await open_house(routes=routes_to(["http://legacy.test:9"], 'connect_timeout = "300ms"'))
    answers = asyncio.get_running_loop().create_task(statuses(house, 2))
    assert (await ask(house, request("GET", "/_gateway/jwks.json"))).status == 200
    assert not answers.done()
    assert await answers == [502, 502]
    assert zone.asked == 1
    await at_rest(house)


# --- health ---------------------------------------------------------------------------------------------

CHECKS = '\n[upstreams.health]\npath = "/fit?x"\ninterval = "100ms"\ntimeout = "200ms"\nrise = 2\nfall = 2\n'


class Fit:
    """Answers checks by `verdict` and everything else with 200."""

    def __init__(self) -> None:
        self.verdict: Callable[[asyncio.StreamWriter], None] = fine
        self.checks: list[Seen] = []
        self.requests = 0

    async def __call__(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.target != "/fit?x":
            self.requests += 1
            writer.write(OK)
            return True
        self.checks.append(seen)
        self.verdict(writer)
        return self.verdict is silent


def fine(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


def silent(writer: asyncio.StreamWriter) -> None:
    pass


UNFIT: dict[str, Callable[[asyncio.StreamWriter], None]] = {
    "status": lambda writer: writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"),
    "garbage": lambda writer: writer.write(b"no HTTP\r\n\r\n"),
    "closed": lambda writer: writer.close(),
    "silent": silent,
    "endless": lambda writer: writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000),
    "within the body": lambda writer: writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"),
}


@pytest.mark.parametrize("how", UNFIT)
async def test_health_checks_turn_a_server_off_and_on(
    open_house: Open, start: Start, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    """An unfit server is given no requests, a fit one is again; the log tells each once."""
    sick, well = backends = await start(2)
    sick.respond, well.respond = fit, _ = Fit(), Fit()
    house = await before(open_house, backends, CHECKS)
    await until(lambda: len(fit.checks) >= 2, "no checks")
    assert await statuses(house, 4) == [200] * 4
    assert fit.requests == 2
    fit.verdict = UNFIT[how]
    await until(lambda: "fails its health checks" in caplog.text, "not found unfit")
    assert await metric(house, "gateway_upstream_healthy", sick.url) == 0
    assert await statuses(house, 4) == [200] * 4
    assert fit.requests == 2
    fit.verdict = fine
    await until(lambda: "passes its health checks again" in caplog.text, "not found fit again")
    assert await statuses(house, 4) == [200] * 4
    assert fit.requests == 4
    assert sick.url in said(caplog, "fails its health checks")
    host = sick.url.partition("://")[2]
    assert {(seen.method, seen.get("host"), seen.get("x-user")) for seen in fit.checks} == {("GET", host, None)}
    await until(lambda: sick.active <= 3, "checks leave connections behind")


async def test_a_sole_server_is_served_by_whatever_its_checks_say(open_house: Open, start: Start) -> None:
    """They are told, and nothing else: the only server is better than none. It answers a large page to its check."""
    [only] = backends = await start(1)
    only.respond = canned(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000))
    house = await before(open_house, backends, CHECKS + "status = [201, '204-206']\nhost = 'a.test'")
    async with asyncio.timeout(20):
        while await metric(house, "gateway_upstream_healthy", only.url):
            pass
    assert await statuses(house, 2) == [200] * 2
    assert only.seen[0].get("host") == "a.test"


# --- Host -----------------------------------------------------------------------------------------------


async def test_a_host_of_its_own(open_house: Open, start: Start) -> None:
    """The server is sent its name, the client's is beside it, and a Location under it is the client's."""
    [backend] = backends = await start(1)

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        location = seen.target.partition("?")[2].encode()
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location)
        return True

    backend.respond = respond
    house = await before(open_house, backends, 'host = "legacy.internal:8000"')
    for location, public in (
        ("http://legacy.internal:8000/x", "http://gw.test/x"),
        ("https://LEGACY.internal:8000/x", "http://gw.test/x"),
        (f"{backend.url}/x", "http://gw.test/x"),
        ("http://legacy.internal.evil:8000/x", "http://legacy.internal.evil:8000/x"),
    ):
        assert (await ask(house, request("GET", f"/public/x?{location}"))).get("location") == public
    seen = backend.seen[0]
    assert (seen.get("host"), seen.get("x-forwarded-host")) == ("legacy.internal:8000", "gw.test")
    await at_rest(house)
