"""Sends a browser to WeChat. The only place among the pages where attempts start."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from gateway.core.outside import Outside, may_be_wechat
from gateway.telemetry.metrics import Metrics
from gateway.wechat.dance import Dance
from gateway.wechat.interface import Provider

from .links import Links
from .notices import MISDIRECTED, Halt
from .pages import redirect
from .visits import Visit


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
    """Starts attempts, for the login page and for callbacks that must dance again.

    `outside` says by app what browsers get that are not WeChat's.
    """

    def __init__(
        self,
        dance: Dance,
        providers: Mapping[str, Provider],
        app_of_host: Callable[[str], str | None],
        origin_of: Callable[[str], str],
        links: Links,
        outside: Mapping[str, Outside],
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._dance = dance
        self._providers = providers
        self._app_of_host = app_of_host
        self._origin_of = origin_of
        self._links = links
        self._outside = outside
        self._metrics = metrics
        self._clock = clock

    def app(self, visit: Visit) -> str:
        """The WeChat app of this Host. Halts with 421 if there is none."""
        app = self._app_of_host(visit.host)
        if app is None or app not in self._providers:
            raise Halt(MISDIRECTED)
        return app

    def elsewhere(self, visit: Visit) -> Outside | None:
        """What this browser gets, which WeChat would turn away; None: it may go to WeChat. Halts with 421."""
        outside = self._outside.get(self.app(visit), Outside.QR)
        return None if outside is Outside.WECHAT or may_be_wechat(visit.user_agent) else outside

    def depart(self, visit: Visit, return_to: str, restarts: int = 0, app: str | None = None) -> Departure:
        """A new attempt in this browser, after `restarts` that failed, by this Host's app or by `app`."""
        app = app or self.app(visit)
        started = self._dance.start(app, return_to, visit.jar, int(self._clock()), restarts)
        self._metrics.dance(app, "redirect_sent")
        if restarts:
            self._metrics.dance(app, "restarted")
        callback = self._origin_of(visit.host) + self._links.prefix + "/callback"
        return Departure(self._providers[app].authorize_url(callback, started.state), started.set_cookies)
