"""GET /login: sends a browser to WeChat. The only place where attempts start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from gateway.telemetry.metrics import Metrics
from gateway.wechat.dance import Dance
from gateway.wechat.interface import Provider

from .links import Links
from .notices import MISDIRECTED, PREFETCH, Halt
from .pages import redirect
from .visits import Visit, is_prefetch, visit_of


@dataclass(frozen=True, slots=True)
class Departure:
    """Where to send the browser, and the Set-Cookie values that go along."""

    url: str = field(repr=False)
    set_cookies: tuple[str, ...] = field(repr=False)

    def answer(self) -> web.Response:
        """A redirect to WeChat."""
        return self.on(redirect(302, self.url))

    def on(self, response: web.Response) -> web.Response:
        """`response` with the cookies."""
        for line in self.set_cookies:
            response.headers.add("Set-Cookie", line)
        return response


class Login:
    """Starts attempts, for the login page and for callbacks that must dance again."""

    def __init__(
        self,
        dance: Dance,
        providers: Mapping[str, Provider],
        app_of_host: Callable[[str], str | None],
        origin_of: Callable[[str], str],
        links: Links,
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._dance = dance
        self._providers = providers
        self._app_of_host = app_of_host
        self._origin_of = origin_of
        self._links = links
        self._metrics = metrics
        self._clock = clock

    async def get(self, request: web.Request) -> web.Response:
        """302 to WeChat. A guessing browser starts nothing."""
        if is_prefetch(request):
            raise Halt(PREFETCH)
        visit = visit_of(request)
        return self.depart(visit, self._links.return_to(request.query.getall("return_to", []))).answer()

    def app(self, visit: Visit) -> str:
        """The WeChat app of this Host. Halts with 421 if there is none."""
        app = self._app_of_host(visit.host)
        if app is None or app not in self._providers:
            raise Halt(MISDIRECTED)
        return app

    def depart(self, visit: Visit, return_to: str, restarts: int = 0) -> Departure:
        """A new attempt in this browser, after `restarts` that failed."""
        app = self.app(visit)
        started = self._dance.start(app, return_to, visit.jar, int(self._clock()), restarts)
        self._metrics.dance(app, "redirect_sent")
        if restarts:
            self._metrics.dance(app, "restarted")
        callback = self._origin_of(visit.host) + self._links.prefix + "/callback"
        return Departure(self._providers[app].authorize_url(callback, started.state), started.set_cookies)
