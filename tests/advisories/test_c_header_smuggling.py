"""Class C: a client's own header reached the backend as the proxy's."""

from tests.service.conftest import House

from .asking import cookie, forwarded, own_host, request

SPOOF = "spoofed.jwt.value"


async def test_CVE_2025_64484_underscore_spelling_of_identity_headers(house: House) -> None:
    """oauth2-proxy deleted X-Forwarded-User and forwarded X_Forwarded_User; we drop all that CGI folds into ours."""
    for name in ["X_User", "x_user", "X-User", "x.user", "X~User", "X_USER"]:
        seen = await forwarded(house, request("/public/x", f"{name}: {SPOOF}"))
        assert SPOOF not in str(seen.fields)


async def test_CVE_2026_39858_underscore_spelling_of_forwarding_headers(house: House) -> None:
    """Traefik sanitised X-Forwarded-Proto and let X_Forwarded_Proto pass; no alias of a forwarding header does here."""
    aliases = (
        "X_Forwarded_For",
        "X_Forwarded_Proto",
        "x_forwarded_host",
        "X.Forwarded.Uri",
        "X_Real_IP",
        "X_Request_Id",
    )
    seen = await forwarded(house, request("/public/x", *(f"{name}: evil-evil-evil" for name in aliases)))
    assert "evil" not in str(seen.fields)


async def test_GHSA_f59h_q822_g45g_underscore_spelling_of_copied_headers(house: House) -> None:
    """Caddy deleted Remote-Groups and left Remote_Groups to PHP; plain identity headers are folded like X-User."""
    browser = await house.signed_in()
    aliases = ("X_User_Name", "x-user_name", "X_USER-NAME", "X.User.Name")
    fields = (*(f"{name}: {SPOOF}" for name in aliases), cookie(browser))
    seen = await forwarded(house, request("/plain/x", *fields, host=own_host(house)))
    assert seen.get("x-user-name") == "Xiaoming"
    assert SPOOF not in str(seen.fields)


async def test_CVE_2026_30851_a_header_that_we_do_not_set_is_deleted_all_the_same(house: House) -> None:
    """Caddy replaced the client's header only if it had a value of its own; we delete first, on every route."""
    for target in ["/optional/x", "/public/x"]:
        fields = (f"X-User: {SPOOF}", f"X-User-Name: {SPOOF}")
        seen = await forwarded(house, request(target, *fields))
        assert seen.all("x-user") == []
        assert seen.all("x-user-name") == []
        browser = await house.signed_in()
        seen = await forwarded(house, request("/orders", *fields, cookie(browser), host=own_host(house)))
        assert seen.all("x-user-name") == []


async def test_CVE_2026_44087_and_49231_exactly_one_identity_header_and_it_is_ours(house: House) -> None:
    """APISIX's openid-connect and opa plugins relayed a client's identity headers; ours arrives alone."""
    for target in ["/", "/api/x", "/wechat/x", "/optional/x", "/openid/x"]:
        browser = await house.signed_in()
        fields = (f"X-User: {SPOOF}", f"x-user: {SPOOF}", f"X_User: {SPOOF}", cookie(browser))
        seen = await forwarded(house, request(target, *fields, host=own_host(house)))
        assert SPOOF not in str(seen.fields)
        assert seen.claims is not None
        assert seen.claims["sub"] == "1001"
        assert len(seen.all("x-user")) == 1


async def test_CVE_2025_48865_connection_cannot_name_what_we_set(house: House) -> None:
    """fabio set its headers and then removed what Connection named; we remove first and set afterwards."""
    for value in ["X-User", "close, X-User", "keep-alive, x-user", "X_User, X-User-Name"]:
        browser = await house.signed_in()
        fields = (f"Connection: {value}, X-Forwarded-For, X-Forwarded-Proto", cookie(browser))
        seen = await forwarded(house, request("/plain/x", *fields, host=own_host(house)))
        assert seen.claims is not None
        assert seen.get("x-user-name") == "Xiaoming"
        assert seen.get("x-forwarded-for") == "127.0.0.1"
        assert seen.get("x-forwarded-proto") == "http"
