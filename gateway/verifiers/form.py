"""Passwords that the legacy system's own login form checks: for systems that nobody can change.

Both what success and what failure look like is stated; an answer that looks like neither, or both, is an outage.
"""

import asyncio
import json
import logging
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlencode

import aiohttp

from .calls import OnCall, measured, unheard
from .form_page import Selector, find_form
from .form_profile import Profile, user_of
from .form_visit import Answer, Visit, VisitError
from .interface import User, VerifierOutage
from .names import folded
from .posting import words_of
from .user_id import checked_user_id

MAX_CONNECTIONS = 20  # at once; more wait within their timeout
LOGOUT_TIMEOUT = 2.0  # seconds

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Signs:
    """What an answer looks like; all that is set must hold.

    `status`, `location` (a pattern found in it) and `cookie` (a name that is set) are of the answer to the POST itself,
    the texts of the page that it leads to within the origin.
    """

    status: frozenset[int] = frozenset()
    location: re.Pattern[str] | None = None
    cookie: str = ""
    text: str = ""
    without_text: str = ""

    @property
    def need_page(self) -> bool:
        """Whether redirects must be followed."""
        return bool(self.text or self.without_text)

    def seen(self, answer: Answer, page: Answer) -> bool:
        """Whether the answer and the page behind it look so."""
        return (
            (not self.status or answer.status in self.status)
            and (self.location is None or self.location.search(answer.location) is not None)
            and (not self.cookie or self.cookie in answer.cookies)
            and (not self.need_page or page.status in (200, 400, 401, 403, 422))
            and self.text in page.text
            and (not self.without_text or self.without_text not in page.text)
        )


@dataclass(frozen=True, slots=True)
class LoginForm:
    """The form, and how it is filled in. `post_url`: where the answers go if the page has no form in its HTML.

    `token_cookie`'s value goes into `token_header` and `token_field`, as scripts of such pages do. Without a `profile`
    the user id is the name as typed, in lower case if `lower`.
    """

    url: str
    selector: Selector
    username_field: str
    password_field: str
    success: Signs
    failure: Signs
    fields: Mapping[str, str] = field(default_factory=dict)
    post_url: str = ""
    json: bool = False
    charset: str = "utf-8"
    host: str = ""
    server_name: str = ""
    token_cookie: str = ""
    token_header: str = ""
    token_field: str = ""
    lower: bool = False
    profile: Profile | None = None
    logout_url: str = ""
    logout_post: bool = False


class FormPasswordVerifier:
    """A PasswordVerifier that logs in, looks who that is, and logs out again, within `timeout` seconds.

    `on_call` hears of every question.
    """

    def __init__(
        self,
        form: LoginForm,
        timeout: float = 10.0,
        *,
        tls: ssl.SSLContext | None = None,
        on_call: OnCall = unheard,
    ) -> None:
        self._form = form
        self._timeout = timeout
        self._tls = tls
        self._on_call = on_call
        self._session: aiohttp.ClientSession | None = None

    def canonical(self, username: str) -> str:
        """Folded, as nobody knows what names the system takes for one."""
        return folded(username)

    async def verify(self, username: str, password: str) -> User | None:
        """The user who is logged in by this name and password."""
        with measured(self._on_call, "password") as call:
            try:
                user = await self._ask(username, password)
                call.outcome = "no" if user is None else "ok"
                return user
            except (aiohttp.ClientError, OSError, VisitError, ValueError) as error:  # a TimeoutError is an OSError
                log.warning("form: %s", _words(error))
                raise VerifierOutage(f"form: {_words(error)}") from None

    async def close(self) -> None:
        """Release connections; idempotent."""
        if self._session is not None:
            await self._session.close()

    async def trouble(self) -> str | None:
        """Why nobody could log in now, None if the form is where it should be."""
        try:
            async with asyncio.timeout(self._timeout):
                await self._filled(self._visit(), "", "")
        except (aiohttp.ClientError, OSError, VisitError, ValueError) as error:
            return _words(error)
        return None

    def _visit(self) -> Visit:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=MAX_CONNECTIONS, force_close=True, ssl=self._tls or True),
                cookie_jar=aiohttp.DummyCookieJar(),  # each visit has its own
                auto_decompress=False,
                trust_env=False,
            )
        form = self._form
        return Visit(self._session, form.url, host=form.host, server_name=form.server_name, charset=form.charset)

    async def _ask(self, username: str, password: str) -> User | None:
        form = self._form
        name = username.lower() if form.lower else username
        if not password or not _is_possible(name, named_by_it=form.profile is None):
            return None
        try:
            password.encode()
        except UnicodeEncodeError:
            return None
        visit = self._visit()
        perhaps_in = False
        try:
            async with asyncio.timeout(self._timeout):
                filled = await self._filled(visit, name, password)
                perhaps_in = True
                answer = page = await visit.post(*filled)
                if form.success.need_page or form.failure.need_page or (form.profile and not form.profile.url):
                    page = await visit.followed(answer)
                perhaps_in = self._is_success(answer, page)
                if not perhaps_in:
                    return None
                if form.profile is None:
                    return User(checked_user_id(name))
                return user_of(await visit.get(form.profile.url) if form.profile.url else page, form.profile)
        finally:
            if perhaps_in:
                await self._log_out(visit)

    async def _filled(self, visit: Visit, username: str, password: str) -> tuple[str, bytes, dict[str, str]]:
        """Where to post what, with which fields: the form as it is now, filled in."""
        form = self._form
        page = await visit.get(form.url)
        if page.status != 200 and not form.post_url:
            raise VisitError(f"the login page has status {page.status}")
        found = find_form(page.text, form.selector)
        if found is None and not form.post_url:
            raise VisitError("the login page does not have the form")
        if found is not None and found.method != "post" and not form.post_url:
            raise VisitError("the form is not posted: the password would stand in the URL")
        target = visit.within(page.url, form.post_url or (found.action if found else "") or page.url)
        if target is None:
            raise VisitError("the form is posted to another origin")
        own = {**form.fields, form.username_field: username, form.password_field: password}
        headers = {"Referer": page.url}
        if form.token_cookie:
            if not (token := unquote(visit.cookies.get(form.token_cookie, ""))):
                raise VisitError(f"the login page does not set the cookie {form.token_cookie}")
            if form.token_header:
                headers[form.token_header] = token
            if form.token_field:
                own[form.token_field] = token
        pairs = [(name, value) for name, value in (found.hidden if found else ()) if name not in own] + [*own.items()]
        if form.json:
            return target, json.dumps(dict(pairs)).encode(), headers | {"Content-Type": "application/json"}
        # Letters that the encoding does not have are sent as browsers do (WHATWG URL 5.2).
        body = urlencode(pairs, encoding=form.charset, errors="xmlcharrefreplace").encode()
        return target, body, headers | {"Content-Type": "application/x-www-form-urlencoded"}

    def _is_success(self, answer: Answer, page: Answer) -> bool:
        success, failure = self._form.success.seen(answer, page), self._form.failure.seen(answer, page)
        if success == failure:
            which = "both success and failure" if success else "neither success nor failure"
            raise VisitError(f"an answer with status {answer.status} looks like {which}")
        return success

    async def _log_out(self, visit: Visit) -> None:
        """Leave no session behind. That this fails changes nothing about who it was."""
        form = self._form
        if not form.logout_url or not visit.cookies:
            return
        try:
            async with asyncio.timeout(LOGOUT_TIMEOUT):
                if not form.logout_post:
                    await visit.get(form.logout_url)
                    return
                token = unquote(visit.cookies.get(form.token_cookie, ""))
                headers = {form.token_header: token} if form.token_header and token else {}
                pairs = {form.token_field: token} if form.token_field and token else {}
                headers |= {"Content-Type": "application/x-www-form-urlencoded", "Referer": form.url}
                await visit.post(form.logout_url, urlencode(pairs).encode(), headers)
        except (aiohttp.ClientError, OSError, VisitError, ValueError) as error:
            log.warning("form: no logout: %s", _words(error))


def _is_possible(name: str, *, named_by_it: bool) -> bool:
    """Whether it is a name at all, and one that can be a user id if it is to be one."""
    if not name or not name.isprintable():  # invisible characters would make two ids of one account
        return False
    try:
        return not named_by_it or bool(checked_user_id(name))
    except ValueError:
        return False


def _words(error: Exception) -> str:
    """What went wrong, without what the system wrote."""
    return str(error) if isinstance(error, VisitError) else words_of(error)
