"""Bodies of a gigabyte in both directions, against a reader that stops again and again: memory stays where it was.

The gateway is a process of its own here, so that its memory is nobody else's.
"""

import asyncio
import contextlib
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import House, Open

GIGABYTE = 1 << 30
BURST = 1 << 26
ALLOWED = 32 << 20
PATIENCE = 30.0
PIECE = memoryview(bytes(1 << 18))


class Stream:
    """Bytes on their way: the sender notices when nobody takes them, the reader stops until it does."""

    def __init__(self, size: int, chunked: bool) -> None:
        self.size = size
        self.chunked = chunked
        self.stops = 0
        self.tail = b""  # the last few bytes that were received
        self._blocked = threading.Event()

    def send(self, sock: socket.socket) -> None:
        """All of it. Whenever the socket takes nothing for a moment, back-pressure has arrived here."""
        left = self.size
        while left:
            piece = PIECE[: min(left, len(PIECE))]
            self._push(sock, memoryview(b"%x\r\n%b\r\n" % (len(piece), piece)) if self.chunked else piece)
            left -= len(piece)
        if self.chunked:
            self._push(sock, memoryview(b"0\r\n\r\n"))

    def _push(self, sock: socket.socket, data: memoryview) -> None:
        sock.settimeout(0.1)
        while data:
            try:
                data = data[sock.send(data) :]
            except TimeoutError:
                self._blocked.set()

    def receive(self, sock: socket.socket) -> int:
        """All of it, in bursts: after each one, nothing is read until the sender is stuck. Counts bytes."""
        sock.settimeout(PATIENCE)
        buffer = bytearray(1 << 18)
        total = since = 0
        while total < self.size:
            received = sock.recv_into(buffer)
            assert received, f"the connection ended after {total} bytes"
            self.tail = (self.tail + buffer[max(received - 5, 0) : received])[-5:]
            total += received
            since += received
            if since >= BURST and self.size - total > BURST:
                since = 0
                self._blocked.clear()
                assert self._blocked.wait(PATIENCE), "the sender was never stopped: somebody keeps what nobody reads"
                self.stops += 1
        return total


def head_of(sock: socket.socket) -> bytes:
    """Up to and with the empty line, not a byte further."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = sock.recv(1)
        assert byte, head
        head += byte
    return head


class Process:
    """The gateway, and what it says of its memory."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.port = port

    def kilobytes(self, what: str) -> int:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(what)).split()[1])

    @contextlib.contextmanager
    def stays_small(self) -> Iterator[None]:
        """The peak of what happens within may be little above where it began."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # the peak is now what it is now
        before = self.kilobytes("VmRSS:")
        yield
        assert (self.kilobytes("VmHWM:") - before) * 1024 < ALLOWED


@contextlib.contextmanager
def served(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """An upstream for one connection at a time, on threads. Its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = listener.accept()
                with sock:
                    serve(sock)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield int(listener.getsockname()[1])
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(PATIENCE)


@contextlib.asynccontextmanager
async def gateway_process(open_house: Open, upstream: int):  # type: ignore[no-untyped-def]
    """The same configuration in a process of its own."""
    house: House = await open_house(
        routes=f'[[upstreams]]\nid = "big"\nservers = ["http://127.0.0.1:{upstream}"]\n'
        '[[routes]]\nid = "public"\npath = "/public"\npolicy = "huge"\nupstream = "big"\n'
    )
    await house.gateway.stop()
    process = await asyncio.to_thread(
        subprocess.Popen, house.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(OSError):
                    (await asyncio.open_connection("127.0.0.1", house.port))[1].close()
                    break
                assert process.poll() is None
                await asyncio.sleep(0.02)
        yield Process(process.pid, house.port)
    finally:
        process.terminate()
        assert await asyncio.to_thread(process.wait, PATIENCE) == 0


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_a_gigabyte_up_to_an_upstream_that_reads_in_bursts(open_house: Open, chunked: bool) -> None:
    """It arrives whole, the client is stopped whenever the upstream stops, and nothing is kept."""
    stream = Stream(GIGABYTE, chunked)
    arrived: list[int] = []

    def serve(sock: socket.socket) -> None:
        head = head_of(sock)
        assert (b"Transfer-Encoding: chunked" in head) == chunked
        arrived.append(stream.receive(sock))
        while chunked and stream.tail != b"0\r\n\r\n":
            stream.tail = (stream.tail + sock.recv(1 << 18))[-5:]
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    def upload(gateway: Process) -> None:
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % stream.size
        with gateway.stays_small(), socket.create_connection(("127.0.0.1", gateway.port)) as sock:
            sock.sendall(b"POST /public/up HTTP/1.1\r\nHost: gw.test\r\n%b\r\n\r\n" % framing)
            stream.send(sock)
            sock.settimeout(PATIENCE)
            assert head_of(sock).startswith(b"HTTP/1.1 200 ")

    with served(serve) as port:
        async with gateway_process(open_house, port) as gateway:
            await asyncio.to_thread(upload, gateway)
    assert len(arrived) == 1
    assert stream.stops > 10


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
async def test_a_gigabyte_down_to_a_client_that_reads_in_bursts(open_house: Open, chunked: bool) -> None:
    """It arrives whole, the upstream is stopped whenever the client stops, and nothing is kept."""
    stream = Stream(GIGABYTE, chunked)

    def serve(sock: socket.socket) -> None:
        head_of(sock)
        framing = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % stream.size
        sock.sendall(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % framing)
        stream.send(sock)

    def download(gateway: Process) -> None:
        with gateway.stays_small(), socket.create_connection(("127.0.0.1", gateway.port)) as sock:
            sock.sendall(b"GET /public/down HTTP/1.1\r\nHost: gw.test\r\n\r\n")
            assert head_of(sock).startswith(b"HTTP/1.1 200 ")
            assert stream.receive(sock) >= GIGABYTE

    with served(serve) as port:
        async with gateway_process(open_house, port) as gateway:
            await asyncio.to_thread(download, gateway)
    assert stream.stops > 10
