"""What policies and routes change on the way: fields, prefixes, and who may ask without a session."""

import json

import pytest

from .carrying import as_user, ask, line_to, logged, own_host, request
from .conftest import House, Open, claims_in
from .raw import Answer, target_of
from .upstream import canned

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%b\r\nok"
PREFIXES = """
[[routes]]
id = "moved"
path = "/app"
strip_prefix = "/app"
add_prefix = "/legacy"
policy = "page"
upstream = "legacy"
audience = "legacy"
[[routes]]
id = "stripped"
path = "/open/app"
strip_prefix = "/open"
policy = "public"
upstream = "legacy"
[[routes]]
id = "public"
path = "/public"
policy = "public"
upstream = "legacy"
"""


async def test_routes_that_share_a_clients_fields_share_no_edits(house: House) -> None:
    """The same fields on one connection, again and again: each route's own edits, and no spelling of the client's."""
    house.upstream.respond = canned(OK % b"Server: old\r\nX-Powered-By: php\r\n")
    fields = ("Accept: */*", "X_ENV: evil", "x-env: evil", "X.Debug: 1", "Connection: X-Env")
    expected = {"red": [("X-Env", "red")], "blue": [("X-Env", "blue"), ("X.Debug", "1")]}
    expected["public"] = [("X_ENV", "evil"), ("X.Debug", "1")]
    async with line_to(house) as line:
        for name in ("red", "blue", "public", "blue", "red", "red", "public", "blue"):
            await line.send(request("GET", f"/{name}/x", *fields))
            answer = await line.answer()
            seen = house.upstream.seen[-1]
            mine = [pair for pair in seen.fields if pair[0].lower().replace("_", "-") in ("x-env", "x.debug")]
            assert sorted(mine) == sorted(expected[name])
            assert answer.get("x-powered-by") == "php"
            assert answer.get("server") == (None if name == "blue" else "old")


async def test_identified_routes_share_a_session_and_no_edits(house: House) -> None:
    """Identity comes with the edits, and a response that was silenced on caching is private."""
    browser = await house.signed_in()
    house.upstream.respond = canned(OK % b"Cache-Control: public, max-age=60\r\nx-frame-options: ALLOW\r\n")
    async with line_to(house) as line:
        for path in ("/edited/x", "/x", "/edited/x", "/edited/y", "/x"):
            await line.send(as_user(browser, "GET", path, "x_env: evil"))
            answer = await line.answer()
            seen = house.upstream.seen[-1]
            assert seen.claims is not None
            edited = path.startswith("/edited")
            assert seen.all("x-env") == (["prod"] if edited else [])
            assert answer.all("x-frame-options") == (["DENY"] if edited else ["ALLOW"])
            assert answer.all("cache-control") == (["private, no-cache"] if edited else ["public, max-age=60"])


async def test_own_pages_and_refusals_are_not_edited(house: House) -> None:
    """An upstream's fields are; what the gateway says itself it says as ever."""
    refusal = await ask(house, request("GET", "/edited/x", host=own_host(house)))
    assert (refusal.status, refusal.get("x-frame-options")) == (401, None)
    assert refusal.get("cache-control") == "no-store"


@pytest.mark.parametrize(
    ("public", "forwarded"),
    [
        ("/open/app", "/app"),
        ("/open/app?x=/open", "/app?x=/open"),
        ("/open/app/a;jsessionid=1/%2Fb//c?q=%00", "/app/a;jsessionid=1/%2Fb//c?q=%00"),
    ],
)
async def test_a_target_goes_up_without_its_prefix(open_house: Open, public: str, forwarded: str) -> None:
    """Byte for byte but for that; the upstream is told, and a stranger's word on it is not believed."""
    house = await open_house(routes=PREFIXES)
    assert (
        await ask(house, request("GET", public, "X-Forwarded-Prefix: /evil", "x_forwarded_prefix: /e"))
    ).status == 200
    seen = house.upstream.seen[-1]
    assert seen.target == forwarded
    assert [value for name, value in seen.fields if "prefix" in name.lower()] == ["/open"]
    assert (await ask(house, request())).status == 200
    assert "prefix" not in str(house.upstream.seen[-1].fields).lower()


@pytest.mark.parametrize(
    ("target", "status"),
    [
        *(
            ("/open//app/x", 400),
            ("/%6fpen/app", 400),
            ("/OPEN/app", 400),
            ("/open;v=1/app", 400),
            ("/open%2Fapp", 400),
        ),
        *(("/open/app/../x", 400), ("/openapp", 404), ("/open", 404)),
    ],
)
async def test_another_spelling_of_a_prefix_goes_nowhere(open_house: Open, target: str, status: int) -> None:
    """There is one way to say it."""
    house = await open_house(routes=PREFIXES)
    assert (await ask(house, request("GET", target))).status in (status, 404)
    assert house.upstream.seen == []


async def test_the_login_speaks_of_the_public_path(open_house: Open) -> None:
    """People come back to the page that they asked for, and the upstream sees its own."""
    house = await open_house(routes=PREFIXES)
    browser = await house.signed_in(target="/app/x?y=1")
    answer = await browser.get("/app/x?y=1")
    assert json.loads(answer.body)["target"] == "/legacy/x?y=1"
    assert claims_in(answer)["route"] == "moved"
    other = house.browser()
    back = (await house.dance(other, "/app/x?y=1")).get("location") or ""
    assert target_of(back, house.origin).startswith("/app/x?y=1")


async def test_what_the_upstream_answers_follows(open_house: Open) -> None:
    """Redirects and cookie paths become public ones, on every kind of response; our cookies stay ours."""
    house = await open_house(routes=PREFIXES)
    browser = await house.signed_in(target="/app/x")
    port = house.gateway._loaded.settings.upstreams[0].servers[0].port
    fields = f"Location: http://127.0.0.1:{port}/legacy/next?q\r\nRefresh: 1; url=/legacy/\r\n"
    fields += "Set-Cookie: a=1; Path=/; HttpOnly\r\nSet-Cookie: b=2; path=/legacy/y\r\n"
    fields += "Set-Cookie: gateway_session=evil; Path=/legacy\r\nSet-Cookie: __Host-c=3; Path=/; Secure\r\n"
    house.upstream.respond = canned(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + fields.encode() + b"\r\n")
    async with line_to(house) as line:
        for _ in range(2):
            await line.send(as_user(browser, "GET", "/app/x"))
            answer = await line.answer()
            assert answer.get("location") == f"{house.origin}/app/next?q"
            assert answer.get("refresh") == "1; url=/app/"
            assert answer.all("set-cookie") == [
                "a=1; Path=/app; HttpOnly",
                "b=2; path=/app/y",
                "__Host-c=3; Path=/; Secure",
            ]
            await line.send(request())
            answer = await line.answer()
            assert answer.get("location") == "http://gw.test/legacy/next?q"
            assert answer.all("set-cookie")[0] == "a=1; Path=/; HttpOnly"


ORIGIN = "Origin: http://spa.test"
ASKS = (ORIGIN, "Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: x-a")
CONSENT = (
    b"HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: http://spa.test\r\n"
    b"Access-Control-Allow-Methods: PUT\r\nAccess-Control-Allow-Credentials: true\r\n\r\n"
)


async def test_a_preflight_is_the_upstreams_to_answer(house: House) -> None:
    """Without identity, whatever it says of itself."""
    browser = await house.signed_in()
    house.upstream.respond = canned(CONSENT)
    assert (await ask(house, as_user(browser, "GET", "/cross/x"))).status == 204  # what follows finds a grant
    assert house.upstream.seen[-1].claims is not None
    for fields in (ASKS, (*ASKS, "X-User: me"), (*ASKS, "Content-Length: 0")):
        answer = await ask(house, request("OPTIONS", "/cross/x", *fields, host=browser.host), "OPTIONS")
        assert answer.status == 204
        assert answer.get("access-control-allow-origin") == "http://spa.test"
        assert answer.get("cache-control") is None
        seen = house.upstream.seen[-1]
        assert (seen.method, seen.claims) == ("OPTIONS", None)
    assert '"route":"cross"' in await logged(house, '"reason":"preflight"')


@pytest.mark.parametrize(
    ("method", "target", "fields", "body"),
    [
        ("OPTIONS", "/cross/x", (ORIGIN,), b""),
        ("OPTIONS", "/cross/x", ASKS[1:], b""),
        ("OPTIONS", "/cross/x", (*ASKS, ORIGIN), b""),
        ("OPTIONS", "/cross/x", ASKS, b"x"),
        ("OPTIONS", "/cross/x", (*ASKS, "Transfer-Encoding: chunked"), b"0\r\n\r\n"),
        ("OPTIONS", "/cross/x", (*ASKS, "Cookie: legacy_session=1"), b""),
        ("OPTIONS", "/cross/x", (*ASKS, "Cookie: a=1", "Cookie: b=2"), b""),
        ("OPTIONS", "/cross/x", (*ASKS, "Authorization: Basic YTpi"), b""),
        ("OPTIONS", "/cross/x", (*ASKS, "Authorization: Basic YTpi", "Authorization: Basic YTpi"), b""),
        ("OPTIONS", "/cross/x", (*ASKS, "X-HTTP-Method-Override: DELETE"), b""),
        ("OPTIONS", "/cross/x", (*ASKS, "X_Http_Method_Override: DELETE"), b""),
        ("PUT", "/cross/x", ASKS, b""),
        ("GET", "/cross/x", ASKS, b""),
        ("OPTIONS", "/api/x", ASKS, b""),
    ],
)
async def test_what_is_not_exactly_a_preflight_needs_a_session(
    house: House, method: str, target: str, fields: tuple[str, ...], body: bytes
) -> None:
    """Credentials or another method in disguise make it none: an upstream may know the caller by a session of its own.

    Nor does any pass under a policy that does not say so.
    """
    answer = await ask(house, request(method, target, *fields, body=body, host=own_host(house)), method)
    assert answer.status == 401
    assert house.upstream.seen == []


def cors(answer: Answer) -> tuple[str | None, str | None, bool]:
    """What a browser looks at, and whether caches know that it depends on who asks."""
    return (
        answer.get("access-control-allow-origin"),
        answer.get("access-control-allow-credentials"),
        "Origin" in answer.all("vary"),
    )


async def test_listed_origins_may_read_our_refusals(house: House) -> None:
    """401 and 403; others see that they may not, and caches that it depends on the origin."""
    listed, other = ("http://spa.test", "true", True), (None, None, True)
    for fields, expected in (((ORIGIN,), listed), (("Origin: http://evil.test",), other), ((), other)):
        answer = await ask(house, request("GET", "/cross/x", *fields, host=own_host(house)))
        assert (answer.status, cors(answer)) == (401, expected)
    assert cors(await ask(house, request("GET", "/api/x", ORIGIN, host=own_host(house)))) == (None, None, False)
    browser = house.browser()
    await house.dance(browser, "/cross/x")
    answer = await ask(house, as_user(browser, "GET", "/cross/x", ORIGIN))
    assert (answer.status, cors(answer)) == (403, listed)


async def test_listed_origins_may_read_that_claims_are_refused(open_house: Open) -> None:
    """A 403 that no bind would change is one of ours too."""
    policy = 'access = "bound"\nrequire = [{ claim = "roles", values = ["admin"] }]\n'
    house = await open_house(policies={"admin": f'{policy}cors = {{ origins = ["http://spa.test"] }}\n'})
    browser = await house.signed_in()
    answer = await ask(house, as_user(browser, "GET", "/admin/x", ORIGIN))
    assert (answer.status, json.loads(answer.body)["error"]) == (403, "claims_refused")
    assert cors(answer) == ("http://spa.test", "true", True)
