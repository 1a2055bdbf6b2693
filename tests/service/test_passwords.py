"""A whole bind through a gateway whose passwords are checked by a directory, and by the legacy system's own form."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web

from tests.servers.forms import PASSWORD as FORM_PASSWORD
from tests.servers.forms import Forms
from tests.servers.slapd import BASE, SERVICE, SERVICE_PASSWORD, Slapd, person

from .conftest import House, Open, claims_in, ticket_in
from .raw import Answer, Browser, target_of

PASSWORD = "canary-directory-密码"


@pytest.fixture
def slapd(tmp_path: Path, authority: Callable[[str], Any]) -> Iterator[tuple[Slapd, Path]]:
    home = authority("home")
    ldif = person("li.lei", PASSWORD, "1042", "mail: li@corp.example")
    server = Slapd(tmp_path / "slapd", ldif, home.issue("127.0.0.1"))
    server.start()
    yield server, home.ca
    server.stop()


async def post(browser: Browser, page: Answer, username: str, password: str) -> Answer:
    """Fill in the bind page as it lies there."""
    form = {"ticket": ticket_in(page), "method": "password", "username": username, "password": password}
    return await browser.post("/_gateway/bind", urlencode(form | {"consent": "1"}).encode())


async def bind_page(house: House, browser: Browser) -> Answer:
    """The page, after WeChat's dance."""
    location = (await house.dance(browser, "/orders")).get("location") or ""
    return await browser.get(target_of(location, house.origin))


async def test_a_bind_by_a_directory(open_house: Open, slapd: tuple[Slapd, Path]) -> None:
    """Over StartTLS; wrong is told, an outage is told apart, and the claims travel. Nothing of it is in the log."""
    server, ca = slapd
    password = f"""
verifier = "ldap"
[bind.password.ldap]
urls = ["ldap://127.0.0.1:{server.plain}"]
start_tls = true
tls = {{ ca = "{ca}" }}
base = "{BASE}"
bind_dn = "{SERVICE}"
bind_password = "{SERVICE_PASSWORD}"
user_id = "employeeNumber"
claims = {{ name = "cn", roles = ["mail"] }}
timeout = "1s"
"""
    house = await open_house(password=password)
    browser = house.browser()
    wrong = await post(browser, await bind_page(house, browser), "li.lei", "wrong")
    assert wrong.status in (401, 403, 422), wrong.status
    server.freeze()
    away = await post(browser, wrong, "li.lei", PASSWORD)
    assert away.status == 503
    server.thaw()
    again = await post(browser, away, "li.lei", PASSWORD)
    assert again.status == 303, again.body
    claims = claims_in(await browser.get("/orders"))
    assert (claims["sub"], claims["name"], claims["roles"]) == ("1042", "li.lei", ["li@corp.example"])
    log = house.log.read_text()
    for secret in (PASSWORD, SERVICE_PASSWORD, "li.lei", "corp", "1042"):
        assert secret not in log


@pytest.fixture
async def legacy() -> AsyncIterator[tuple[Forms, int]]:
    forms = Forms()
    runner = web.AppRunner(forms.app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield forms, runner.addresses[0][1]
    await runner.cleanup()


async def test_a_bind_by_the_legacy_systems_own_form(open_house: Open, legacy: tuple[Forms, int]) -> None:
    """The person logs in there through us, and no session stays behind."""
    forms, port = legacy
    password = f"""
verifier = "form"
[bind.password.form]
url = "http://127.0.0.1:{port}/django/login"
success = {{ status = [302], location = "^/home$", cookie = "sessionid" }}
failure = {{ status = [200], text = "Please enter a correct" }}
profile = {{ format = "json", url = "/me.json", user_id = "user.id", claims = {{ roles = "user.roles" }} }}
logout_url = "/logout"
"""
    house = await open_house(password=password)
    browser = house.browser()
    wrong = await post(browser, await bind_page(house, browser), "zhang", "wrong")
    assert wrong.status in (401, 403, 422), wrong.status
    assert (await post(browser, wrong, "zhang", FORM_PASSWORD)).status == 303
    claims = claims_in(await browser.get("/orders"))
    assert (claims["sub"], claims["roles"]) == ("42", ["clerk"])
    assert forms.sessions == {}
    log = house.log.read_text()
    for secret in (FORM_PASSWORD, "zhang", "sessionid", "csrf"):
        assert secret not in log
