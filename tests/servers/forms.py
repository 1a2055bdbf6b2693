"""Login forms as legacy systems have them: Django, Laravel, classic PHP, Spring Security, ASP.NET, JSON."""

import html
import secrets
from collections.abc import Awaitable, Callable
from urllib.parse import quote, unquote

from aiohttp import web

PASSWORD = "canary-Pässword 密码&=+"
USERS = {"zhang": "42", "李雷": "43", 'o"<b>': "44"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def page(body: str, **options: object) -> web.Response:
    """A page of HTML."""
    text = f"<!doctype html><html><head><title><form></title></head><body>{body}</body></html>"
    return web.Response(text=text, content_type="text/html", **options)  # type: ignore[arg-type]


def seen(location: str, status: int = 302) -> web.Response:
    """A redirect."""
    return web.Response(status=status, headers={"Location": location})


class Forms:
    """All of them, each below a path of its own. `sessions` are those that are logged in; `asked` what was asked."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}
        self.tokens: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.posts: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.override: Handler | None = None
        self.app = web.Application(client_max_size=1 << 20)
        for style in ("django", "laravel", "php", "spring", "asp", "api"):
            self.app.router.add_get(f"/{style}/login", self._outer(getattr(self, f"{style}_page")))
            self.app.router.add_post(f"/{style}/login", self._outer(getattr(self, f"{style}_post")))
        self.app.router.add_get("/home", self._outer(self.home))
        self.app.router.add_get("/me.json", self._outer(self.me))
        self.app.router.add_route("*", "/logout", self._outer(self.logout))
        self.app.router.add_get("/loop", self._outer(self.loop))

    def _outer(self, handler: Handler) -> Handler:
        async def outer(request: web.Request) -> web.StreamResponse:
            self.asked.append((request.method, request.path_qs))
            self.headers.append(dict(request.headers))
            if self.override is not None and request.method == "POST":
                return await self.override(request)
            return await handler(request)

        return outer

    def _token(self) -> str:
        token = secrets.token_urlsafe(16) + "=="
        self.tokens.add(token)
        return token

    async def _posted(self, request: web.Request, name: str, password: str) -> tuple[str | None, dict[str, str]]:
        posted = {key: str(value) for key, value in (await request.post()).items()}
        self.posts.append(posted)
        right = posted.get(name, "") in USERS and posted.get(password) == PASSWORD
        return (posted[name] if right else None), posted

    def _log_in(self, response: web.Response, name: str, cookie: str = "sessionid") -> web.Response:
        sid = secrets.token_hex(8)
        self.sessions[sid] = name
        response.set_cookie(cookie, sid, httponly=True)
        return response

    def _who(self, request: web.Request) -> str | None:
        found = (self.sessions.get(request.cookies.get(name, "")) for name in ("sessionid", "PHPSESSID", "JSESSIONID"))
        return next((name for name in found if name), None)

    # Django: a hidden token that must equal a cookie's, 302 or the form again with 200; a referrer of its own.
    async def django_page(self, request: web.Request) -> web.Response:
        token = self._token()
        response = page(
            '<form action="/search" method=get><input type=hidden name=q value=1></form>'
            f'<form method="post"><input type="hidden" name="csrfmiddlewaretoken" value="{token}">'
            '<input name="username"><input type="password" name="password"></form>'
        )
        response.set_cookie("csrftoken", token)
        return response

    async def django_post(self, request: web.Request) -> web.Response:
        name, posted = await self._posted(request, "username", "password")
        token = posted.get("csrfmiddlewaretoken")
        origin = f"http://{request.host}"
        if token not in self.tokens or request.cookies.get("csrftoken") != token:
            return page("Forbidden: CSRF", status=403)
        if request.headers.get("Origin") != origin or not request.headers.get("Referer", "").startswith(f"{origin}/"):
            return page("Forbidden: origin", status=403)
        if name is None:
            return page('<ul class="errorlist"><li>Please enter a correct username and password.</li></ul>')
        return self._log_in(seen("/home"), name)

    # Laravel: the token in a cookie, percent-encoded, wanted in a header; 302 both ways.
    async def laravel_page(self, request: web.Request) -> web.Response:
        response = page('<div id="app"></div>')
        response.headers.add("Set-Cookie", f"XSRF-TOKEN={quote(self._token(), '')}; path=/; samesite=lax")
        response.headers.add("Set-Cookie", "gone=; expires=Thu, 01 Jan 1970 00:00:00 GMT")
        response.headers.add("Set-Cookie", "old=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; Max-Age=0")
        return response

    async def laravel_post(self, request: web.Request) -> web.Response:
        name, _ = await self._posted(request, "email", "password")
        token = request.headers.get("X-XSRF-TOKEN", "")
        if token not in self.tokens or unquote(request.cookies.get("XSRF-TOKEN", "")) != token:
            return page("Page Expired", status=419)
        return seen(f"http://{request.host}/laravel/login") if name is None else self._log_in(seen("/home"), name)

    # Classic PHP in GBK: a session cookie before the login, relative action, 302 both ways, told apart by the page.
    async def php_page(self, request: web.Request) -> web.StreamResponse:
        text = "<form name=f action='login?do=1&amp;x=2' method=POST><input name=user>"
        text += "<input name=pass type=password></form>"
        text += "密码错误" if "error" in request.query else ""
        response = web.Response(body=text.encode("gbk"), headers={"Content-Type": "text/html; charset=gbk"})
        response.set_cookie("PHPSESSID", secrets.token_hex(8))
        return response

    async def php_post(self, request: web.Request) -> web.Response:
        body = (await request.read()).decode("ascii")
        posted = {key: unquote(value.replace("+", " "), encoding="gbk") for key, value in _pairs(body)}
        self.posts.append(posted)
        name = posted["user"]
        if name not in USERS or html.unescape(posted["pass"]) != PASSWORD or request.query.get("x") != "2":
            return seen("login?error")
        self.sessions[request.cookies["PHPSESSID"]] = name
        return seen("../home", 303)

    # Spring Security: /login?error or the start page.
    async def spring_page(self, request: web.Request) -> web.Response:
        return page(
            f'<form class="form-signin" id="login" method="POST" action="/spring/login"><input name="_csrf" '
            f'type="hidden" value="{self._token()}"/><input type="text" name="username"/><input type="password" '
            'name="password"/></form><form id="other" method="post"><input name="password"></form>'
        )

    async def spring_post(self, request: web.Request) -> web.Response:
        name, posted = await self._posted(request, "username", "password")
        if posted.get("_csrf") not in self.tokens:
            return page("Forbidden", status=403)
        return seen("/spring/login?error") if name is None else self._log_in(seen("/"), name, "JSESSIONID")

    # ASP.NET: big state fields, the button's name, always 200.
    async def asp_page(self, request: web.Request) -> web.Response:
        state = self._token() + "A" * 50_000
        self.tokens.add(state)
        return page(
            '<form method="post" action="./login" id="ctl00">'
            f'<input type="hidden" name="__VIEWSTATE" value="{state}" />'
            '<input type="hidden" name="__EVENTVALIDATION" value="&quot;&lt;x&gt;&amp;" />'
            '<input name="ctl00$user"><input type="password" name="ctl00$pass">'
            '<input type="submit" name="ctl00$go" value="登录"></form>'
        )

    async def asp_post(self, request: web.Request) -> web.Response:
        name, posted = await self._posted(request, "ctl00$user", "ctl00$pass")
        whole = posted.get("__VIEWSTATE") in self.tokens and posted.get("__EVENTVALIDATION") == '"<x>&'
        if not whole or posted.get("ctl00$go") != "登录":
            return page("Validation of viewstate MAC failed")
        if name is None:
            return page('<span class="error">用户名或密码不正确</span>')
        return self._log_in(page('<a href="/logout">退出登录</a>'), name)

    # A script's JSON interface.
    async def api_page(self, request: web.Request) -> web.Response:
        return page("<script>document.write('<form>')</script>")

    async def api_post(self, request: web.Request) -> web.Response:
        posted = await request.json()
        self.posts.append(posted)
        if posted.get("account") not in USERS or posted.get("secret") != PASSWORD:
            return web.json_response({"error": "bad"}, status=401)
        return self._log_in(web.json_response({"user": {"id": 7}}), posted["account"])

    async def home(self, request: web.Request) -> web.Response:
        if (name := self._who(request)) is None:
            return seen("/php/login")
        shown = name.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
        return page(f'<b data-user="{USERS[name]}">{shown}</b><i data-user="{USERS[name]}"></i><a>Logout</a>')

    async def me(self, request: web.Request) -> web.Response:
        if (name := self._who(request)) is None:
            return web.json_response({}, status=401)
        return web.json_response({"user": {"id": int(USERS[name]), "name": name, "roles": ["clerk"]}})

    async def logout(self, request: web.Request) -> web.Response:
        for cookie in request.cookies.values():
            self.sessions.pop(cookie, None)
        return seen("/php/login")

    async def loop(self, request: web.Request) -> web.Response:
        return seen("/loop")


def _pairs(body: str) -> list[tuple[str, str]]:
    return [(key, value) for key, _, value in (pair.partition("=") for pair in body.split("&"))]
