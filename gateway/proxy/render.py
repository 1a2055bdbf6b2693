"""Answers of our own as bytes: redirects, small pages for people, JSON for programs. Constant texts only."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from html import escape
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from gateway.core.cookies import parse_cookies
from gateway.core.decision import Bind, Deny, Login
from gateway.core.head import RequestHead
from gateway.core.language import language
from gateway.core.navigation import is_navigation
from gateway.core.outside import Outside, may_be_wechat
from gateway.core.policy import Cors, Route
from gateway.core.reasons import Reason
from gateway.core.return_to import safe_return_to
from gateway.wechat.dance import Dance
from gateway.wechat.interface import Provider

from .texts import REQUEST_ID, TEXTS

STATUS_LINES = {
    status: b"HTTP/1.1 %d %b\r\n" % (status, HTTPStatus(status).phrase.encode() if status in set(HTTPStatus) else b"-")
    for status in range(200, 600)
}

# Carries location.hash through the login: what a single-page application calls its page is never sent to a server.
_FRAGMENT_SCRIPT = "var a=document.getElementById('login');location.replace(a.href+encodeURIComponent(location.hash))"
_FRAGMENT_HASH = base64.b64encode(hashlib.sha256(_FRAGMENT_SCRIPT.encode()).digest()).decode()

# As the own pages look (WeUI), without a file to load.
_STYLE = (
    "body{margin:0;background:#ededed;color:rgba(0,0,0,.9);"
    "font:17px/1.6 system-ui,-apple-system,'PingFang SC','Hiragino Sans GB','Microsoft YaHei',sans-serif}"
    "main{box-sizing:border-box;display:flex;flex-direction:column;align-items:center;max-width:480px;min-height:100vh;"
    "margin:0 auto;padding:68px 32px 24px;text-align:center}"
    "svg{width:54px;height:54px;fill:#fa5151;stroke:#ededed;stroke-width:1.8}.info{fill:#10aeff}"
    "h1{margin:40px 0 16px;font-size:22px;font-weight:500;line-height:1.4}p{margin:0;text-wrap:balance}"
    "a{box-sizing:border-box;min-width:184px;margin:auto 0 24px;padding:12px 24px;border-radius:8px;background:#07873f;"
    "color:#fff;text-decoration:none;font-weight:500;line-height:24px}"
    "small{margin-top:24px;font-size:12px;color:rgba(0,0,0,.62)}p~small{margin-top:auto}a~small{margin-top:24px}"
    "@media(prefers-color-scheme:dark){body{background:#111;color:rgba(255,255,255,.8)}svg{stroke:#111}"
    "small{color:rgba(255,255,255,.62)}}"
)
_ICON = (
    '<svg class="{}" viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="12" stroke="none"/>'
    '<path d="{}"/></svg>'
)
_WARN = _ICON.format("warn", "M12 5.5v8M12 16.5v2")
_INFO = _ICON.format("info", "M12 5.5v2M12 10.5v8")
_CALM = (401, "bind", 404, "outside_wechat", "handover_refused")  # nothing is broken
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole response of our own. `fields` are whole lines; the body is empty for HEAD by whoever sends it."""

    status: int
    body: bytes
    fields: tuple[bytes, ...]

    def encode(self, *, head_only: bool, keep_alive: bool, http11: bool = True) -> bytes:
        """The response's bytes."""
        connection = (
            b"" if keep_alive and http11 else b"Connection: keep-alive\r\n" if keep_alive else b"Connection: close\r\n"
        )
        return b"%bDate: %b\r\n%b%bContent-Length: %d\r\n\r\n%b" % (
            STATUS_LINES[self.status],
            formatdate(time.time(), usegmt=True).encode("ascii"),
            b"".join(self.fields),
            connection,
            len(self.body),
            b"" if head_only else self.body,
        )


class Renderer:
    """Renders decisions and errors for one gateway. `prefix` and `public_url` are the configuration's.

    `callback_origin` tells which origin WeChat returns a browser to, by the request's Host. `outside` says by app what
    browsers get that are not WeChat's; QR, if it does not say.
    """

    def __init__(
        self,
        *,
        prefix: str,
        public_url: str,
        callback_origin: Callable[[str], str],
        providers: Mapping[str, Provider],
        dance: Dance,
        secure: bool,
        outside: Mapping[str, Outside] | None = None,
    ) -> None:
        self._prefix = prefix
        self._public_url = public_url
        self._callback_origin = callback_origin
        self._providers = providers
        self._dance = dance
        self._outside = outside or {}
        self._hsts = (b"Strict-Transport-Security: max-age=31536000\r\n",) if secure else ()

    def error(self, status: int, reason: str, head: RequestHead | None, request_id: bytes) -> Answer:
        """An error, as a page or as JSON."""
        if head is not None and wants_page(head):
            return self._page(status, _language(head), request_id, link=None, key=reason)
        return self._json(status, {"error": reason, "request_id": request_id.decode("ascii")})

    def login(self, decision: Login, route: Route, head: RequestHead, app: str, request_id: bytes, now: int) -> Answer:
        """The way to WeChat, or a 401 that says where it begins."""
        if not decision.redirect:
            login_url = self._own_url("login", _referring_path(head, self._public_url))
            return self._unauthorized(401, "login_required", "login_url", login_url, route, head, request_id)
        return_to = safe_return_to(head.target.decode("ascii"))
        if route.policy.keep_fragment and head.method == b"GET":
            return self._keep_fragment(return_to, _language(head), request_id)
        jar = parse_cookies((head.cookie or b"").decode("latin-1"))
        started = self._dance.start(app, return_to, jar, now)
        origin = self._callback_origin(head.host)
        location = self._providers[app].authorize_url(f"{origin}{self._prefix}/callback", started.state)
        return self._redirect(location, started.set_cookies)

    def elsewhere(self, route: Route, head: RequestHead, app: str, request_id: bytes) -> Answer | None:
        """For a browser that is not WeChat's: a refusal, or the way to our page about it. None: WeChat may serve it."""
        outside = self._outside.get(app, Outside.QR)
        if outside is Outside.WECHAT or may_be_wechat(head.get("user-agent") or ""):
            return None
        if outside is Outside.REFUSE:
            return self._page(403, _language(head), request_id, link=None, key=Reason.OUTSIDE_WECHAT.value)
        if route.policy.keep_fragment and head.method == b"GET":
            return None
        return_to = safe_return_to(head.target.decode("ascii"))
        return self._redirect(f"{self._prefix}/login?return_to={quote(return_to, safe='/')}", ())

    def bind(self, decision: Bind, route: Route, head: RequestHead, request_id: bytes) -> Answer:
        """The way to the bind page, or a 403 that says where it is."""
        if decision.redirect:
            return_to = quote(safe_return_to(head.target.decode("ascii")), safe="/")
            return self._redirect(f"{self._prefix}/bind?return_to={return_to}", ())
        bind_url = self._own_url("bind", _referring_path(head, self._public_url))
        return self._unauthorized(403, "binding_required", "bind_url", bind_url, route, head, request_id)

    def deny(self, decision: Deny, route: Route, head: RequestHead, request_id: bytes) -> Answer:
        """A refusal that no login would change."""
        answer = self.error(decision.status, decision.reason.value, head, request_id)
        return Answer(answer.status, answer.body, answer.fields + _cors(route.policy.cors, head))

    # --- inside -------------------------------------------------------------------------------------

    def _own_url(self, page: str, return_to: str) -> str:
        return f"{self._public_url}{self._prefix}/{page}?return_to={quote(return_to, safe='/')}"

    def _redirect(self, location: str, set_cookies: Sequence[str]) -> Answer:
        # Never cached and never permanent: a cached redirect with an old state loops (facts on WeChat's cache).
        fields = [b"Location: %b\r\n" % location.encode("ascii"), *_NOT_CACHED, *self._hsts]
        fields += [b"Set-Cookie: %b\r\n" % cookie.encode("ascii") for cookie in set_cookies]
        return Answer(302, b"", tuple(fields))

    def _unauthorized(
        self, status: int, error: str, key: str, url: str, route: Route, head: RequestHead, request_id: bytes
    ) -> Answer:
        if wants_page(head):
            return self._page(status, _language(head), request_id, link=url, key="bind" if status == 403 else status)
        answer = self._json(status, {"error": error, key: url})
        return Answer(status, answer.body, answer.fields + _cors(route.policy.cors, head))

    def _json(self, status: int, content: dict[str, str]) -> Answer:
        fields = (b"Content-Type: application/json\r\n", *_NOT_CACHED, *_HARDENED, *self._hsts)
        return Answer(status, json.dumps(content, separators=(",", ":")).encode() + b"\n", (*fields, *_retry(status)))

    def _page(
        self, status: int, lang: str, request_id: bytes, link: str | None, key: int | str | None = None
    ) -> Answer:
        key = key or status
        texts = TEXTS[lang]
        title, text, action = texts.get(key) or texts.get(status) or texts[status // 100 * 100]
        icon = _INFO if key in _CALM else _WARN
        button = f'<a href="{escape(link)}">{action}</a>' if link is not None else ""
        return self._html(status, lang, title, f"{icon}<h1>{title}</h1><p>{text}</p>{button}", request_id, "")

    def _keep_fragment(self, return_to: str, lang: str, request_id: bytes) -> Answer:
        url = escape(f"{self._prefix}/login?return_to={quote(return_to, safe='')}")
        title, text, action = TEXTS[lang][200]
        link = f'<a id="login" href="{url}">{action}</a><script>{_FRAGMENT_SCRIPT}</script>'
        refresh = f'<noscript><meta http-equiv="refresh" content="0;url={url}"></noscript>'
        return self._html(200, lang, title, f"<h1>{title}</h1><p>{text}</p>{link}", request_id, refresh)

    def _html(self, status: int, lang: str, title: str, content: str, request_id: bytes, extra_head: str) -> Answer:
        number = f"<small>{REQUEST_ID[lang]} {request_id.decode('ascii')}</small>"
        body = (
            f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8"><title>{title}</title>'
            '<meta name="viewport" content="width=device-width,initial-scale=1,viewport-fit=cover">'
            f'<meta name="color-scheme" content="light dark"><style>{_STYLE}</style>{extra_head}</head>'
            f"<body><main>{content}{number}</main></body></html>\n"
        )
        policy = (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; script-src 'sha256-{_FRAGMENT_HASH}'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        fields = (
            b"Content-Type: text/html; charset=utf-8\r\n",
            f"Content-Security-Policy: {policy}\r\n".encode(),
            b"X-Frame-Options: DENY\r\n",
            *_NOT_CACHED,
            *_HARDENED,
            *self._hsts,
            *_retry(status),
        )
        return Answer(status, body.encode(), fields)


_NOT_CACHED = (b"Cache-Control: no-store\r\n", b"Pragma: no-cache\r\n", b"Vary: Cookie, User-Agent\r\n")
_HARDENED = (b"X-Content-Type-Options: nosniff\r\n", b"Referrer-Policy: no-referrer\r\n")


def wants_page(head: RequestHead) -> bool:
    """Whether a person looks at the answer: a navigation, or a form that a browser sends."""
    return is_navigation("GET", head.get)


def _language(head: RequestHead) -> str:
    return language(head.get("accept-language") or "")


def _retry(status: int) -> tuple[bytes, ...]:
    return (b"Retry-After: 5\r\n",) if status == 503 else ()


def _cors(cors: Cors | None, head: RequestHead) -> tuple[bytes, ...]:
    """Let the listed origins' scripts read why they were refused; without it fetch() sees a network error."""
    if cors is None:
        return ()
    origin = head.get("origin")
    if origin not in cors.origins:
        return (b"Vary: Origin\r\n",)
    return (
        b"Vary: Origin\r\n",
        b"Access-Control-Allow-Origin: %b\r\n" % origin.encode("ascii"),
        b"Access-Control-Allow-Credentials: true\r\n",
    )


def _referring_path(head: RequestHead, public_url: str) -> str:
    """The page from which a script called, if it is one of ours: where to return to after the login."""
    referer = head.get("referer")
    if referer is None or not referer.startswith(public_url + "/"):
        return "/"
    parts = urlsplit(referer)
    return safe_return_to(parts.path + (f"?{parts.query}" if parts.query else ""))
