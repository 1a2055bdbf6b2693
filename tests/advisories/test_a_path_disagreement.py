"""Class A: the path that the policy saw was not the path that the backend saw."""

from tests.service.conftest import House, claims_in

from .asking import ask, forwarded, refused, request


async def test_GHSA_7rh7_c77v_6434_a_public_path_in_the_query_opens_nothing(house: House) -> None:
    """oauth2-proxy matched its skip rules on path and query; we match on the path alone."""
    assert (await ask(house, request("/public/x"))).status == 200
    house.upstream.seen.clear()
    for target in ("/orders?x=/public/x", "/orders?/public/x", "/orders?x=1&y=/public", "/orders/?/public/"):
        await refused(house, request(target), 401)


async def test_GHSA_pxq7_h93f_9jrg_a_number_sign_is_neither_cut_nor_skipped(house: House) -> None:
    """oauth2-proxy matched "#" and "%23" as part of the path, its backend did not; we refuse or match both readings."""
    await refused(house, request("/orders#/public/x"), 400)
    await refused(house, request("/public/x#/../../orders"), 400)
    for target in ("/orders%23/public/x", "/orders%3F/public/x", "/public%23/../orders", "/orders/%23/../public/x"):
        await refused(house, request(target), 400, 401)


async def test_oathkeeper_8e000214_dot_segments_are_refused_not_cleaned(house: House) -> None:
    """Oathkeeper matched a path that its proxy cleaned differently; we repair nothing, a dot segment is a 400."""
    for target in ["/public/../orders", "/public/./../orders", "/./orders", "/public/.", "/public/.."]:
        await refused(house, request(target), 400)


async def test_CVE_2026_42274_encoded_dot_segments_are_refused(house: House) -> None:
    """heimdall matched the encoded path and handed it to a backend that resolves it; no spelling of ".." passes."""
    for target in ["/public/../orders", "/public/%2e%2e/orders", "/public/%2e%2e%2forders", "/public/.%2E/orders"]:
        await refused(house, request(target), 400)


async def test_CVE_2026_42274_the_token_names_the_route_that_was_matched(house: House) -> None:
    """heimdall's advice: a backend can compare the matched rule with its own idea of the path; ours is in the token."""
    browser = await house.signed_in()
    assert claims_in(await browser.get("/api/x"))["route"] == "api"
    assert claims_in(await browser.get("/apix"))["route"] == "app"


async def test_CVE_2026_26205_a_leading_double_slash_is_no_authority(house: House) -> None:
    """opa-envoy-plugin read "//admin" as a host without a path; we refuse what could be read so."""
    for target in ["//admin", "//admin/x", "///admin", "//public/x", "/\\admin", "/%2Fadmin/x"]:
        await refused(house, request(target), 400)


async def test_GHSA_6jwx_7vp4_9847_the_bytes_that_were_matched_are_forwarded(house: House) -> None:
    """Traefik cut the encoded path by the length of the decoded one; we cut and rewrite nothing."""
    for target in ["/public/a%2Fb%20c", "/public/%7Euser/%E4%BD%A0", "/public//a;b=1/", "/public/a%2eb"]:
        assert (await forwarded(house, request(target))).target == target


async def test_GHSA_6jwx_7vp4_9847_an_escaped_dot_behind_a_prefix_hides_nothing(house: House) -> None:
    """Traefik's "/api%2e/admin" became "/./admin"; the like of it has no session here and gets no further."""
    for target in ("/public%2e/orders", "/public%2E%2E/orders", "/public/%2e/orders"):
        await refused(house, request(target), 400, 401)


async def test_CVE_2021_32637_a_malformed_target_is_refused_on_open_routes_too(house: House) -> None:
    """Authelia could not parse the address and let the request pass; what we cannot read is a 400."""
    for target in ["/public/%", "/public/%zz", "/public/%2", "/public/%u0041", "/public/\x7f"]:
        await refused(house, request(target), 400)


async def test_CVE_2019_9901_routes_are_not_left_by_normalisation(house: House) -> None:
    """Envoy routed before it normalised; a path that others would normalise out of its route is refused."""
    for target in ["/public/../orders", "/public/..%2Forders", "/public/%2e%2e%5corders", "/public\\..\\x"]:
        await refused(house, request(target), 400)


async def test_CVE_2021_29492_an_escaped_slash_changes_no_route(house: House) -> None:
    """Envoy left %2F alone where its backends decode it; both readings must come under one route, else 400."""
    for target in ["/public%2Forders", "/public%2F..%2Forders", "/orders%2F..%2Fpublic", "/public%5Cx"]:
        await refused(house, request(target), 400)
