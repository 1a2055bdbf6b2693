"""Everything that a person sees: templates filled in, in the visitor's language."""

import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web
from markupsafe import Markup

from .catalogs import with_overrides
from .links import Link
from .look import Look
from .notices import Notice
from .parts import Brand
from .templating import OURS, environment
from .templating import masked as masked  # by its own name for those who import it from here
from .visits import Visit

log = logging.getLogger(__name__)


class Pages:
    """Renders pages and their JSON twins. `assets` maps a static file's name to its address."""

    def __init__(self, prefix: str, brand: Brand, assets: Mapping[str, str], look: Look) -> None:
        pictures = {name.rpartition(".")[0]: assets[name] for name, _ in look.files() if not name.endswith(".css")}
        own = environment(look.templates)
        own.globals.update(
            prefix=prefix,
            brand=brand,
            assets=assets,
            logo=pictures.get("logo", ""),
            logo_dark=pictures.get("logo_dark", ""),
        )
        self._templates = {name: own.get_template(name) for name in own.list_templates(["html"])}
        self._spare = {name.removeprefix(OURS): self._templates[name] for name in self._templates if OURS in name}
        self._catalogs = with_overrides(look.texts)
        self._care = look.care
        self._privacy_url = brand.privacy_url

    def page(self, visit: Visit, template: str, status: int = 200, **values: Any) -> web.Response:
        """One template as a page. A template that a GET shows again says where, as `address`."""
        texts = self._catalogs[visit.language]
        given = {
            "t": texts,
            "lang": visit.language,
            "request_id": visit.request_id,
            "consent": self._consent(texts),
            "care": self._care if visit.care is None else visit.care,
            "address": "",
            **values,
        }
        try:
            body = self._templates[template].render(given)
        except Exception:  # an operator's template, for ours are tested with all that they are given
            log.exception("template %s failed: ours is shown instead", template)
            body = self._spare[template].render(given)
        response = web.Response(text=body, status=status, content_type="text/html", charset="utf-8")
        response.headers[hdrs.CONTENT_LANGUAGE] = visit.language
        return response

    def text(self, visit: Visit, key: str) -> str:
        """One text in the visitor's language."""
        return self._catalogs[visit.language][key]

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
