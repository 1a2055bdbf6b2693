"""A WebSocket of a real browser: it speaks as its user, and ends when the user logs out."""

import asyncio

import pytest

from .phone import Phone

pytestmark = pytest.mark.asyncio(loop_scope="package")

OPEN = """() => new Promise((resolve, reject) => {
    const socket = window.live = new WebSocket("ws://" + location.host + "/live")
    window.ended = new Promise(end => socket.onclose = event => end([event.code, event.wasClean]))
    const heard = []
    socket.onopen = () => socket.send("你好")
    socket.onerror = () => reject("no WebSocket")
    socket.onmessage = event => { heard.push(event.data); if (heard.length == 2) resolve(heard) }
})"""


async def test_a_websocket_lives_as_long_as_its_session(phone: Phone) -> None:
    """It opens without a word about WeChat, knows its user, and is cut when the session ends elsewhere."""
    await phone.bound("xiaoming", "我的订单")
    await phone.on("/orders")
    assert await phone.page.evaluate(OPEN) == ["1001", "你好"]
    origin = {"Origin": phone.house.gateway}
    answer = await phone.context.request.post(f"{phone.house.gateway}/_gateway/logout", headers=origin)
    assert answer.ok
    assert await phone.page.evaluate("window.ended") == [1006, False]
    async with asyncio.timeout(10):
        while "session_ended" not in phone.house.log:  # noqa: ASYNC110 - another process's file
            await asyncio.sleep(0.02)
    phone.complaints = [each for each in phone.complaints if "WebSocket connection to" not in each]
