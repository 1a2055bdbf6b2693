"""GET /privacy: the notice to which the box on the bind page refers (PIPL, articles 15 and 17)."""

from aiohttp import web

from .notices import NOT_FOUND, Halt
from .pages import Pages
from .parts import PrivacyNotice
from .visits import visit_of


class Privacy:
    """Shows the configured notice; without one there is no such page. `version` is the consent's."""

    def __init__(self, notice: PrivacyNotice | None, version: str, pages: Pages) -> None:
        self._notice = notice
        self._version = version
        self._pages = pages

    async def get(self, request: web.Request) -> web.Response:
        """The same for everybody, signed in or not."""
        visit = visit_of(request)
        if self._notice is None:
            raise Halt(NOT_FOUND)
        topics = {topic: self._notice.text(topic, visit.language) for topic in PrivacyNotice.TOPICS}
        return self._pages.page(visit, "privacy.html", notice=self._notice, topics=topics, version=self._version)
