"""The painted WeChat: authorize page, token endpoint, the phone to click on, and `/sim/…` to steer it all.

`POST /sim/switch` {"name", "value", "times"} sets a fault; `GET /sim/state` tells what happened (with `?settle=1`
after waiting for copies of callbacks that are under way); `POST /sim/replay` fetches the last callback once more,
without cookies; `POST /sim/reset` makes all as new.
"""

import json

from aiohttp import web

from gateway.simulator.authorize import BLANK, Granted, Refused, read_authorize, refused, with_query
from gateway.simulator.codes import Code
from gateway.simulator.copies import COPIES, copies_context
from gateway.simulator.exchange import exchange
from gateway.simulator.pages import page
from gateway.simulator.phone import add_phone, holder, phone_page
from gateway.simulator.scene import DEFAULT_USERS, Hint, MenuLink, SimApp, SimUser, WeChatSim
from gateway.simulator.state import STATE, SimState

__all__ = ["DEFAULT_USERS", "STATE", "Hint", "MenuLink", "SimApp", "SimState", "SimUser", "WeChatSim", "build_wechat"]

CLIENT_PARAMS = "uin=MTIzNDU2Nzg5&key=daf9bdc5abc4e8d0&pass_ticket=JfjlTGdNFlRCGcQAyyJhPHJGUfXmqdqO"


def build_wechat(config: WeChatSim) -> web.Application:
    """The application; its state is `app[STATE]`."""
    app = web.Application(client_max_size=16 * 1024)
    app[STATE] = SimState(config)
    app.cleanup_ctx.append(copies_context)
    app.router.add_get("/connect/oauth2/authorize", authorize, allow_head=False)
    app.router.add_get("/connect/qrconnect", qrconnect, allow_head=False)
    app.router.add_post("/connect/qrconnect", confirm)
    app.router.add_get("/sns/oauth2/access_token", exchange, allow_head=False)
    app.router.add_get("/sim/state", show_state)
    app.router.add_post("/sim/switch", set_switch)
    app.router.add_post("/sim/reset", reset)
    app.router.add_post("/sim/replay", replay)
    add_phone(app)
    return app


async def authorize(request: web.Request) -> web.StreamResponse:
    """`GET /connect/oauth2/authorize`: silent; sends the browser back with a code."""
    state = request.app[STATE]
    state.authorizes += 1
    if state.sim.require_wechat_ua and "MicroMessenger" not in request.headers.get("User-Agent", ""):
        return _error_page(state, Refused(None, "请在微信客户端打开链接"))
    if (number := state.switches.take("authorize_error")) is not None:
        return _error_page(state, refused(int(number)))
    _, _, raw_query = request.raw_path.partition("?")
    answer = read_authorize(raw_query, state.sim)
    if isinstance(answer, Refused):
        return _error_page(state, answer)
    user = holder(request)
    if user is None:
        return phone_page(request, onward=request.raw_path)
    return await _send_back(request, state, answer, user.key)


async def qrconnect(request: web.Request) -> web.StreamResponse:
    """`GET /connect/qrconnect`: the code for any browser; who scans it is picked by a button."""
    state = request.app[STATE]
    state.authorizes += 1
    answer = read_authorize(request.raw_path.partition("?")[2], state.sim, website=True)
    if isinstance(answer, Refused):
        return _error_page(state, answer)
    return page("wechat/qrconnect.html", sim=state.sim, action=request.raw_path)


async def confirm(request: web.Request) -> web.StreamResponse:
    """`POST /connect/qrconnect` with `user`: they scanned the code and said yes on their phone."""
    state = request.app[STATE]
    answer = read_authorize(request.raw_path.partition("?")[2], state.sim, website=True)
    user = state.sim.user(str((await request.post()).get("user", "")))
    if isinstance(answer, Refused) or user is None:
        return _error_page(state, answer if isinstance(answer, Refused) else BLANK)
    return await _send_back(request, state, answer, user.key)


def _error_page(state: SimState, answer: Refused) -> web.Response:
    state.record_error("authorize", str(answer.number or answer.text or "blank"))
    if answer == BLANK:
        return web.Response(text="", content_type="text/html")
    return page("wechat/error.html", number=answer.number, text=answer.text)


async def _send_back(request: web.Request, state: SimState, grant: Granted, user: str) -> web.StreamResponse:
    """302 to the callback, and what the switches add to it."""
    take = state.switches.take
    state_value = grant.state
    if take("state_mutation"):
        state_value = state_value[:-1] + ("0" if state_value[-1] != "0" else "1")
    if take("refuse"):
        return _found(with_query(grant.redirect_uri, f"state={state_value}"))
    extra = "&" + CLIENT_PARAMS if take("append_client_params") else ""

    def callback(code: Code) -> str:
        url = with_query(grant.redirect_uri, f"code={code.value}&state={state_value}{extra}")
        state.callbacks.append(url)
        return url

    url = callback(_code(state, grant, user))
    second = callback(_issue(state, grant, user)) if take("two_codes_same_state") else None
    delay = take("duplicate_callback")
    response = _found(url)
    await response.prepare(request)
    await response.write_eof()
    if delay is not None:
        request.app[COPIES].send(url, float(delay))
    if second is not None:
        request.app[COPIES].send(second)
    return response


def _found(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _code(state: SimState, grant: Granted, user: str) -> Code:
    window = state.switches.take("reuse_code_on_fast_reopen")
    if window is not None:
        previous = state.codes.previous(grant.app.app_id, user, state.sim.clock() - window)
        if previous is not None:
            return previous
    return _issue(state, grant, user)


def _issue(state: SimState, grant: Granted, user: str) -> Code:
    state.codes_issued += 1
    return state.codes.issue(grant.app.app_id, user, grant.scope, state.sim.clock())


async def show_state(request: web.Request) -> web.Response:
    """`GET /sim/state`."""
    if request.query.get("settle"):
        await request.app[COPIES].settled()
    return web.json_response(request.app[STATE].as_json())


async def set_switch(request: web.Request) -> web.Response:
    """`POST /sim/switch`: 400 with a sentence if it makes no sense."""
    try:
        order = json.loads(await request.read())
        if not isinstance(order, dict) or not isinstance(order.get("name"), str):
            raise ValueError('send {"name": …, "value": …, "times": …}')
        request.app[STATE].switches.set(order["name"], order.get("value", True), order.get("times"))
    except (ValueError, RecursionError) as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response(request.app[STATE].switches.as_json())


async def replay(request: web.Request) -> web.Response:
    """`POST /sim/replay`: the last callback again, from a server, as happens hours later. 409 if there is none."""
    state = request.app[STATE]
    if not state.callbacks:
        return web.json_response({"error": "no callback so far"}, status=409)
    request.app[COPIES].send(state.callbacks[-1])
    await request.app[COPIES].settled()
    return web.json_response({"status": state.copies[-1]})


async def reset(request: web.Request) -> web.Response:
    """`POST /sim/reset`."""
    request.app[STATE].reset()
    return web.json_response({})
