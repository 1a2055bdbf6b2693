"""Unix sockets on both sides."""

import asyncio
from pathlib import Path

from .carrying import at_rest, request
from .conftest import House, Open
from .raw import Line


async def test_a_unix_socket_upstream(open_house: Open, tmp_path: Path) -> None:
    """`servers = ["unix:/path"]` is an upstream like any other; a socket that is gone is a 502."""
    path = tmp_path / "up.sock"
    house: House = await open_house(
        routes=f'[[upstreams]]\nid = "local"\nservers = ["unix:{path}"]\n'
        '[[routes]]\nid = "public"\npath = "/public"\npolicy = "public"\nupstream = "local"\n'
    )
    server = await asyncio.start_unix_server(house.upstream._serve, path)
    line = await house.line()
    for _ in range(2):
        await line.send(request("POST", "/public/x", body=b"hello"))
        assert (await line.answer()).status == 200
    assert [seen.body for seen in house.upstream.seen] == [b"hello", b"hello"]
    assert house.upstream.connections == 1
    server.close()
    path.unlink()
    await asyncio.gather(*(ask_twice(house) for _ in range(2)))
    await line.close()
    await at_rest(house)


async def ask_twice(house: House) -> None:
    """At most one of the connections that still stood can be met; the second is refused."""
    line = await house.line()
    statuses = []
    for _ in range(2):
        await line.send(request("POST", "/public/x", "Connection: keep-alive"))
        statuses.append((await line.answer()).status)
    assert set(statuses) <= {200, 502}
    await line.close()


async def test_a_unix_socket_listener(open_house: Open, tmp_path: Path) -> None:
    """Requests over it are served; its client has no address, and no address is made up."""
    path = tmp_path / "gw.sock"
    house: House = await open_house(server="")
    text = (house.folder / "gateway.toml").read_text().replace('listen = ["', f'listen = ["unix:{path}", "')
    (house.folder / "gateway.toml").write_text(text)
    await house.gateway.stop()
    from gateway.app import Gateway
    from gateway.config import load

    again = Gateway(load(house.folder / "gateway.toml", env={}), house.gateway._writer)
    await again.start()
    try:
        line = Line(*await asyncio.open_unix_connection(path))
        for forged in ((), ("X-Forwarded-For: 6.6.6.6",)):
            await line.send(request("GET", "/public/x", *forged))
            assert (await line.answer()).status == 200
            assert house.upstream.seen[-1].get("x-forwarded-for") == "unknown"
        await line.close()
    finally:
        await again.stop()
    assert not path.exists()
