"""Listeners with TLS: everything as without it, certificates that change, and cuts that look like cuts."""

import asyncio
import contextlib
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.config import load

from .authority import trusting, write_pair
from .carrying import at_rest, request, until
from .conftest import House, Open, free_port
from .raw import Line
from .upstream import canned


@dataclass
class Tls:
    """A house that also listens with TLS. `serial` is its certificate's."""

    house: House
    port: int
    serial: str
    trust: ssl.SSLContext

    async def line(self, context: ssl.SSLContext | None = None) -> Line:
        """A connection with TLS."""
        return Line(*await asyncio.open_connection("127.0.0.1", self.port, ssl=context or self.trust, limit=1 << 20))

    async def reload(self) -> None:
        """As after SIGHUP."""
        await self.house.gateway.reload(load(self.house.folder / "gateway.toml", env={}))


@pytest.fixture
async def tls(open_house: Open, tmp_path: Path) -> AsyncIterator[Tls]:
    """A house with both kinds of listener; nothing may be left behind."""
    serial = write_pair(tmp_path, "first")
    install(tmp_path, "first")
    port = free_port()
    house: House = await open_house(
        server=f'tls = {{ certificate = "{tmp_path}/now.pem", key = "{tmp_path}/now.key" }}\n#\n',
        limits='head_timeout = "1s"\nmax_connections = 20\nbody_timeout = "3s"\n',
        listen=f'"tls://127.0.0.1:{port}"',
    )
    yield Tls(house, port, serial, trusting(tmp_path / "first.pem"))
    await at_rest(house)
    assert not house.gateway._lasting.clients.handshakes


def install(folder: Path, name: str) -> None:
    """What a renewal does: the files are there from one moment to the next."""
    for kind in ("pem", "key"):
        shutil.copy(folder / f"{name}.{kind}", folder / f"next.{kind}")
        os.rename(folder / f"next.{kind}", folder / f"now.{kind}")


def serial_of(line: Line) -> str:
    """Of the certificate that the other side showed."""
    return str(line.writer.get_extra_info("peercert")["serialNumber"])


async def test_requests_over_tls(tls: Tls) -> None:
    """Several on one connection, bodies up and down; the origin stays that of public_url."""
    line = await tls.line()
    assert serial_of(line) == tls.serial
    assert line.writer.get_extra_info("ssl_object").version() == "TLSv1.3"
    for body in (b"", b"x" * 300_000):
        await line.send(request("POST" if body else "GET", "/huge", body=body))
        assert (await line.answer()).status == 200
        assert tls.house.upstream.seen[-1].body == body
    assert tls.house.upstream.seen[-1].get("x-forwarded-proto") == "http"
    assert tls.house.upstream.seen[-1].get("x-forwarded-for") == "127.0.0.1"
    big = os.urandom(5_000_000)
    tls.house.upstream.respond = canned(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(big) + big)
    await line.send(request())
    assert (await line.answer()).body == big
    await line.close()


async def test_a_request_that_comes_with_the_end_of_the_handshake(tls: Tls) -> None:
    """In one packet with the client's Finished, as clients without patience send it."""
    wire = Line(*await asyncio.open_connection("127.0.0.1", tls.port))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    secure = tls.trust.wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
    while True:
        try:
            secure.do_handshake()
            break
        except ssl.SSLWantReadError:
            await wire.send(outgoing.read())
            incoming.write(await wire.reader.read(65536))
    secure.write(request())
    await wire.send(outgoing.read())
    answer = b""
    async with asyncio.timeout(10):
        while b"}" not in answer:
            with contextlib.suppress(ssl.SSLWantReadError):
                while True:
                    answer += secure.read(65536)
            if b"}" not in answer:
                incoming.write(await wire.reader.read(65536))
    assert answer.startswith(b"HTTP/1.1 200 ")
    await wire.close()


@pytest.mark.parametrize(
    "change",
    [
        lambda context: setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_1),
        lambda context: (
            setattr(context, "maximum_version", ssl.TLSVersion.TLSv1_2) or context.set_ciphers("AES128-SHA:@SECLEVEL=0")
        ),
    ],
    ids=["TLS 1.1", "no forward secrecy"],
)
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_what_is_too_old_is_refused(tls: Tls, change: object) -> None:
    """RFC 9325: TLS 1.2 with forward secrecy is the least."""
    context = trusting()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1
    change(context)  # type: ignore[operator]
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await tls.line(context)


async def test_http1_is_what_is_agreed_on(tls: Tls, tmp_path: Path) -> None:
    """HTTP/2 is left to the proxy in front: ALPN never agrees on it."""
    for offered, agreed in ((["h2", "http/1.1"], "http/1.1"), (["h2"], None)):
        context = trusting(
            *[Path(p) for p in [tls.house.gateway._loaded.settings.server.tls.certificate]], alpn=offered
        )
        line = await tls.line(context)
        assert line.writer.get_extra_info("ssl_object").selected_alpn_protocol() == agreed
        await line.close()


async def test_a_new_certificate_is_for_new_connections(tls: Tls, tmp_path: Path) -> None:
    """By a reload, and without one when the files are looked at again; old connections live on."""
    old = await tls.line()
    for name, take in (("second", tls.reload), ("third", None)):
        serial = write_pair(tmp_path, name)
        install(tmp_path, name)
        if take is not None:
            await take()
        else:
            assert tls.house.gateway._certificate is not None
            assert tls.house.gateway._certificate.renew()
            assert not tls.house.gateway._certificate.renew()
        new = await tls.line(trusting(tmp_path / f"{name}.pem"))
        assert serial_of(new) == serial
        for line in (old, new):
            await line.send(request())
            assert (await line.answer()).status == 200
        await new.close()
    await old.close()


async def test_broken_files_leave_the_old_certificate_in_use(tls: Tls, tmp_path: Path) -> None:
    """Somebody who copies one file after the other is met half way."""
    write_pair(tmp_path, "second")
    shutil.copy(tmp_path / "second.pem", tmp_path / "now.pem")
    certificate = tls.house.gateway._certificate
    assert certificate is not None
    with pytest.raises(Exception, match=r"server\.tls: .*now\.pem"):
        certificate.renew()
    assert not certificate.renew()
    with pytest.raises(Exception, match=r"now\.key is not the key of"):
        await tls.reload()
    line = await tls.line()
    assert serial_of(line) == tls.serial
    await line.close()


async def test_a_listener_goes_from_plain_to_tls_and_back(tls: Tls) -> None:
    """On the same socket, without a gap."""
    config = tls.house.folder / "gateway.toml"
    text = config.read_text()
    config.write_text(text.replace(f"tls://127.0.0.1:{tls.port}", f"127.0.0.1:{tls.port}").replace("tls = {", "#"))
    await tls.reload()
    plain = await Line.open(tls.port)
    await plain.send(request())
    assert (await plain.answer()).status == 200
    config.write_text(text)
    await tls.reload()
    for line in (plain, await tls.line()):
        await line.send(request())
        assert (await line.answer()).status == 200
        await line.close()


async def test_a_slow_handshake_ends_and_counts(tls: Tls) -> None:
    """It has limits.head_timeout, and a place among limits.max_connections meanwhile."""
    clients = tls.house.gateway._lasting.clients
    silent = [await Line.open(tls.port) for _ in range(20)]
    await until(lambda: len(clients.handshakes) == 20, "they do not count")
    with pytest.raises((ConnectionError, ssl.SSLError)):
        await tls.line()
    for line in silent:
        assert await line.ended() == b""
        await line.close()
    line = await tls.line()
    await line.send(request())
    assert (await line.answer()).status == 200
    await line.close()


@pytest.mark.parametrize("noise", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x05hello", b""])
async def test_noise_is_no_handshake(tls: Tls, noise: bytes) -> None:
    """Plain HTTP, garbage or nothing: the connection ends, without a word in the log."""
    wire = await Line.open(tls.port)
    if noise:
        await wire.send(noise)
        assert b"HTTP" not in await wire.ended()
    await wire.close()
    await until(lambda: not len(tls.house.gateway._lasting.clients), "it stays")
    assert "Traceback" not in tls.house.log.read_text()


async def test_an_early_answer_reaches_a_client_that_still_sends(tls: Tls) -> None:
    """A 413 before the body: whole, though the client goes on sending for a while."""
    line = await tls.line()
    await line.send(request("POST", "/public/x", "Content-Length: 200000000"))
    answer = asyncio.ensure_future(line.answer("POST"))  # noqa: TID251 - read while the body is sent
    sent = 0
    with contextlib.suppress(ConnectionError):
        while not answer.done() and sent < 50_000_000:
            await line.send(b"x" * 100_000)
            sent += 100_000
    assert (await answer).status == 413
    await line.close()


@pytest.mark.parametrize(
    ("version", "head"),
    [
        ("1.1", b"Content-Length: 1000\r\n"),
        ("1.1", b"Transfer-Encoding: chunked\r\n"),
        ("1.0", b"Transfer-Encoding: chunked\r\n"),
    ],
    ids=["length", "chunked", "until close"],
)
async def test_a_truncated_answer_looks_truncated(tls: Tls, version: str, head: bytes) -> None:
    """For an HTTP/1.0 client, whose body ends with the connection, there is no close_notify."""
    tls.house.upstream.respond = canned(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n3\r\nabc\r\n", keep=False)
    line = await tls.line()
    await line.send(request(version=version))
    got = await line.reader.readuntil(b"\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 200 ")
    with pytest.raises((ConnectionError, ssl.SSLError)):  # a clean end would be b""
        await line.reader.read()
    line.writer.transport.abort()


async def test_a_body_until_close_ends_with_a_close_notify(tls: Tls) -> None:
    """Then it is whole."""
    tls.house.upstream.respond = canned(b"HTTP/1.1 200 OK\r\n\r\nabc", keep=False)
    line = await tls.line()
    await line.send(request(version="1.0"))
    answer = await line.answer()
    assert answer.body == b"abc"
    await line.close()


async def test_a_slow_reader_gets_the_end_of_its_answer(tls: Tls) -> None:
    """What waits below the encryption counts: the connection is not closed over it."""
    big = os.urandom(3_000_000)
    tls.house.upstream.respond = canned(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(big) + big)
    line = await tls.line()
    await line.send(request("GET", "/public/x", "Connection: close"))
    arrived = b""
    await line.reader.readuntil(b"\r\n\r\n")
    while len(arrived) < len(big):
        arrived += await line.reader.readexactly(min(500_000, len(big) - len(arrived)))
        await asyncio.sleep(0.6)  # the reader's own slowness
    assert arrived == big
    assert await line.ended() == b""
    await line.close()


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(tls: Tls) -> None:
    """By close_notify or without; asyncio has nothing to warn of."""
    for cut in (True, False):
        tls.house.upstream.respond = canned(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc")
        line = await tls.line()
        await line.send(request())
        await line.reader.readuntil(b"abc")
        if cut:
            line.writer.transport.abort()
        else:
            await line.close()
        await at_rest(tls.house)
    assert "eof_received" not in tls.house.log.read_text()
