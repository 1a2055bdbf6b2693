"""https upstreams: verified always, told apart by the log, and otherwise like any other."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .carrying import ask, at_rest, line_to, request, until
from .conftest import House, Open
from .fleet import OK, Backend, Start, routes_to, said, statuses
from .raw import PATIENCE, Line
from .tunnels import ASKING, head_of_101, switched
from .upstream import Seen

Make = Callable[[str], Any]


def serving(files: tuple[Path, Path], clients: Path | None = None) -> ssl.SSLContext:
    """A server's context; `clients`: the authority of those it lets in."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)
    return context


async def before(open_house: Open, backend: Backend, *tls: str, options: str = "") -> House:
    """A gateway in front of one server."""
    table = "\n".join([options, "[upstreams.tls]", *tls])
    house: House = await open_house(routes=routes_to([backend.url], table))
    return house


async def test_a_verified_server_is_served_like_any_other(open_house: Open, start: Start, authority: Make) -> None:
    """Bodies both ways, back-pressure, kept connections, HTTP/1.1 by ALPN."""
    home = authority("home")
    context = serving(home.issue("127.0.0.1"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    [backend] = await start(0, Backend(context=context))
    spoken: list[Any] = []
    big = bytes(range(256)) * 20_000

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        spoken.append(writer.get_extra_info("ssl_object").selected_alpn_protocol())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(big) + big)
        await writer.drain()
        return True

    backend.respond = respond
    house = await before(open_house, backend, f'ca = "{home.ca}"')
    async with line_to(house) as line:
        for _ in range(3):
            await line.send(request("POST", body=big))
            answer = await line.answer()
            assert (answer.status, answer.body == big) == (200, True)
    assert [seen.body == big for seen in backend.seen] == [True] * 3
    assert backend.connections == 1
    assert spoken == ["http/1.1"] * 3
    await at_rest(house)


async def test_a_self_signed_certificate_is_its_own_ca(open_house: Open, start: Start, authority: Make) -> None:
    """No switch is needed to reach such a server."""
    files = authority("any").issue("127.0.0.1", itself=True)
    [backend] = await start(0, Backend(context=serving(files)))
    house = await before(open_house, backend, f'ca = "{files[0]}"')
    assert await statuses(house, 2) == [200] * 2


async def test_the_name_that_a_certificate_must_have(open_house: Open, start: Start, authority: Make) -> None:
    """`server_name` is asked for and verified instead of the URL's host."""
    home = authority("home")
    context, asked = serving(home.issue("legacy.internal")), []
    context.sni_callback = lambda ssl_object, name, context: asked.append(name)
    [backend] = await start(0, Backend(context=context))
    house = await before(open_house, backend, f'ca = "{home.ca}"', 'server_name = "legacy.internal"')
    assert await statuses(house, 1) == [200]
    assert asked == ["legacy.internal"]


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        ("name", "IP address mismatch"),
        ("expired", "certificate has expired"),
        ("unknown", "unable to get local issuer certificate"),
        ("system", "unable to get local issuer certificate"),
        ("plain", "TLS: wrong version number"),
    ],
)
async def test_what_is_not_verified_is_a_502(
    open_house: Open, start: Start, authority: Make, caplog: pytest.LogCaptureFixture, fault: str, why: str
) -> None:
    """Nothing is sent to it, and the log says why."""
    home = authority("home")
    issued = home.issue("127.0.0.2" if fault == "name" else "127.0.0.1", days=-1 if fault == "expired" else 1)
    backend = Backend(context=None if fault == "plain" else serving(issued))
    if fault == "plain":
        backend.talk = bad_request
    await start(0, backend)
    ca = authority("other").ca if fault == "unknown" else home.ca
    backend_url = f"https://127.0.0.1:{backend.port}"
    table = "" if fault == "system" else f'[upstreams.tls]\nca = "{ca}"'
    house: House = await open_house(routes=routes_to([backend_url], table))
    answer = await ask(house, request("POST", body=b"secret"))
    assert (answer.status, b"upstream_unreachable" in answer.body) == (502, True)
    assert backend.raw == b""
    assert why in said(caplog, f"upstream fleet: {backend_url}: TLS: ")
    await at_rest(house)


async def bad_request(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What a server of plain HTTP says to a TLS client."""
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")


def let_in(listener: socket.socket, context: ssl.SSLContext) -> None:
    """One handshake by a server that says what it misses, as OpenSSL's own do and asyncio's do not."""
    connection, _ = listener.accept()
    with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as tls:
        with pytest.raises(ssl.SSLError):
            tls.do_handshake()
        with contextlib.suppress(OSError):
            while connection.recv(65536):
                pass


async def test_a_client_certificate(
    open_house: Open, start: Start, authority: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Shown to a server that asks; without it a 502, and the log has what the server said."""
    home, clients = authority("home"), authority("clients")
    context = serving(home.issue("127.0.0.1"), clients=clients.ca)
    [backend] = await start(0, Backend(context=context))
    certificate, key = clients.issue("gateway")
    with_it = await before(open_house, backend, f'ca = "{home.ca}"', f'certificate = "{certificate}"', f'key = "{key}"')
    assert await statuses(with_it, 2) == [200] * 2
    with socket.create_server(("127.0.0.1", 0)) as listener:
        handshake = asyncio.get_running_loop().run_in_executor(None, let_in, listener, context)
        backend.port = listener.getsockname()[1]
        without = await before(open_house, backend, f'ca = "{home.ca}"')
        assert await statuses(without, 1) == [502]
        await handshake
    assert "certificate required" in said(caplog, f"upstream fleet: {backend.url}").lower().replace("_", " ")
    await at_rest(without)


async def test_a_handshake_that_nobody_answers(open_house: Open, start: Start, authority: Make) -> None:
    """It is part of the connect: a 502 in time, and its descriptor is not kept."""
    backend = Backend()
    gone = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()

    backend.talk = talk
    await start(0, backend)
    house: House = await open_house(
        routes=routes_to([f"https://127.0.0.1:{backend.port}"], 'connect_timeout = "200ms"')
    )
    assert await statuses(house, 1) == [502]
    async with asyncio.timeout(10):
        await backend_ended(backend)
    await at_rest(house)


async def backend_ended(backend: Backend) -> None:
    """Wait until all its connections are gone."""
    await until(lambda: backend.active == 0, "a connection is kept")


@pytest.mark.parametrize("framing", [b"Content-Length: 10\r\n", b"Transfer-Encoding: chunked\r\n", b""])
async def test_a_response_that_is_cut_off_looks_so(
    open_house: Open, start: Start, authority: Make, framing: bytes
) -> None:
    """Also one that ends with its connection: without TLS' own goodbye somebody may have cut it (RFC 9112 9.8)."""
    home = authority("home")
    [backend] = await start(0, Backend(context=serving(home.issue("127.0.0.1"))))

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n" + (b"5\r\nhello\r\n" if b"Tr" in framing else b"hello"))
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.transport.abort()
        return False

    backend.respond = respond
    house = await before(open_house, backend, f'ca = "{home.ca}"')
    answer = await ask(house, request())
    assert (answer.status, answer.complete) == (200, False)
    await at_rest(house)


async def test_a_tunnel_that_such_a_server_ends_loses_nothing(open_house: Open, start: Start, authority: Make) -> None:
    """TLS has no half close: the end is the whole connection's, behind what was said, and no reset."""
    home = authority("home")
    [backend] = await start(0, Backend(context=serving(home.issue("127.0.0.1"))))
    last_words, go_on = bytes(range(256)) * 200, asyncio.Event()

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(head_of_101())
        await go_on.wait()
        writer.write(last_words)
        return False

    backend.respond = respond
    house = await before(open_house, backend, f'ca = "{home.ca}"')
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", house.port))
    line = Line(*await asyncio.open_connection(sock=sock, limit=4096))
    await line.send(request("GET", "/public/ws", *ASKING))
    await switched(line)
    [client] = house.gateway._lasting.clients.connections
    client.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    go_on.set()
    await backend_ended(backend)
    async with asyncio.timeout(PATIENCE):
        assert await line.reader.read() == last_words
    await line.close()
    await at_rest(house)


async def test_a_location_of_its_own(open_house: Open, start: Start, authority: Make) -> None:
    """With https too it becomes the client's."""
    home = authority("home")
    [backend] = await start(0, Backend(context=serving(home.issue("127.0.0.1"))))

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: %b/x\r\nContent-Length: 0\r\n\r\n" % backend.url.encode())
        return True

    backend.respond = respond
    house = await before(open_house, backend, f'ca = "{home.ca}"')
    assert (await ask(house, request())).get("location") == "http://gw.test/x"


async def test_a_connection_that_was_closed_is_replaced(open_house: Open, start: Start, authority: Make) -> None:
    """The keep-alive race is no other with TLS."""
    home = authority("home")
    [backend] = await start(0, Backend(context=serving(home.issue("127.0.0.1"))))

    async def respond(seen: Seen, writer: asyncio.StreamWriter) -> bool:
        if seen.connection == 1 and seen.target == "/public/second":
            writer.transport.abort()
            return False
        writer.write(OK)
        return True

    backend.respond = respond
    house = await before(open_house, backend, f'ca = "{home.ca}"')
    async with line_to(house) as line:
        for target in ("/public/first", "/public/second"):
            await line.send(request("GET", target))
            assert (await line.answer()).status == 200
    assert [seen.connection for seen in backend.seen] == [1, 1, 2]
    await at_rest(house)
