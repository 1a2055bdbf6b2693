"""Logging in to login forms of many makes: a yes, a no, or an outage, and no session that stays behind."""

import asyncio
import logging
import re
import ssl
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from gateway.verifiers.form import FormPasswordVerifier, LoginForm, Signs
from gateway.verifiers.form_page import Selector
from gateway.verifiers.form_profile import Profile
from gateway.verifiers.form_visit import MAX_BODY
from gateway.verifiers.interface import User, VerifierOutage
from tests.servers.forms import PASSWORD, USERS, Forms, page, seen

HTML = Profile(r'data-user="([0-9]+)"', url="/home", claims={"name": "<b [^>]*>([^<]*)</b>", "none": "(nothing)"})
JSON = Profile("user.id", url="/me.json", json=True, claims={"roles": "user.roles", "none": "user.none.none"})

DJANGO = LoginForm(
    "/django/login",
    Selector("password"),
    "username",
    "password",
    success=Signs(status=frozenset({302}), cookie="sessionid"),
    failure=Signs(status=frozenset({200}), text="Please enter a correct"),
    profile=HTML,
    logout_url="/logout",
)
LARAVEL = replace(
    DJANGO,
    url="/laravel/login",
    post_url="/laravel/login",
    username_field="email",
    token_cookie="XSRF-TOKEN",
    token_header="X-XSRF-TOKEN",
    success=Signs(location=re.compile("/home$")),
    failure=Signs(location=re.compile("/login$")),
    profile=JSON,
    logout_post=True,
)
PHP = replace(
    DJANGO,
    url="/php/login",
    selector=Selector("", name="f"),
    username_field="user",
    password_field="pass",
    charset="gbk",
    success=Signs(text="Logout", without_text="密码错误"),
    failure=Signs(text="密码错误"),
    profile=replace(HTML, url=""),
)
SPRING = replace(
    DJANGO,
    url="/spring/login",
    selector=Selector("", id="login"),
    success=Signs(location=re.compile("^/$"), cookie="JSESSIONID"),
    failure=Signs(location=re.compile(r"\?error$")),
)
ASP = replace(
    DJANGO,
    url="/asp/login",
    selector=Selector("ctl00$pass"),
    username_field="ctl00$user",
    password_field="ctl00$pass",
    fields={"ctl00$go": "登录"},
    success=Signs(text="退出登录"),
    failure=Signs(text="用户名或密码不正确"),
)
API = replace(
    DJANGO,
    url="/api/login",
    post_url="/api/login",
    username_field="account",
    password_field="secret",
    json=True,
    success=Signs(status=frozenset({200})),
    failure=Signs(status=frozenset({401})),
    profile=JSON,
)
FORMS = pytest.mark.parametrize(
    "form", [DJANGO, LARAVEL, PHP, SPRING, ASP, API], ids=["django", "laravel", "php", "spring", "asp", "api"]
)


class Rig:
    """The legacy system, and a verifier for it."""

    def __init__(self) -> None:
        self.forms = Forms()
        self.server = TestServer(self.forms.app, host="127.0.0.1")
        self.calls: list[str] = []
        self._opened: list[FormPasswordVerifier] = []

    def open(self, form: LoginForm, patience: float = 5.0, **options: Any) -> FormPasswordVerifier:
        def on_call(kind: str, outcome: str, seconds: float) -> None:
            assert kind == "password"
            assert seconds >= 0
            self.calls.append(outcome)

        whole = replace(form, url=str(self.server.make_url(form.url))) if form.url.startswith("/") else form
        verifier = FormPasswordVerifier(whole, patience, on_call=on_call, **options)
        self._opened.append(verifier)
        return verifier

    async def ask(
        self, form: LoginForm, username: str = "zhang", password: str = PASSWORD, **options: Any
    ) -> User | None:
        return await self.open(form, **options).verify(username, password)

    async def outage(self, form: LoginForm, **options: Any) -> None:
        self.calls.clear()
        with pytest.raises(VerifierOutage):
            await self.ask(form, **options)
        assert self.calls == ["outage"]

    async def close(self) -> None:
        for verifier in self._opened:
            await verifier.close()
        await self.server.close()


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    await rig.server.start_server()
    yield rig
    await rig.close()


@FORMS
async def test_a_right_password_is_the_user(rig: Rig, form: LoginForm) -> None:
    """The user id and claims are of the profile; the session is ended afterwards."""
    claims = {"roles": ["clerk"]} if form.profile and form.profile.json else {"name": "zhang"}
    assert await rig.ask(form) == User("42", claims)
    assert rig.calls == ["ok"]
    assert rig.forms.sessions == {}
    assert rig.forms.asked[-1][1] in ("/logout", "/php/login")


@FORMS
async def test_a_wrong_password_is_a_no(rig: Rig, form: LoginForm) -> None:
    """And so is an unknown name; nobody is logged out, as nobody was in."""
    assert await rig.ask(form, "zhang", "wrong") is None
    assert await rig.ask(form, "nobody") is None
    assert rig.calls == ["no", "no"]
    assert not any(path == "/logout" for _, path in rig.forms.asked)


@FORMS
async def test_odd_names_arrive_as_they_are(rig: Rig, form: LoginForm) -> None:
    """Chinese in the form's own encoding, and what is syntax elsewhere."""
    for name in ("李雷", 'o"<b>'):
        user = await rig.ask(form, name)
        assert user is not None
        assert user.user_id == USERS[name]


async def test_each_visit_has_its_own_cookies(rig: Rig) -> None:
    """Nobody is taken for the one before."""
    verifier = rig.open(DJANGO)
    users = await asyncio.gather(*(verifier.verify(name, PASSWORD) for name in [*USERS, *USERS, "nobody"]))
    assert [user.user_id if user else None for user in users] == [*USERS.values(), *USERS.values(), None]


async def test_without_a_profile_the_name_is_the_user_id(rig: Rig) -> None:
    """As typed, or in lower case."""
    form = replace(DJANGO, profile=None)
    assert await rig.ask(form) == User("zhang")
    assert await rig.ask(form, "ZHANG") is None
    assert await rig.ask(replace(form, lower=True), "ZHANG") == User("zhang")


@pytest.mark.parametrize("username", ["", " zhang", "zhang ", "zha\u200bng", "zhang\n", "wx:x", "x" * 256, "\ud800"])
async def test_a_name_that_cannot_be_a_user_id_is_not_asked_about(rig: Rig, username: str) -> None:
    """Two spellings of one account would be two users."""
    assert await rig.ask(replace(DJANGO, profile=None), username) is None
    assert rig.forms.asked == []


async def test_what_cannot_be_typed_there_is_a_no(rig: Rig) -> None:
    """An empty password, or half a letter."""
    assert await rig.ask(PHP, "zhang", "") is None
    assert await rig.ask(PHP, "zhang", "\ud800") is None
    assert rig.forms.asked == []


async def test_hidden_fields_are_sent_and_others_forms_are_not(rig: Rig) -> None:
    """What was typed takes the place of hidden fields of that name."""
    await rig.ask(SPRING)
    assert set(rig.forms.posts[-1]) == {"_csrf", "username", "password"}
    await rig.ask(DJANGO)
    assert set(rig.forms.posts[-1]) == {"csrfmiddlewaretoken", "username", "password"}


async def test_a_name_of_its_own(rig: Rig) -> None:
    """A system on loopback that knows its public name only: the Host, the origin and redirects are of that name."""
    assert await rig.ask(replace(LARAVEL, host="app.example.com")) is not None
    assert {headers["Host"] for headers in rig.forms.headers} == {"app.example.com"}
    assert await rig.ask(replace(DJANGO, host="app.example.com")) is not None
    rig.forms.override = lambda request: _answer(seen("https://app.example.com/home"))
    text = replace(DJANGO, host="app.example.com", success=Signs(text="Logout"), failure=Signs(text="errorlist"))
    await rig.outage(text)
    assert ("GET", "/home") in rig.forms.asked


async def _answer(response: web.StreamResponse) -> web.StreamResponse:
    return response


@pytest.mark.parametrize(
    "response",
    [
        lambda: page("Something else"),
        lambda: page("Forbidden", status=403),
        lambda: seen("/home"),
        lambda: page("", status=429),
        lambda: page("Please enter a correct", status=500),
        lambda: page("Please enter a correct", status=503),
        lambda: page("Please enter a correct" + "x" * MAX_BODY),
        lambda: web.Response(status=302, headers={"Location": "/home", "Set-Cookie": "sessionid="}),
        lambda: web.Response(status=302, headers={"Location": "/home", "Set-Cookie": "sessionid=x; Max-Age=0"}),
    ],
)
async def test_neither_yes_nor_no_is_an_outage(rig: Rig, response: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Uncertain means closed. The log says what it was, without anything of a person."""
    rig.forms.override = lambda request: _answer(response())
    await rig.outage(DJANGO)
    assert "form: " in caplog.text
    for secret in (PASSWORD, "zhang", "sessionid"):
        assert secret not in caplog.text


async def test_what_is_both_is_an_outage(rig: Rig) -> None:
    """Signs that overlap prove nothing."""
    await rig.outage(replace(DJANGO, failure=Signs(status=frozenset({302}))))


@pytest.mark.parametrize(
    ("form", "word"),
    [
        (replace(DJANGO, url="/nowhere"), "the login page has status 404"),
        (replace(DJANGO, url="/loop"), "more than 5 redirects"),
        (replace(DJANGO, selector=Selector("pin")), "does not have the form"),
        (replace(DJANGO, selector=Selector("q")), "the password would stand in the URL"),
        (replace(DJANGO, token_cookie="other", token_field="t"), "does not set the cookie other"),
        (replace(DJANGO, profile=replace(HTML, url="/nowhere")), "the profile page has status 404"),
        (replace(DJANGO, profile=replace(HTML, user_id='data-id="([0-9]+)"')), "user_id is neither"),
        (replace(DJANGO, profile=replace(HTML, user_id="<(.)")), "several values"),
        (replace(DJANGO, profile=replace(JSON, url="/home")), "not JSON"),
        (replace(DJANGO, profile=replace(JSON, user_id="user")), "user_id is neither"),
    ],
)
async def test_what_is_not_as_configured_is_an_outage(
    rig: Rig, form: LoginForm, word: str, caplog: pytest.LogCaptureFixture
) -> None:
    """And the log says what, once; a session that may have begun is ended."""
    await rig.outage(form)
    assert word in caplog.text
    assert rig.forms.sessions == {}


@pytest.mark.parametrize(
    "location", ["http://other.example/", "//other.example/", "/\\other.example/", "javascript:x", "https://127.0.0.1/"]
)
async def test_nothing_is_asked_of_another_origin(rig: Rig, location: str) -> None:
    """Neither by redirects nor by the form's action; the password least of all."""
    rig.forms.override = lambda request: _answer(seen(location))
    await rig.outage(replace(DJANGO, success=Signs(text="Logout"), failure=Signs(text="errorlist")))
    assert [path for _, path in rig.forms.asked if path not in ("/django/login", "/logout", "/php/login")] == []

    async def elsewhere(request: web.Request) -> web.Response:
        return page(f'<form method=post action="{location}"><input name=password></form>')

    rig.forms.app = web.Application()
    rig.forms.app.router.add_route("*", "/login", elsewhere)
    server = TestServer(rig.forms.app, host="127.0.0.1")
    await server.start_server()
    await rig.outage(replace(DJANGO, url=str(server.make_url("/login"))))
    await server.close()


async def test_a_307_does_not_send_the_password_again(rig: Rig) -> None:
    """It would repeat the POST."""
    rig.forms.override = lambda request: _answer(seen("/django/login", 307))
    await rig.outage(DJANGO)
    assert [method for method, _ in rig.forms.asked].count("POST") == 1


async def test_a_slow_system_is_an_outage_in_time(rig: Rig) -> None:
    """Whichever of its answers is slow; a slow logout changes nothing."""
    never = asyncio.Event()

    async def slow(request: web.Request) -> web.Response:
        await never.wait()
        return page("")

    rig.forms.override = slow
    await rig.outage(DJANGO, patience=0.2)
    never.set()


async def test_a_logout_that_fails_changes_nothing(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """The password was right all the same."""
    assert await rig.ask(replace(DJANGO, logout_url="/loop")) is not None
    assert "no logout: more than 5 redirects" in caplog.text


async def test_a_system_that_is_gone_is_an_outage(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """In the words of the trade."""
    await rig.outage(replace(DJANGO, url=f"http://127.0.0.1:{unused_port()}/login"))
    assert "connection refused" in caplog.text


async def test_tls_is_verified(rig: Rig, authority: Any, caplog: pytest.LogCaptureFixture) -> None:
    """With an authority of one's own, and under a name of its own."""
    home = authority("home")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*home.issue("login.example"))
    server = TestServer(Forms().app, host="127.0.0.1", scheme="https")
    await server.start_server(ssl=context)
    form = replace(API, url=str(server.make_url("/api/login")), server_name="login.example")
    assert await rig.ask(form, tls=ssl.create_default_context(cafile=home.ca)) is not None
    for wrong, tls in (
        (form, ssl.create_default_context(cafile=authority("other").ca)),
        (form, None),
        (replace(form, server_name=""), ssl.create_default_context(cafile=home.ca)),
    ):
        caplog.clear()
        await rig.outage(wrong, tls=tls)
        assert "the certificate is refused" in caplog.text
    await server.close()


async def test_nothing_about_a_person_is_logged(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Neither names nor passwords, right or wrong."""
    caplog.set_level(logging.DEBUG, logger="gateway")
    await rig.ask(DJANGO)
    await rig.ask(DJANGO, password="wrong-canary")
    assert "zhang" not in caplog.text
    assert "canary" not in caplog.text


async def test_whether_the_form_is_there(rig: Rig) -> None:
    """What `gateway check --online` asks: nothing is posted."""
    assert await rig.open(DJANGO).trouble() is None
    assert (
        await rig.open(replace(DJANGO, selector=Selector("pin"))).trouble() == "the login page does not have the form"
    )
    assert [method for method, _ in rig.forms.asked] == ["GET", "GET"]
