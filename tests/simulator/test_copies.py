"""WeChat's servers fetch callbacks too."""

import pytest
from aiohttp import web

from gateway.simulator.codes import code_hash


@pytest.fixture
async def callback(aiohttp_server):
    """A server that remembers the callbacks it gets; its URL is `.url`."""

    class Callback:
        def __init__(self):
            self.seen = []

        async def get(self, request):
            self.seen.append(request)
            raise web.HTTPFound("/elsewhere")

    callback = Callback()
    app = web.Application()
    app.router.add_get("/cb", callback.get)
    callback.url = str((await aiohttp_server(app)).make_url("/cb"))
    return callback


async def test_duplicate_callback_comes_without_cookies(wechat, callback):
    """`duplicate_callback` requests the very same callback once more: no cookies, no redirects followed."""
    wechat.state.switches.set("duplicate_callback", 3, times=1)
    location = await wechat.location(redirect_uri=callback.url)
    state = await (await wechat.get("/sim/state", params={"settle": "1"})).json()
    (request,) = callback.seen
    assert location.endswith(request.path_qs)
    assert "Cookie" not in request.headers
    assert "MicroMessenger" in request.headers["User-Agent"]
    assert (state["copies"], wechat.slept) == ([302], [3.0])


async def test_two_codes_same_state(wechat, callback):
    """`two_codes_same_state` makes a second callback with another code and the same state."""
    wechat.state.switches.set("two_codes_same_state", times=1)
    location = await wechat.location(redirect_uri=callback.url)
    state = await (await wechat.get("/sim/state", params={"settle": "1"})).json()
    (request,) = callback.seen
    assert request.query["state"] == "abc1"
    assert request.query["code"] not in location
    assert (state["codes_issued"], len(state["callbacks"])) == (2, 2)
    assert (await wechat.exchange(request.query["code"]))["openid"]


async def test_replay_fetches_the_last_callback_again(wechat, callback):
    """`POST /sim/replay` requests the last callback once more; 409 when there is none."""
    assert (await wechat.client.post("/sim/replay")).status == 409
    code = await wechat.code(redirect_uri=callback.url)
    assert await (await wechat.client.post("/sim/replay")).json() == {"status": 302}
    assert [request.query["code"] for request in callback.seen] == [code]


async def test_a_copy_to_a_closed_port_harms_nobody(wechat, unused_tcp_port):
    """A callback that cannot be reached is noted as such."""
    wechat.state.switches.set("duplicate_callback")
    await wechat.location(redirect_uri=f"http://127.0.0.1:{unused_tcp_port}/cb")
    state = await (await wechat.get("/sim/state", params={"settle": "1"})).json()
    assert (state["copies"], state["errors"]) == ([None], [{"where": "copy", "what": "no answer"}])


async def test_state_names_codes_by_hash(wechat):
    """The counters list each exchanged code by its SHA-256, once."""
    code = await wechat.code()
    await wechat.exchange(code)
    await wechat.exchange(code)
    state = await (await wechat.get("/sim/state")).json()
    assert (state["exchanges"], state["exchanged"]) == (2, [code_hash(code)])
    assert [(call["spent"], call["answer"]) for call in state["calls"]] == [(True, "ok"), (False, "40163")]
