"""The routes of browsers outside WeChat, wired from their parts."""

from aiohttp import web

from .approval import Approvals
from .handover import HandoverPages
from .handovers import Handovers
from .links import Links
from .login import Login
from .outside import Entrance
from .pages import Pages
from .parts import WebParts
from .visitors import Visitors


def outside_routes(parts: WebParts, login: Login, visitors: Visitors, pages: Pages, links: Links) -> list[web.RouteDef]:
    """The login page, and both sides of a hand-over."""
    handovers = Handovers(parts.state, parts.names, parts.limits, parts.clock, parts.random)
    browser = HandoverPages(
        handovers,
        login,
        visitors,
        parts.bindings,
        parts.cookies,
        parts.names,
        pages,
        links,
        parts.origin_of,
        parts.limits.handover,
        parts.metrics,
        parts.clock,
    )
    phone = Approvals(
        handovers,
        visitors,
        parts.bindings,
        parts.names,
        pages,
        links,
        parts.origin_of,
        bool(parts.methods),
        parts.limits.handover,
        parts.metrics,
        parts.clock,
    )
    entrance = Entrance(login, pages, links, parts.origin_of, parts.website_of_host, browser.start, parts.metrics)
    return [
        web.get("/login", entrance.get),
        web.get("/handover", browser.get, allow_head=False),
        web.post("/handover", browser.post),
        web.get("/handover/approve", phone.get, allow_head=False),
        web.post("/handover/approve", phone.post),
    ]
