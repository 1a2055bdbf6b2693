"""A real WebSocket client and a real server, with the gateway between them."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from .carrying import at_rest
from .conftest import House, Open
from .raw import PATIENCE

ROUTES = """
[[upstreams]]
id = "chat"
servers = ["http://127.0.0.1:{port}"]
[[routes]]
id = "app"
policy = "page"
upstream = "legacy"
audience = "legacy"
[[routes]]
id = "chat"
path = "/chat"
policy = "api"
upstream = "chat"
audience = "legacy"
"""


async def chat(request: web.Request) -> web.WebSocketResponse:
    """Echo, after a word that says who is identified."""
    socket = web.WebSocketResponse(protocols=("chat",), max_msg_size=0)
    await socket.prepare(request)
    await socket.send_json({"identified": "X-User" in request.headers, "cookies": dict(request.cookies)})
    async for message in socket:
        if message.data == "bye":
            await socket.close(code=4001, message=b"as you wish")
        elif message.type is aiohttp.WSMsgType.TEXT:
            await socket.send_str(message.data)
        else:
            await socket.send_bytes(message.data)
    return socket


@pytest.fixture
async def house(open_house: Open) -> AsyncIterator[House]:
    """A house with a chat server beside the usual upstream."""
    application = web.Application()
    application.router.add_get("/chat", chat)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield await open_house(routes=ROUTES.format(port=runner.addresses[0][1]))
    await runner.cleanup()


async def test_a_conversation(house: House) -> None:
    """Sub-protocol, compression, text, a large message, ping and the close code all pass."""
    browser = await house.signed_in()
    headers = {"Cookie": browser.cookie_header() + "; theme=dark"}
    url = f"{house.origin}/chat"
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        how = {"protocols": ("chat",), "compress": 15, "max_msg_size": 0}
        async with session.ws_connect(url, headers=headers, **how) as socket:  # type: ignore[arg-type]
            assert socket.protocol == "chat"
            assert socket.compress == 15
            assert await socket.receive_json() == {"identified": True, "cookies": {"theme": "dark"}}
            for text in ("你好", "x" * 100_000):
                await socket.send_str(text)
                assert await socket.receive_str() == text
            large = bytes(range(256)) * 20_000
            await socket.send_bytes(large)
            assert await socket.receive_bytes() == large
            await socket.ping(b"still there?")
            await socket.send_str("bye")
            end = await socket.receive()
            assert (end.type, end.data, end.extra) == (aiohttp.WSMsgType.CLOSE, 4001, "as you wish")
    await at_rest(house)


async def test_a_stranger_is_turned_away(house: House) -> None:
    """The handshake itself is the 401."""
    async with asyncio.timeout(PATIENCE), aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
            await session.ws_connect(f"{house.origin}/chat")
        assert refusal.value.status == 401
    await at_rest(house)
