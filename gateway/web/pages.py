"""Everything that a person sees: templates filled in, in the visitor's language."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
from aiohttp import hdrs, web
from markupsafe import Markup

from .links import Link
from .notices import Notice
from .parts import Brand
from .texts import CATALOGS
from .visits import Visit

FOLDER = Path(__file__).parent / "templates"


class Pages:
    """Renders pages and their JSON twins. `assets` maps a static file's name to its address."""

    def __init__(self, prefix: str, brand: Brand, assets: Mapping[str, str]) -> None:
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(FOLDER),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.globals.update(prefix=prefix, brand=brand, assets=assets)
        environment.filters["masked"] = masked
        self._templates = {name: environment.get_template(name) for name in environment.list_templates(["html"])}
        self._privacy_url = brand.privacy_url

    def page(self, visit: Visit, template: str, status: int = 200, **values: Any) -> web.Response:
        """One template as a page."""
        texts = CATALOGS[visit.language]
        body = self._templates[template].render(
            t=texts, lang=visit.language, request_id=visit.request_id, consent=self._consent(texts), **values
        )
        response = web.Response(text=body, status=status, content_type="text/html", charset="utf-8")
        response.headers[hdrs.CONTENT_LANGUAGE] = visit.language
        return response

    def notice(
        self, visit: Visit, notice: Notice, *, action: Link | None = None, retry_after: int | None = None
    ) -> web.Response:
        """A whole-page notice with at most one button; for programs, its word as JSON."""
        if visit.wants_json and notice.status >= 400:
            fields: dict[str, Any] = {"error": notice.word, "request_id": visit.request_id}
            if notice.word == "login_required" and action:
                fields["login_url"] = action.url
            if retry_after is not None:
                fields["retry_after"] = retry_after
            response = web.json_response(fields, status=notice.status)
        else:
            response = self.page(visit, "notice.html", notice.status, notice=notice, action=action)
        if retry_after is not None:
            response.headers[hdrs.RETRY_AFTER] = str(retry_after)
        return response

    def _consent(self, texts: Mapping[str, str]) -> Markup:
        """What the box on the bind page says."""
        if not self._privacy_url:
            return Markup.escape(texts["bind.consent"])
        link = Markup('<a href="{}">{}</a>').format(self._privacy_url, texts["bind.privacy"])
        return Markup.escape(texts["bind.consent.privacy"]).format(link=link)


def redirect(status: int, location: str) -> web.Response:
    """A redirect without a body: WeChat shows one for a moment."""
    return web.Response(status=status, headers={hdrs.LOCATION: location})


def masked(user_id: str) -> str:
    """Enough of a user id for its owner to recognise it."""
    shown = 2 if len(user_id) >= 6 else 1 if len(user_id) >= 3 else 0
    return user_id[:shown] + "•••" + (user_id[-shown:] if shown else "")
