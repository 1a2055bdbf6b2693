"""The token endpoint, `GET /sns/oauth2/access_token`: JSON sent as text/plain, HTTP 200 for errors too."""

import json
from collections.abc import Mapping

from aiohttp import web

from gateway.simulator.codes import WEBSITE_SCOPE, Code, openid, union_id, virtual_openid
from gateway.simulator.state import STATE, SimState

ERRORS = {
    -1: "system error",
    40001: "invalid credential",
    40002: "invalid grant_type",
    40013: "invalid appid",
    40029: "invalid code",
    40125: "invalid appsecret",
    40163: "code been used",
    41002: "appid missing",
    41004: "appsecret missing",
    41008: "missing code",
    42003: "oauth_code expired",
    45009: "reach max api daily quota limit",
    45011: "api minute-quota reach limit, must slower, retry next minute",
    50002: "user limited",
}
HTML_502 = (
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n"
    b"<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
GARBAGE = bytes(range(256)) * 4
MEGABYTE = 1 << 20


async def exchange(request: web.Request) -> web.StreamResponse:
    """Spend a code, with whatever fault is switched on."""
    state = request.app[STATE]
    query = request.query
    value = query.get("code", "")
    if state.switches.take("html_502"):
        state.record_call(value, spent=False, answer="html_502")
        return web.Response(status=502, body=HTML_502, content_type="text/html")
    outcome = _injected(state) or _missing(state, query)
    code = outcome or state.codes.spend(value, query["appid"], state.sim.clock())
    if isinstance(code, int):
        state.record_call(value, spent=False, answer=str(code))
        return _reply(_error(state, code))
    return await _spent(request, state, code)


def _injected(state: SimState) -> int | None:
    """The errcode that a switch asks for."""
    if state.switches.take("busy"):
        return -1
    value = state.switches.take("errcode")
    return None if value is None else int(value)


def _missing(state: SimState, query: Mapping[str, str]) -> int | None:
    """The errcode for a field that is absent or wrong, the code aside."""
    app = state.sim.app(query.get("appid", ""))
    if not query.get("appid"):
        return 41002
    if app is None:
        return 40013
    if not query.get("secret"):
        return 41004
    if query["secret"] != app.secret:
        return 40125
    if query.get("grant_type") != "authorization_code":
        return 40002
    return None if query.get("code") else 41008


async def _spent(request: web.Request, state: SimState, code: Code) -> web.StreamResponse:
    """Answer for a code that was just used up."""
    faults = ("cut_after_consume", "garbage", "huge_body", "control_chars")
    fault, value = next(((name, v) for name in faults if (v := state.switches.take(name)) is not None), ("ok", True))
    state.record_call(code.value, spent=True, answer=fault)
    if (seconds := state.switches.take("slow")) is not None:
        await state.sim.sleep(float(seconds))
    match fault:
        case "cut_after_consume":
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        case "garbage":
            return _reply(GARBAGE)
        case "huge_body":
            return await _huge(request, int(value))
    body = json.dumps(_success(state, code), separators=(",", ":"), ensure_ascii=False).encode()
    if fault == "control_chars":
        body = body[:-1] + ',"nickname":"小\x01明\x08\n\t"}'.encode()
    return _reply(body)


def _success(state: SimState, code: Code) -> dict[str, object]:
    """The success object; it has no errcode."""
    snapshot = state.switches.take("snapshot")
    reply: dict[str, object] = {
        "access_token": state.sim.random(32).hex(),
        "expires_in": 7200,
        "refresh_token": state.sim.random(32).hex(),
        "openid": virtual_openid(code) if snapshot else openid(code.app_id, code.user),
        "scope": code.scope,
    }
    if snapshot:
        reply["is_snapshotuser"] = 1
    if code.scope in ("snsapi_userinfo", WEBSITE_SCOPE):
        reply["unionid"] = union_id(code.value if snapshot else code.user)
    return reply


def _error(state: SimState, errcode: int) -> bytes:
    """The error object. The first word of rid is the Unix time."""
    words = f"{int(state.sim.clock()):08x}-{state.sim.random(4).hex()}-{state.sim.random(4).hex()}"
    number: int | str = str(errcode) if state.switches.take("errcode_as_string") else errcode
    return json.dumps(
        {"errcode": number, "errmsg": f"{ERRORS.get(errcode, 'error')}, rid: {words}"}, separators=(",", ":")
    ).encode()


def _reply(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="text/plain")


async def _huge(request: web.Request, megabytes: int) -> web.StreamResponse:
    """A JSON object that takes long to end; stops when the client leaves."""
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    await response.prepare(request)
    await response.write(b'{"padding":"')
    block = b"x" * MEGABYTE
    for _ in range(megabytes):
        await response.write(block)
    await response.write(b'"}')
    await response.write_eof()
    return response
