"""Class E: sessions that were fixed, shared, stale, or crashed their reader."""

from tests.service.conftest import House, Open
from tests.service.raw import Browser

from .asking import ask, cookie, own_host, refused, request


async def test_GHSA_f24x_5g9q_753f_a_login_ends_the_session_before_it(house: House) -> None:
    """oauth2-proxy left the old session alive behind its sign-in page; here a new login revokes it."""
    browser = await house.signed_in()
    old = Browser(house.port, jar=dict(browser.jar))
    assert (await old.get("/orders")).status == 200
    await house.dance(browser, "/_gateway/login?return_to=/orders", "xiaoming")
    assert browser.jar["gateway_session"] != old.jar["gateway_session"]
    assert (await old.get("/orders")).status == 302
    assert (await browser.get("/orders")).status == 200


async def test_mod_auth_openidc_changelog_2026_08_07_a_planted_session_is_not_kept(house: House) -> None:
    """mod_auth_openidc kept the session id through a login; ours is new at login and new at bind."""
    attacker, victim = house.browser(), house.browser()
    await house.dance(attacker, "/wechat/x", "alice")
    victim.jar["gateway_session"] = planted = attacker.jar["gateway_session"]
    answer = await house.dance(victim, "/_gateway/login?return_to=/orders", "xiaohong")
    danced = victim.jar["gateway_session"]
    await house.bind(victim, answer.get("location") or "", "xiaohong")
    assert len({planted, danced, victim.jar["gateway_session"]}) == 3
    for dead in (planted, danced):
        assert (await Browser(house.port, jar={"gateway_session": dead}).get("/orders")).status == 302


async def test_CVE_2026_47339_a_session_of_one_app_is_none_for_another(open_house: Open) -> None:
    """APISIX's authz-casdoor honoured one client's session on another's route; a session is bound to its app."""
    other = '[[apps]]\nid = "other"\napp_id = "wx0000000000000001"\nsecret = { file = "wechat.secret" }\n'
    hosts = 'hosts = ["other.test"]\nauthorize_base = "http://127.0.0.1:1"\napi_base = "http://127.0.0.1:1"\n'
    house = await open_house(app=other + hosts)
    browser = await house.signed_in()
    await refused(house, request("/api/x", cookie(browser), host="other.test"), 401)
    assert (await ask(house, request("/api/x", cookie(browser), host=own_host(house)))).status == 200


async def test_CVE_2026_49872_what_was_sealed_for_something_else_is_no_session(house: House) -> None:
    """APISIX's cas-auth accepted credentials of another source; a login cookie's value opens no session."""
    browser = house.browser()
    await browser.get("/orders")
    [value] = browser.jar.values()
    await refused(house, request("/orders", f"Cookie: gateway_session={value}", host=own_host(house)), 401)


async def test_CVE_2026_49871_a_callback_needs_the_cookie_of_the_browser_that_danced(house: House) -> None:
    """APISIX's cas-auth made a session of any callback (PR 13427): login CSRF; here nothing is exchanged for it."""
    attacker, victim = house.browser(), house.browser()
    callback = await house.authorize((await attacker.get("/orders")).get("location") or "", "alice")
    for visit in ("/orders", None):
        if visit:
            await victim.get(visit)
        answer = await victim.get(callback)
        assert "gateway_session" not in victim.jar, answer.status
    assert house.wechat.exchanges == 0


async def test_CVE_2021_41230_a_changed_authorisation_takes_effect_on_live_sessions(house: House) -> None:
    """Pomerium went on with the claims of the login; a binding is looked up per request, so an unbind counts."""
    here, there = await house.signed_in(), await house.signed_in()
    assert (await there.get("/orders")).status == 200
    assert (await here.post("/_gateway/unbind", b"")).status == 303
    house.upstream.seen.clear()
    await refused(house, request("/api/x", cookie(there), host=own_host(house)), 403)


async def test_CVE_2024_24814_a_crafted_cookie_costs_one_answer(house: House) -> None:
    """mod_auth_openidc believed a cookie's word on how many chunks to read; no cookie makes us fail or count."""
    for value in [
        "gateway_session_chunks=99999999999; gateway_session_0=a",
        "mod_auth_openidc_session_chunks=99999999; gateway_session=a",
        "; ".join(["gateway_session=a"] * 1000),
        "; ".join(f"gateway_login_{number:x}=a" for number in range(800)),
        ";" * 20000,
        "gateway_session=" + "A" * 40000,
    ]:
        await refused(house, request("/orders", f"Cookie: {value}"), 401)


async def test_CVE_2023_28625_a_cookie_field_that_is_empty_after_stripping(house: House) -> None:
    """mod_auth_openidc crashed when nothing was left after its own cookies were stripped; the field is left out."""
    for value in ["", "gateway_session=a", " ; gateway_session=a ;; ", "gateway_session=a; =", "=", ";"]:
        answer = await ask(house, request("/public/x", f"Cookie: {value}"))
        assert answer.status == 200
        assert "gateway_session" not in str(house.upstream.seen[-1].fields)
