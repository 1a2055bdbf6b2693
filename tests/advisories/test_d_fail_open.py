"""Class D: what could not be decided was let through."""

import sqlite3

import pytest

from gateway.config import load
from gateway.config.problems import ConfigurationError
from tests.service.conftest import House

from .asking import ask, cookie, forwarded, own_host, refused, request

JUNK = [
    "gateway_session=",
    "gateway_session",
    'gateway_session="',
    "gateway_session=%00",
    "=;;=",
    "\xff\xfe=\x80",
    "a" * 9000,
]


async def test_CVE_2026_25748_a_malformed_cookie_is_no_session(house: House) -> None:
    """authentik answered 200 without identity headers to a malformed cookie; here it is as if there were none."""
    for junk in JUNK:
        await refused(house, request("/orders", f"Cookie: {junk}"), 401)
    for junk in JUNK:
        seen = await forwarded(house, request("/optional/x", f"Cookie: {junk}"))
        assert seen.all("x-user") == []


async def test_authentik_18063_a_session_that_cannot_be_looked_up_is_a_503(house: House) -> None:
    """authentik let the request pass when the session failed to load; an outage is a 503, and no logout either."""
    browser = await house.signed_in()
    with sqlite3.connect(house.folder / "bindings.db") as database:
        database.execute("ALTER TABLE bindings RENAME TO away")
    answer = await refused(house, request("/orders", cookie(browser), host=own_host(house)), 503)
    assert answer.get("retry-after")
    assert answer.all("set-cookie") == []
    with sqlite3.connect(house.folder / "bindings.db") as database:
        database.execute("ALTER TABLE away RENAME TO bindings")
    assert (await ask(house, request("/orders", cookie(browser), host=own_host(house)))).status == 200


async def test_CVE_2022_29226_the_presence_of_a_token_proves_nothing(house: House) -> None:
    """Envoy's OAuth filter took any access token for a valid one; only what we sealed ourselves is a session."""
    for fields in [
        ("Authorization: Bearer eyJhbGciOiJub25lIn0.e30.",),
        ("X-User: eyJhbGciOiJub25lIn0.e30.",),
        ("Cookie: gateway_session=eyJhbGciOiJub25lIn0.e30.",),
        ("Cookie: BearerToken=x; OauthHMAC=y; OauthExpires=9999999999",),
    ]:
        await refused(house, request("/orders", *fields), 401)


async def test_GHSA_5hvv_m4w4_gf6v_a_health_checkers_name_opens_nothing(house: House) -> None:
    """oauth2-proxy answered 200 on any path to a health checker's User-Agent; probes have a listener of their own."""
    for agent in ["GoogleHC/1.0", "kube-probe/1.29", "ELB-HealthChecker/2.0", "Prometheus/2.53"]:
        for target in ("/orders", "/healthz", "/readyz", "/ping", "/_gateway/healthz"):
            answer = await ask(house, request(target, f"User-Agent: {agent}"))
            assert answer.status in (401, 404)
        assert house.upstream.seen == []


async def test_CVE_2026_27586_a_file_that_is_missing_is_not_ignored(house: House) -> None:
    """Caddy trusted every CA when its file was missing; without a file that the configuration names we do not start."""
    (house.folder / "cookie.key").unlink()
    with pytest.raises(ConfigurationError):
        load(house.folder / "gateway.toml", env={})


async def test_GHSA_59jp_rwph_878r_nothing_of_the_backend_is_behind_a_login_page(house: House) -> None:
    """mod_auth_openidc appended the protected page to its own login form; our pages are made without asking anybody."""
    for method in ["GET", "HEAD", "POST"]:
        person = ("Accept: text/html", "Sec-Fetch-Mode: navigate")
        body = ("Content-Length: 0",) if method == "POST" else ()
        data = request("/spa/inbox", *person, *body, method=method, host=own_host(house))
        answer = await refused(house, data, 200, 302, 401, method=method)
        assert b"claims" not in answer.body
