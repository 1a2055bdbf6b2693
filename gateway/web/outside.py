"""GET /login: WeChat's browsers go to WeChat; what others get, the app's `outside` says.

Law: the user agent decides what is shown, and nothing else. A browser that is taken for another has a way on.
"""

from collections.abc import Callable

from aiohttp import web

from gateway.core.outside import Client, Outside, client_of
from gateway.telemetry.metrics import Metrics

from .links import Links
from .login import Login
from .notices import OUTSIDE_WECHAT, PREFETCH, Halt
from .pages import Pages
from .qr import fitting, qr_svg
from .visits import Visit, is_prefetch, visit_of

# The page that starts a hand-over: it needs the browser's own cookie.
StartPage = Callable[[Visit, str], web.Response]


class Entrance:
    """The login page. `start` shows where a hand-over begins; `website_of_host` names the website login's app."""

    def __init__(
        self,
        login: Login,
        pages: Pages,
        links: Links,
        origin_of: Callable[[str], str],
        website_of_host: Callable[[str], str | None],
        start: StartPage,
        metrics: Metrics,
    ) -> None:
        self._login = login
        self._pages = pages
        self._links = links
        self._origin_of = origin_of
        self._website_of_host = website_of_host
        self._start = start
        self._metrics = metrics

    async def get(self, request: web.Request) -> web.Response:
        """302 to WeChat, or a page. A guessing browser starts nothing."""
        if is_prefetch(request):
            raise Halt(PREFETCH)
        visit = visit_of(request)
        return_to = self._links.return_to(request.query.getall("return_to", []))
        outside = self._login.elsewhere(visit)
        if outside is None or (outside is not Outside.REFUSE and request.query.get("wechat") == "1"):
            return self._login.depart(visit, return_to).answer()
        if outside is Outside.WEBSITE:
            return self._login.depart(visit, return_to, app=self._website_of_host(visit.host)).answer()
        self._metrics.dance(self._login.app(visit), "outside_shown")
        if outside is Outside.REFUSE:
            raise Halt(OUTSIDE_WECHAT)
        on_phone = client_of(visit.user_agent) is Client.OTHER_PHONE  # which cannot scan its own screen
        if outside is Outside.HANDOVER and not on_phone and not self._links.is_approval(return_to):
            return self._start(visit, return_to)
        return self._address(visit, return_to, on_phone)

    def _address(self, visit: Visit, return_to: str, on_phone: bool) -> web.Response:
        """The page first asked for, as a code and as text, to be opened in WeChat."""
        address = fitting(self._origin_of(visit.host), return_to)
        return self._pages.page(
            visit,
            "outside.html",
            url=address,
            code=qr_svg(address),
            on_phone=on_phone,
            anyway=self._links.login(return_to) + "&wechat=1",
        )
