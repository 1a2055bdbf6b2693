"""What every answer of ours carries, and what becomes of a request that fails."""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.core.errors import GatewayError

from . import notices
from .notices import Halt
from .pages import Pages
from .visits import visit_of

STORE_RETRY = 5  # seconds

# Chromium holds form-action against every redirect behind a form, and the page that a bind returns to is the legacy
# system's: it may well redirect to another host of theirs, or to WeChat. So any https host, but no other scheme.
_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; script-src 'self'; connect-src 'self'; "
    "form-action 'self' {forms}; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
_HSTS = "max-age=31536000"
_NOTICES = {
    400: notices.BAD_REQUEST,
    404: notices.NOT_FOUND,
    405: notices.METHOD_NOT_ALLOWED,
    413: notices.BODY_TOO_LARGE,
    421: notices.MISDIRECTED,
    503: notices.UNAVAILABLE,
}

log = logging.getLogger(__name__)


def protect(secure: bool) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """A signal handler that adds the protecting headers. Uncached and per visitor, unless the page said otherwise."""

    policy = _CSP.format(forms="https:" if secure else "https: http:")

    async def on_prepare(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers.update(_HEADERS)
        headers.setdefault("Content-Security-Policy", policy)
        if secure:
            headers["Strict-Transport-Security"] = _HSTS
        if hdrs.CACHE_CONTROL not in headers:
            headers[hdrs.CACHE_CONTROL] = "no-store"
            headers[hdrs.PRAGMA] = "no-cache"
            headers[hdrs.VARY] = "Cookie, Accept, Accept-Language, User-Agent"
        headers.popall(hdrs.SERVER, None)

    return on_prepare


def failures(pages: Pages) -> Middleware:
    """A middleware that turns whatever a handler raises into a notice with constant text."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Halt as halt:
            return pages.notice(visit_of(request), halt.notice, action=halt.action, retry_after=halt.retry_after)
        except GatewayError as error:
            log.warning("request %s: %s", request.headers.get("X-Request-Id", "-"), error.reason)
            return _answer(pages, request, error.status)
        except web.HTTPException as error:
            response = _answer(pages, request, error.status)
            if hdrs.ALLOW in error.headers:
                response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
            return response
        except Exception:
            log.exception("request %s failed", request.headers.get("X-Request-Id", "-"))
            return _answer(pages, request, 500)

    return middleware


def _answer(pages: Pages, request: web.Request, status: int) -> web.Response:
    notice = _NOTICES.get(status, notices.INTERNAL_ERROR)
    return pages.notice(visit_of(request), notice, retry_after=STORE_RETRY if notice.status == 503 else None)
