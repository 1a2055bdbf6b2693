"""SIGHUP: a new configuration, whole or not at all, and nobody notices."""

import asyncio
import base64
import errno
import gc
import json
import logging
import secrets
import socket
import weakref

import jwt
import pytest

from gateway.app.reloader import Reloader
from gateway.config import load
from gateway.signing import generate_pem

from .carrying import as_user, ask, request, until
from .conftest import House, Open
from .process import edit, process_of, sample
from .raw import Browser, Line
from .upstream import Seen

NEW_ROUTE = '\n[[routes]]\nid = "new"\npath = "/new"\npolicy = "public"\nupstream = "legacy"\n'


def append(house: House, text: str) -> None:
    """More of gateway.toml."""
    with (house.folder / "gateway.toml").open("a") as file:
        file.write(text)


async def status_of(line: Line, target: str) -> int:
    """One request on a kept connection."""
    await line.send(request("GET", target, host="127.0.0.1"))
    return (await line.answer()).status


async def test_the_next_request_of_every_connection_follows_the_new_configuration(open_house: Open) -> None:
    """Kept connections too: a route comes, a policy changes, a file of policies is all it takes."""
    async with process_of(await open_house()) as process:
        kept = await process.line()
        assert await status_of(kept, "/new") == 401
        for _ in range(4):  # the fast path knows the way by now
            assert await status_of(kept, "/huge") == 200
        append(process.house, NEW_ROUTE)
        edit(process.house, 'access = "public"\n', 'access = "bound"\n', "policies/huge.toml")
        edit(process.house, 'id = "huge"\n', 'id = "huge"\naudience = "legacy"\n')
        await process.reload()
        assert await status_of(kept, "/new") == 200
        assert await status_of(kept, "/huge") == 401
        await kept.close()


@pytest.mark.parametrize(
    ("file", "old", "new", "where"),
    [
        ("gateway.toml", "version = 1\n", "version = \n", "gateway.toml:2: "),
        (
            "gateway.toml",
            'upstream = "legacy"\naudience = "legacy"\n[[routes]]\nid = "api"',
            None,
            "routes[0].upstream",
        ),
        ("gateway.toml", 'servers = ["http://127.0.0.1:', 'servers = ["http:127.0.0.1:', "upstreams[0].servers"),
        ("policies/page.toml", 'access = "bound"', 'access = "everybody"', "page.toml:1: access: "),
        ("cookie.key", None, "weak", "secrets.cookie_keys[0]"),
        ("gateway.toml", '"127.0.0.1:0"', '"127.0.0.1:{taken}"', "server.admin: 127.0.0.1:"),
        ("gateway.toml", "[server]\n", "[server]\nworkers = 2\n", "server.workers: takes a restart"),
    ],
)
async def test_a_bad_configuration_changes_nothing_and_says_why(
    open_house: Open, file: str, old: str | None, new: str | None, where: str
) -> None:
    """Where it is wrong, as `gateway check` says it; what served goes on serving, and the next good one is taken."""
    async with process_of(await open_house()) as process:
        house = process.house
        kept = await process.line()
        good = (house.folder / file).read_text()
        if new is None:
            assert old is not None
            new = old.replace("legacy", "nowhere", 1)
        taken = load(house.folder / "gateway.toml", env={}).settings.upstreams[0].servers[0]
        new = new.replace("{taken}", str(taken).rpartition(":")[2])
        text = new if old is None else good.replace(old, new)
        assert text != good
        (house.folder / file).write_text(text)
        append(house, NEW_ROUTE)
        await process.reload(outcome="reload refused: ")
        told = [message for message in process.messages() if where in message]
        assert len(told) == 1, process.messages()
        assert await status_of(kept, "/public/x") == 200
        assert await status_of(kept, "/new") == 401
        seen = await process.metrics()
        assert sample(seen, 'gateway_config_reloads_total{outcome="refused"}') == 1
        assert sample(seen, "gateway_config_last_reload_successful") == 0
        (house.folder / file).write_text(good if file != "gateway.toml" else good + NEW_ROUTE)
        await process.reload()
        assert await status_of(kept, "/new") == 200
        seen = await process.metrics()
        assert sample(seen, 'gateway_config_reloads_total{outcome="ok"}') == 1
        assert sample(seen, "gateway_config_last_reload_successful") == 1
        assert sample(seen, 'gateway_requests_total{code="2xx",reason="public",route="public"}') == 1
        await kept.close()


async def test_people_stay_signed_in_while_keys_rotate(open_house: Open) -> None:
    """The new cookie key seals, the old one opens; tokens are signed by the new identity key, which JWKS shows."""
    async with process_of(await open_house()) as process:
        house = process.house
        browser = await house.signed_in()
        before = (await browser.get("/")).body
        (house.folder / "cookie-2.key").write_bytes(base64.urlsafe_b64encode(secrets.token_bytes(32)))
        (house.folder / "identity-2.pem").write_bytes(generate_pem("ES256"))
        for name in ("cookie-2.key", "identity-2.pem"):
            (house.folder / name).chmod(0o600)
        edit(house, '{ file = "cookie.key" }', '{ file = "cookie-2.key" }, { file = "cookie.key" }')
        edit(house, '{ file = "identity.pem" }', '{ file = "identity-2.pem" }, { file = "identity.pem" }')
        house.upstream._jwks = None  # as a backend does that meets an unknown kid
        kids = [await published(browser)]
        await process.reload()
        kids.append(await published(browser))
        assert len(kids[0]) == 1
        assert kids[1][1:] == kids[0]
        answer = await browser.get("/")
        assert answer.status == 200
        assert json.loads(answer.body)["claims"]["sub"] == json.loads(before)["claims"]["sub"]
        assert jwt.get_unverified_header(house.upstream.seen[-1].all("x-user")[0])["kid"] == kids[1][0]


async def published(browser: Browser) -> list[str]:
    """The kids of JWKS."""
    return [key["kid"] for key in json.loads((await browser.get("/_gateway/jwks.json")).body)["keys"]]


async def test_a_login_under_way_goes_on(open_house: Open) -> None:
    """From WeChat's redirect before a reload to its callback after it, and from the ticket to the bind."""
    async with process_of(await open_house()) as process:
        house = process.house
        browser = house.browser()
        sent = await browser.get("/")
        await process.reload()
        answer = await browser.get(await house.authorize(sent.get("location") or ""))
        await process.reload()
        location = answer.get("location") or ""
        assert "/bind" in location
        assert (await house.bind(browser, location)).status == 303
        assert (await browser.get("/")).status == 200


async def test_fifty_reloads_under_load_fail_no_request(open_house: Open) -> None:
    """Kept connections are never closed, new ones never refused or reset, every answer is whole; nothing is left."""
    async with process_of(await open_house()) as process:
        house = process.house
        browser = await house.signed_in()
        done = asyncio.Event()
        counts = {"kept": 0, "new": 0}
        page = as_user(browser, "GET", "/")

        async def keeps() -> None:
            line = await process.line()
            while not done.is_set():
                await line.send(page)
                answer = await line.answer()
                assert (answer.status, answer.complete, answer.get("connection")) == (200, True, None)
                counts["kept"] += 1
            await line.close()

        async def comes() -> None:
            while not done.is_set():
                answer = await ask(house, page)
                assert (answer.status, answer.complete) == (200, True)
                counts["new"] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(2):
                group.create_task(keeps())
                group.create_task(comes())
            for number in range(50):
                edit(house, 'brand = "', f'brand = "{number % 10}') if number else append(
                    house, '[pages]\nbrand = ""\n'
                )
                served = sum(counts.values())
                await process.reload()
                await until(lambda served=served: sum(counts.values()) > served, "nobody is served")  # type: ignore[misc]
            done.set()
        assert min(counts.values()) > 50
        assert sample(await process.metrics(), 'gateway_config_reloads_total{outcome="ok"}') == 50


class Gate:
    """An upstream's answer that waits in the middle."""

    def __init__(self, house: House, body: bytes) -> None:
        self._house = house
        self._body = body
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()

    async def respond(self, seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self._body))
        half = len(self._body) // 2
        writer.write(self._body[:half])
        self.begun.set()
        await self.go_on.wait()
        writer.write(self._body[half:])
        await writer.drain()
        return True


async def test_a_download_that_is_read_slowly_arrives_whole_across_reloads(open_house: Open) -> None:
    """Eight megabytes to somebody who reads a little between reloads; the connection then goes on."""
    async with process_of(await open_house()) as process:
        body = secrets.token_bytes(8 << 20)
        gate = Gate(process.house, body)
        process.house.upstream.respond = gate.respond
        line = await process.line()
        await line.send(request())
        await gate.begun.wait()
        head = await line.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        arrived = b""
        for _ in range(3):
            arrived += await line.reader.readexactly(1 << 20)
            await process.reload()
        gate.go_on.set()
        arrived += await line.reader.readexactly(len(body) - len(arrived))
        assert arrived == body
        process.house.upstream.respond = None
        assert await status_of(line, "/public/x") == 200
        await line.close()


async def test_an_upload_goes_on_across_a_reload(open_house: Open) -> None:
    """Half of a body before, half after: one request upstream, whole."""
    async with process_of(await open_house()) as process:
        line = await process.line()
        await line.send(request("POST", "/public/up", "Content-Length: 10") + b"hello")
        await until(lambda: process.house.upstream.connections == 1, "not begun")
        await process.reload()
        await line.send(b"world")
        assert (await line.answer()).status == 200
        assert [seen.body for seen in process.house.upstream.seen] == [b"helloworld"]
        await line.close()


async def test_listeners_come_and_go(open_house: Open, tmp_path: object) -> None:
    """Added ones serve; a removed one refuses, and its connections end with their next answer; the others stay."""
    async with process_of(await open_house()) as process:
        house = process.house
        path = house.folder / "gw.sock"
        stays = await process.line()
        text = f'listen = ["127.0.0.1:{house.port}"'
        edit(house, text, f'{text}, "unix:{path}", "127.0.0.1:0"')
        await process.reload()
        port = int(process.messages()[-1].split(", ")[2].partition(";")[0].rpartition(":")[2])
        over_unix = Line(*await asyncio.open_unix_connection(path))
        over_tcp = await Line.open(port)
        for line in (stays, over_unix, over_tcp):
            assert await status_of(line, "/public/x") == 200
        await process.reload()
        assert path.exists()
        assert await status_of(over_unix, "/public/x") == 200
        edit(house, f', "unix:{path}", "127.0.0.1:0"', "")
        await process.reload()
        assert not path.exists()
        with pytest.raises(ConnectionRefusedError):
            await Line.open(port)
        for line in (over_unix, over_tcp):
            await line.send(request())
            answer = await line.answer()
            assert (answer.status, answer.get("connection")) == (200, "close")
            await line.close()
        await stays.send(request())
        answer = await stays.answer()
        assert (answer.status, answer.get("connection")) == (200, None)
        await stays.close()


async def test_who_comes_as_a_listener_goes_is_served_for_the_last_time(open_house: Open) -> None:
    """The kernel made the connection, the listener takes it as it closes: it ends with its answer like the others."""
    house: House = await open_house(listen='"127.0.0.1:0"')
    gone = list(house.gateway._listeners)[1]
    address = ("127.0.0.1", int(str(gone).rpartition(":")[2]))
    sockets: list[socket.socket] = []
    close = gone.close

    async def last_moment() -> None:
        sockets.append(socket.create_connection(address))
        await close()

    gone.close = last_moment  # type: ignore[method-assign]
    edit(house, ', "127.0.0.1:0"]', "]")
    await house.gateway.reload(load(house.folder / "gateway.toml", env={}))
    [sock] = sockets
    line = Line(*await asyncio.open_connection(sock=sock))
    await line.send(request())
    answer = await line.answer()
    assert (answer.status, answer.get("connection")) == (200, "close")
    await line.close()


async def test_a_listener_that_sticks_holds_up_no_other(open_house: Open, caplog: pytest.LogCaptureFixture) -> None:
    """The new configuration serves, as the log says; the others open and close; a further reload tries again."""
    house: House = await open_house(listen='"127.0.0.1:0", "127.0.0.1:0"')
    stays, sticks, goes = house.gateway._listeners
    reloader = Reloader(house.gateway, lambda: load(house.folder / "gateway.toml", env={}))
    serve, port = stays.serve, int(str(goes).rpartition(":")[2])

    async def fails() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    stays.serve = sticks.close = fails  # type: ignore[method-assign]
    edit(house, ', "127.0.0.1:0", "127.0.0.1:0"]', "]")
    append(house, NEW_ROUTE)
    with caplog.at_level(logging.INFO):
        assert not await reloader.reload()
    assert "reload incomplete: the new configuration serves" in caplog.text
    assert "refused" not in caplog.text
    with pytest.raises(ConnectionRefusedError):
        await Line.open(port)
    stays.serve = serve  # type: ignore[method-assign]
    sticks.drop()
    assert await reloader.reload()
    line = await house.line()
    assert await status_of(line, "/new") == 200
    await line.close()


async def test_the_admin_listener_moves_and_the_log_changes(open_house: Open) -> None:
    """Its address, its hosts, the access log and the level: nothing waits for a restart. Counters go on."""
    async with process_of(await open_house()) as process:
        assert (await ask(process.house, request())).status == 200
        first = process.messages()[-1].rpartition(" ")[2]
        edit(process.house, 'admin = "127.0.0.1:0"', 'admin = "[::1]:0"')
        append(process.house, '[log]\naccess = false\nlevel = "info"\n[admin]\nhosts = ["admin.test"]\n')
        await process.reload()
        lines = process.log.count('"route":"public"')
        assert (await ask(process.house, request())).status == 200
        seen = await process.metrics()
        assert sample(seen, 'gateway_requests_total{code="2xx",reason="public",route="public"}') == 2
        assert process.log.count('"route":"public"') == lines
        reader = asyncio.open_connection("127.0.0.1", int(first.rpartition(":")[2]))
        with pytest.raises(ConnectionRefusedError):
            await reader


async def test_a_reload_asked_for_during_another_is_not_forgotten(open_house: Open) -> None:
    """Signals in a row: the last configuration serves."""
    async with process_of(await open_house()) as process:
        process.signal(1)
        append(process.house, NEW_ROUTE)
        process.signal(1)
        await until(lambda: process.count("reloaded: ") >= 1, "no reload")
        line = await process.line()
        async with asyncio.timeout(30):
            while await status_of(line, "/new") != 200:  # noqa: ASYNC110 - another process decides
                await asyncio.sleep(0.01)
        await line.close()


async def test_generations_do_not_pile_up(house: House) -> None:
    """Behind its last request a generation is collected, with its pools, pages and providers."""
    gate = Gate(house, b"x" * 1000)
    house.upstream.respond = gate.respond
    line = await house.line()
    await line.send(request())
    await gate.begun.wait()
    first = weakref.ref(house.gateway._now)
    others = []
    loaded = load(house.folder / "gateway.toml", env={})
    for _ in range(50):
        await house.gateway.reload(loaded)
        others.append(weakref.ref(house.gateway._now))
    await until(lambda: len(house.gateway._old) == 1, "old generations stay")
    assert first() is not None
    gate.go_on.set()
    assert (await line.answer()).body == b"x" * 1000
    await until(lambda: not len(house.gateway._retiring), "the first generation stays")
    await line.close()
    gc.collect()
    assert [each() for each in [first, *others[:-1]] if each() is not None] == []
    assert others[-1]() is house.gateway._now


async def test_what_is_under_way_in_too_old_a_generation_is_cut_off(house: House) -> None:
    """Generations that wait for a request are bounded, whatever upstreams and clients do."""
    gates, lines = [], []
    loaded = load(house.folder / "gateway.toml", env={})
    for _ in range(10):
        gate = Gate(house, b"x" * 1000)
        house.upstream.respond = gate.respond
        line = await house.line()
        await line.send(request())
        await gate.begun.wait()
        await house.gateway.reload(loaded)
        gates.append(gate)
        lines.append(line)
    await until(lambda: len(house.gateway._old) == 8, "too many old generations")
    for gate in gates:
        gate.go_on.set()
    whole = [(await line.answer()).complete for line in lines[2:]]
    assert whole == [True] * 8
    for line in lines:
        await line.close()
