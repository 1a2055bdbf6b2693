"""Upgrades: tunnelled only when the client asked, the route allows it and the upstream agreed; then byte for byte."""

import asyncio
import json

import pytest

from .carrying import as_user, ask, at_rest, line_to, logged, own_host, request, until
from .conftest import House, Open
from .raw import PATIENCE
from .tunnels import ACCEPT, AGREEING, ASKING, EVERY_BYTE, KEY, echo, head_of_101, said, serving, switched, tunnel
from .upstream import Seen, canned

ROUTE = '[[routes]]\nid = "{id}"\npath = "/{id}"\npolicy = "public"\nupstream = "legacy"\nupgrade = {upgrade}\n'
CLOSING = canned(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", keep=False)


def silent(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> object:
    """Wait for the end."""
    return reader.read()


async def test_the_handshake_bears_the_identity_and_nothing_of_ours(house: House) -> None:
    """X-User, verified; no cookie of ours; the client's own fields; and one Connection and Upgrade, as we say them."""
    browser = await house.signed_in()
    browser.jar["theme"] = "dark"
    serving(house, echo)
    fields = ("X_User: spoofed", "Sec-WebSocket-Protocol: chat", "Sec-WebSocket-Extensions: permessage-deflate")
    async with line_to(house) as line:
        await line.send(as_user(browser, "GET", "/ws?a=%2F", *ASKING[1:], "Connection: keep-alive, UPGRADE", *fields))
        answer = await switched(line)
        await line.send(b"hello")
        assert await said(line, 5) == b"hello"
    seen = house.upstream.seen[-1]
    assert seen.line == "GET /ws?a=%2F HTTP/1.1"
    assert seen.claims is not None
    assert seen.claims["sub"] == "1001"
    assert seen.get("cookie") == "theme=dark"
    assert (seen.get("connection"), seen.get("upgrade")) == ("Upgrade", "websocket")
    assert seen.get("sec-websocket-protocol") == "chat"
    assert seen.get("sec-websocket-extensions") == "permessage-deflate"
    assert (answer.get("connection"), answer.get("upgrade")) == ("Upgrade", "websocket")
    assert answer.get("sec-websocket-accept") == ACCEPT
    await at_rest(house)


async def test_nobody_gets_a_tunnel_without_a_session(house: House) -> None:
    """A handshake is answered as any request of a program: 401 in JSON, and nothing goes upstream."""
    answer = await ask(house, request("GET", "/api/ws", *ASKING, host=own_host(house)))
    assert answer.status == 401
    assert b"login_required" in answer.body
    assert house.upstream.seen == []
    await at_rest(house)


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("Origin: http://{host}", 101),
        ("Origin: HTTP://{host}", 101),
        ("Origin: http://spa.test", 101),
        ("Origin: http://evil.example", 403),
        ("Origin: http://{host}.evil.example", 403),
        ("Origin: http://evil.example/{host}", 403),
        ("Origin: null", 403),
        ("Origin:", 403),
        ("Origin: http://{host}\r\nOrigin: http://{host}", 403),
    ],
)
async def test_a_foreign_page_gets_no_identified_tunnel(house: House, origin: str, status: int) -> None:
    """Browsers let every page open a WebSocket, some with cookies (RFC 6455 10.2); listed origins may."""
    browser = await house.signed_in()
    serving(house, echo)
    async with line_to(house) as line:
        field = origin.format(host=browser.host)
        await line.send(as_user(browser, "GET", "/cross/ws", *ASKING, field))
        if status == 101:
            await switched(line)
        else:
            answer = await line.answer()
            assert (answer.status, json.loads(answer.body)["error"]) == (403, "foreign_origin")
            assert house.upstream.connections == 0
    await at_rest(house)


@pytest.mark.parametrize(
    ("page", "here", "status"), [("http", "https", 403), ("https", "https", 101), ("https", "http", 101)]
)
async def test_a_page_without_tls_is_foreign_to_its_host_with_tls(
    open_house: Open, page: str, here: str, status: int
) -> None:
    """Whoever sits on the line can write such a page. The other way round, somebody in front forgot to tell."""
    house = await open_house(server='trusted_proxies = ["127.0.0.0/8"]')
    browser = await house.signed_in()
    serving(house, echo)
    async with line_to(house) as line:
        fields = (*ASKING, f"Origin: {page}://{browser.host}", f"X-Forwarded-Proto: {here}")
        await line.send(as_user(browser, "GET", "/cross/ws", *fields))
        answer = await switched(line) if status == 101 else await line.answer()
        assert answer.status == status
    await at_rest(house)


async def test_a_public_tunnel_is_the_upstreams_to_judge(house: House) -> None:
    """Nobody is identified there: any origin may ask."""
    serving(house, echo)
    async with tunnel(house, None, "/public/ws", "Origin: http://evil.example"):
        pass
    assert house.upstream.seen[0].get("origin") == "http://evil.example"
    await at_rest(house)


async def test_every_byte_passes_both_ways(house: House) -> None:
    """All values, in many pieces, unchanged; then an end on either side is an end on the other."""
    serving(house, echo)
    async with tunnel(house) as line:
        for size in (1, 2, 255, 16384):
            for at in range(0, len(EVERY_BYTE), 4096):
                piece = EVERY_BYTE[at : at + size]
                await line.send(piece)
                assert await said(line, len(piece)) == piece
        line.writer.write_eof()
        assert await line.ended() == b""
    await at_rest(house)


@pytest.mark.parametrize("piecewise", [False, True])
async def test_what_the_client_says_early_waits_for_the_101(house: House, piecewise: bool) -> None:
    """Frames right behind the head reach the upstream after it agreed, not before, and before what comes later."""
    early: list[bytes] = []
    agree = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await agree.wait()
        early.append(bytes(reader._buffer))  # type: ignore[attr-defined]
        writer.write(head_of_101() + b"first words")
        writer.write(await reader.readexactly(len(EVERY_BYTE) + 4))

    house.upstream.talk = talk
    head = request("GET", "/public/ws", *ASKING)
    async with line_to(house) as line:
        if piecewise:
            await line.send(head)
            await line.send(EVERY_BYTE)
        else:
            await line.send(head + EVERY_BYTE)
        await until(lambda: house.upstream.connections == 1, "no handshake")
        front = house.gateway._front
        assert front is not None
        await until(lambda: all(client._buffer == EVERY_BYTE for client in front.connections), "bytes are not held")
        agree.set()
        await switched(line)
        await line.send(b"more")
        assert await said(line, 11) == b"first words"
        assert await said(line, len(EVERY_BYTE) + 4) == EVERY_BYTE + b"more"
        assert await line.ended() == b""
    assert early == [b""]
    await at_rest(house)


async def test_a_flood_before_the_101_is_stopped(house: House) -> None:
    """What waits for the upstream's word is limited: the client is not read any further."""
    agree, piece = asyncio.Event(), bytes(1 << 16)
    total = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal total
        await reader.readuntil(b"\r\n\r\n")
        await agree.wait()
        writer.write(head_of_101())
        while data := await reader.read(1 << 16):
            total += len(data)

    house.upstream.talk = talk
    async with line_to(house) as line:
        await line.send(request("GET", "/public/ws", *ASKING))
        line.writer.write(piece * 512)
        front = house.gateway._front
        assert front is not None
        await until(lambda: any(client._paused_by_us for client in front.connections), "nobody stops it")
        assert all(len(client._buffer) < 1 << 20 for client in front.connections)
        agree.set()
        await switched(line)
        await until(lambda: total == 512 * len(piece), "it did not go on")
    await at_rest(house)


@pytest.mark.parametrize(
    "fields",
    [
        ("Upgrade: websocket", *ASKING[2:]),
        ("Connection: keep-alive", *ASKING[1:]),
        ("Connection: Upgrade", "Upgrade: websocket, h2c", *ASKING[2:]),
        (*ASKING, "Upgrade: websocket"),
        (*ASKING, "Upgrade: h2c"),
        ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
        ("Connection: Upgrade", "Upgrade: TLS/1.0"),
        ("Connection: Upgrade", "Upgrade: HTTP/2.0"),
        ("Connection: Upgrade", "Upgrade: foo/1"),
        ("Connection: Upgrade", "Upgrade:"),
        (*ASKING[:2], "Sec-WebSocket-Version: 8", ASKING[3]),
        (*ASKING[:2], ASKING[3]),
        (*ASKING, "Sec-WebSocket-Version: 13"),
        (*ASKING, f"Sec-WebSocket-Key: {KEY}"),
        (*ASKING[:3],),
        (*ASKING[:3], "Sec-WebSocket-Key: dGhlIHNhbXBsZQ=="),
        (*ASKING[:3], "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="),
        ("Connection: Upgrade, Sec-WebSocket-Key", *ASKING[1:]),
        (*ASKING, "Content-Length: 0"),
        (*ASKING, "Expect: 100-continue"),
    ],
)
async def test_what_is_not_exactly_a_handshake_is_an_ordinary_request(house: House, fields: tuple[str, ...]) -> None:
    """It travels without Upgrade, and a 101 to it is a 502: nobody asked."""
    assert (await ask(house, request("GET", "/public/ws", *fields))).status == 200
    house.upstream.respond = canned(head_of_101(), keep=False)
    assert (await ask(house, request("GET", "/public/ws", *fields))).status == 502
    for seen in house.upstream.seen:
        assert (seen.all("upgrade"), seen.all("connection")) == ([], [])
    await at_rest(house)


@pytest.mark.parametrize(
    ("method", "version", "body"),
    [("POST", "1.1", b""), ("POST", "1.1", b"abc"), ("GET", "1.0", b""), ("GET", "1.1", b"abc"), ("HEAD", "1.1", b"")],
)
async def test_only_a_bodiless_get_of_http_1_1_asks(house: House, method: str, version: str, body: bytes) -> None:
    """RFC 6455 4.1: anything else is carried as it always was."""
    data = request(method, "/public/ws", *ASKING, body=body, version=version)
    assert (await ask(house, data, method)).status == 200
    assert house.upstream.seen[0].all("upgrade") == []
    await at_rest(house)


async def test_the_route_says_which_protocols(open_house: Open) -> None:
    """None at all, or another by its name; case does not matter."""
    house = await open_house(
        routes=ROUTE.format(id="none", upgrade="[]") + ROUTE.format(id="foo", upgrade='["Foo/1", "websocket"]')
    )
    house.upstream.respond = CLOSING
    assert (await ask(house, request("GET", "/none/ws", *ASKING))).status == 200
    assert house.upstream.seen[0].all("upgrade") == []
    serving(house, echo, head_of_101("Connection: upgrade", "Upgrade: FOO/1"))
    async with line_to(house) as line:
        await line.send(request("GET", "/foo", "Connection: upgrade", "Upgrade: fOO/1"))
        assert (await switched(line)).get("upgrade") == "foo/1"
        await line.send(EVERY_BYTE)
        assert await said(line, len(EVERY_BYTE)) == EVERY_BYTE
    assert house.upstream.seen[-1].get("upgrade") == "foo/1"
    await at_rest(house)


async def test_own_pages_are_no_tunnels(house: House) -> None:
    """A handshake there is a request for the page."""
    answer = await ask(house, request("GET", "/_gateway/me", *ASKING, "Accept: application/json", host=own_host(house)))
    assert answer.status == 401
    assert answer.get("upgrade") is None
    await at_rest(house)


@pytest.mark.parametrize(
    "fields",
    [
        ("Connection: Upgrade", "Upgrade: websocket"),
        ("Connection: Upgrade", f"Sec-WebSocket-Accept: {ACCEPT}"),
        ("Upgrade: websocket", f"Sec-WebSocket-Accept: {ACCEPT}"),
        ("Connection: Upgrade", "Upgrade: h2c", f"Sec-WebSocket-Accept: {ACCEPT}"),
        ("Connection: Upgrade", "Upgrade: websocket, h2c", f"Sec-WebSocket-Accept: {ACCEPT}"),
        (*AGREEING, "Upgrade: h2c"),
        (*AGREEING[:2], "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        (*AGREEING, "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
    ],
)
async def test_a_101_that_is_no_answer_to_the_handshake_is_a_502(house: House, fields: tuple[str, ...]) -> None:
    """A cache's, a confused server's: no tunnel opens, and no byte of the client's reaches the upstream."""
    house.upstream.respond = canned(head_of_101(*fields) + b"secret", keep=False)
    answer = await ask(house, request("GET", "/public/ws", *ASKING) + b"frames")
    assert answer.status == 502
    assert b"secret" not in answer.body
    assert b"frames" not in house.upstream.raw
    await at_rest(house)


@pytest.mark.parametrize("status", [200, 403, 426])
async def test_an_upstream_that_declines_answers_as_ever(house: House, status: int) -> None:
    """A final answer is a response; both connections go on with HTTP."""
    fields = "Upgrade: websocket\r\nConnection: upgrade\r\n" if status == 426 else ""
    no = f"HTTP/1.1 {status} No\r\n{fields}Content-Length: 2\r\n\r\nno".encode()
    house.upstream.respond = canned(no)
    async with line_to(house) as line:
        for _ in range(2):
            await line.send(request("GET", "/public/ws", *ASKING))
            answer = await line.answer()
            assert (answer.status, answer.body) == (status, b"no")
            assert answer.all("upgrade") == []
    assert house.upstream.connections == 1
    await at_rest(house)


async def test_interim_answers_may_come_first(house: House) -> None:
    """100 and 103 are skipped, as before any response."""
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    serving(house, echo, hints + head_of_101())
    async with tunnel(house) as line:
        await line.send(b"hello")
        assert await said(line, 5) == b"hello"
    await at_rest(house)


async def test_framing_and_our_cookies_do_not_pass_in_a_101(house: House) -> None:
    """What a 101 says of a length means nothing (RFC 9110 15.2), and it sets no cookie of ours."""
    fields = ("Content-Length: 3", "Set-Cookie: gateway_session=x", "Set-Cookie: theme=dark", "Keep-Alive: timeout=5")
    serving(house, silent, head_of_101(*AGREEING, *fields) + b"more than three")
    async with line_to(house) as line:
        await line.send(request("GET", "/public/ws", *ASKING))
        answer = await switched(line)
        assert await said(line, 15) == b"more than three"
    assert answer.all("content-length") == answer.all("transfer-encoding") == answer.all("keep-alive") == []
    assert answer.all("set-cookie") == ["theme=dark"]
    await at_rest(house)


async def test_edits_and_prefixes_hold_for_handshakes(open_house: Open) -> None:
    """A handshake and its 101 are a request and a response: the policy's edits, the route's prefix."""
    route = ROUTE.format(id="app", upgrade='["websocket"]').replace("public", "blue") + 'strip_prefix = "/app"\n'
    house = await open_house(routes=route)
    serving(house, echo, head_of_101(*AGREEING, "Server: legacy/1.0", "Set-Cookie: a=1; Path=/"))
    async with line_to(house) as line:
        await line.send(request("GET", "/app/ws", *ASKING))
        answer = await switched(line)
    assert (answer.all("server"), answer.get("set-cookie")) == ([], "a=1; Path=/app")
    seen = house.upstream.seen[0]
    assert (seen.target, seen.get("x-env"), seen.get("upgrade")) == ("/ws", "blue", "websocket")
    await at_rest(house)


async def test_requests_in_a_tunnel_are_bytes(house: House) -> None:
    """What looks like a request behind a 101 is never decided on, and never anybody's but this upstream's."""
    serving(house, echo)
    inner = request("GET", "/public/inner")
    async with tunnel(house) as line:
        await line.send(inner)
        assert await said(line, len(inner)) == inner
    assert len(house.upstream.seen) == 1
    await at_rest(house)


async def test_a_tunnels_connections_carry_nothing_else(house: House) -> None:
    """The upstream's is not pooled, the client's is closed."""
    serving(house, echo)
    async with tunnel(house) as line:
        line.writer.write_eof()
        assert await line.ended() == b""
    house.upstream.talk = None
    assert (await ask(house, request())).status == 200
    assert house.upstream.connections == 2
    await at_rest(house)


@pytest.mark.parametrize("down", [True, False])
async def test_back_pressure_reaches_the_other_end(house: House, down: bool) -> None:
    """50 MB against a reader that does not read: the sender is stopped; then all arrives, in order."""
    size, sent, go = 50 << 20, 0, asyncio.Event()
    piece = EVERY_BYTE * 4

    async def pump(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.transport.set_write_buffer_limits(high=1 << 16)
        while sent < size:
            writer.write(piece)
            await writer.drain()
            sent += len(piece)

    async def read(reader: asyncio.StreamReader) -> None:
        await go.wait()
        for _ in range(size // len(piece)):
            assert await reader.readexactly(len(piece)) == piece

    def serve(seen: Seen, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> object:
        return pump(writer) if down else read(reader)

    serving(house, serve)
    async with tunnel(house) as line:
        near = asyncio.get_running_loop().create_task(read(line.reader) if down else pump(line.writer))
        await stuck(lambda: sent)
        assert 0 < sent < size
        go.set()
        async with asyncio.timeout(PATIENCE):
            await near
        await until(lambda: sent == size, "not all was sent")
    await at_rest(house)


async def stuck(count) -> None:  # type: ignore[no-untyped-def]
    """Wait until a count has grown, and grows no more."""
    last = -1
    async with asyncio.timeout(PATIENCE):
        while count() == 0 or count() != last:
            last = count()
            await asyncio.sleep(0.3)


async def test_a_tunnel_has_one_line_in_the_log_at_its_end(house: House) -> None:
    """Status 101, with the bytes that the client got; while it is open, the gauge counts it."""
    serving(house, echo)
    front = house.gateway._front
    assert front is not None
    async with tunnel(house) as line:
        assert front.tunnels == 1
        await line.send(b"12345")
        assert await said(line, 5) == b"12345"
        line.writer.write_eof()
        await line.ended()
    entry = await logged(house, '"/public/ws"')
    assert '"status":101' in entry.replace(" ", "")
    assert '"sent":5' in entry.replace(" ", "")
    assert '"reason":"public"' in entry.replace(" ", "")
    assert front.tunnels == 0
    await at_rest(house)


async def test_a_handshake_is_not_taken_for_an_earlier_request(house: House) -> None:
    """Neither does an upgrade make an ordinary request of the same fields one, nor the other way round."""
    plain = request("GET", "/public/x", "X: 1")
    house.upstream.respond = CLOSING
    for _ in range(3):
        house.upstream.talk = None
        assert (await ask(house, plain)).status == 200
        serving(house, echo)
        async with tunnel(house, None, "/public/ws", "X: 1") as line:
            await line.send(b"x")
            assert await said(line, 1) == b"x"
        await at_rest(house)
