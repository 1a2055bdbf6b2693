"""POST /care: large type and strong colours in this browser, without a session and without JavaScript."""

from collections.abc import Callable
from dataclasses import replace

from aiohttp import web

from .forms import read_form
from .guard import refuse_foreign
from .links import Links
from .notices import TYPE_CHANGED
from .pages import Pages, redirect
from .visits import CARE_COOKIE, visit_of

YEAR = 365 * 86400  # seconds


class Care:
    """Keeps the choice in a cookie that only our own pages get."""

    def __init__(self, pages: Pages, links: Links, origin_of: Callable[[str], str], secure: bool) -> None:
        self._pages = pages
        self._links = links
        self._origin_of = origin_of
        self._secure = secure

    async def post(self, request: web.Request) -> web.Response:
        """Back to the page that asked, where a GET shows it again.

        A browser that says nothing about where the form was is believed: a foreign page could change a type size.
        """
        visit = visit_of(request)
        refuse_foreign(request, self._origin_of(visit.host))
        fields = await read_form(request, {"care", "back"})
        value = "1" if fields.get("care") == "1" else "0"
        back = self._links.own_page(fields.get("back", ""))
        if visit.wants_json:
            response = web.json_response({"ok": True})
        elif back:
            response = redirect(303, back)
        else:
            response = self._pages.notice(replace(visit, jar=((CARE_COOKIE, value), *visit.jar)), TYPE_CHANGED)
        response.set_cookie(
            CARE_COOKIE,
            value,
            max_age=YEAR,
            path=self._links.prefix,
            secure=self._secure,
            httponly=True,
            samesite="Lax",
        )
        return response
