"""The phone: an official account's chat with a menu bar, who holds the phone, and a few faults to switch on."""

from aiohttp import web

from gateway.simulator.pages import page, see_other
from gateway.simulator.scene import SimUser
from gateway.simulator.state import STATE
from gateway.simulator.switches import KINDS

COOKIE = "wechat_sim_user"


def add_phone(app: web.Application) -> None:
    """Add the phone page and its two forms."""
    app.router.add_get("/", show)
    app.router.add_post("/phone/holder", pick_holder)
    app.router.add_post("/phone/switch", flip_switch)


def holder(request: web.Request) -> SimUser | None:
    """Who holds the phone in this browser."""
    sim = request.app[STATE].sim
    return sim.user(request.cookies.get(COOKIE, "")) or sim.user(sim.default_user)


def phone_page(request: web.Request, onward: str = "") -> web.Response:
    """The page. `onward`: an authorize address to go on with once somebody was picked."""
    state = request.app[STATE]
    return page(
        "wechat/phone.html",
        sim=state.sim,
        state=state,
        holder=holder(request),
        onward=onward,
        kinds=[kind for kind in KINDS if kind.on_phone],
    )


async def show(request: web.Request) -> web.Response:
    """`GET /`."""
    return phone_page(request)


async def pick_holder(request: web.Request) -> web.Response:
    """`POST /phone/holder`: `user`, and `onward`, which stays on this server's authorize page.

    The next person brings a phone of their own: the last one's cookies on this host, whatever the port, go.
    """
    form = await request.post()
    user = request.app[STATE].sim.user(str(form.get("user", "")))
    if user is None:
        raise web.HTTPBadRequest(text="no such user")
    onward = str(form.get("onward", ""))
    safe = onward.startswith("/connect/oauth2/authorize?") and onward.isascii() and onward.isprintable()
    response = see_other(onward if safe else "/")
    if holder(request) not in (None, user):
        for name in request.cookies:
            response.del_cookie(name)
    response.set_cookie(COOKIE, user.key, path="/", httponly=True, samesite="Lax")
    return response


async def flip_switch(request: web.Request) -> web.Response:
    """`POST /phone/switch`: `name`; on if it was off, off if it was on."""
    form = await request.post()
    switches = request.app[STATE].switches
    name = str(form.get("name", ""))
    try:
        switches.set(name, not switches.is_on(name))
    except ValueError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    return see_other("/#faults")
