"""Class B: forwarding headers were believed from strangers."""

import pytest

from tests.service.conftest import House, Open

from .asking import cookie, forwarded, own_host, refused, request

TRUSTED = 'trusted_proxies = ["127.0.0.1/32"]'


@pytest.mark.parametrize("server", ["", TRUSTED])
async def test_CVE_2026_40575_no_header_says_which_path_is_meant(open_house: Open, server: str) -> None:
    """oauth2-proxy decided on X-Forwarded-Uri and forwarded the real path; we decide on the request line alone."""
    house = await open_house(server=server)
    for field in ("X-Forwarded-Uri", "X_Forwarded_Uri", "X-Original-URL", "X-Original-URI", "X-Rewrite-URL"):
        await refused(house, request("/orders", f"{field}: /public/x"), 401)


async def test_oauth2_proxy_3506_nobody_is_trusted_by_default(house: House) -> None:
    """oauth2-proxy trusts 0.0.0.0/0 unless told otherwise; without trusted_proxies even loopback is a stranger here."""
    seen = await forwarded(house, request("/public/x", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Host: evil.test"))
    assert seen.get("x-forwarded-for") == "127.0.0.1"
    assert seen.get("x-forwarded-host") == "127.0.0.1"


@pytest.mark.parametrize("server", ["", TRUSTED])
async def test_GHSA_6384_m2mw_rf54_the_forwarding_headers_that_we_do_not_set_are_dropped(
    open_house: Open, server: str
) -> None:
    """Traefik rebuilt X-Forwarded-For and forgot X-Forwarded-Prefix; none that we do not set ourselves travels on."""
    house = await open_house(server=server)
    names = ("X-Forwarded-Prefix", "X-Forwarded-Uri", "X-Forwarded-Method", "X-Forwarded-Port", "X-Forwarded-Anything")
    seen = await forwarded(house, request("/public/x", *(f"{name}: /evil" for name in names)))
    assert [pair for pair in seen.fields if "evil" in pair[1]] == []


async def test_oathkeeper_e9acca14_and_36a676e4_a_strangers_scheme_is_not_believed(house: House) -> None:
    """Oathkeeper took X-Forwarded-Proto from anybody; ours is what public_url says, in headers and in addresses."""
    seen = await forwarded(house, request("/public/x", "X-Forwarded-Proto: https"))
    assert seen.get("x-forwarded-proto") == "http"
    answer = await house.browser().get(
        "/orders", headers={"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.test"}
    )
    assert answer.status == 302
    assert "evil.test" not in (answer.get("location") or "")
    assert "redirect_uri=http%3A%2F%2F127.0.0.1" in (answer.get("location") or "")


async def test_CVE_2023_36456_a_stranger_cannot_choose_the_address_that_counts(house: House) -> None:
    """authentik's policies counted the X-Forwarded-For and X-Real-IP of the client's own making."""
    browser = await house.signed_in()
    spoofed = ("X-Forwarded-For: 6.6.6.6", "X-Real-IP: 6.6.6.6", "Forwarded: for=6.6.6.6", "X-Client-IP: 6.6.6.6")
    seen = await forwarded(house, request("/orders", *spoofed, cookie(browser), host=own_host(house)))
    assert "6.6.6.6" not in str(seen.fields)
    assert seen.get("x-forwarded-for") == "127.0.0.1"
    await house.gateway.stop()
    assert "6.6.6.6" not in house.log.read_text()
