"""The legacy application: X-User verified or nobody, and its few pages."""

import hashlib
import io
import time

import aiohttp
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.simulator.legacy import LegacySim, build_legacy
from gateway.simulator.legacy_accounts import orders_of
from gateway.simulator.legacy_identity import KeyFetcher


async def me(legacy, token):
    """What /api/me answers to `token`: the user id, or why it is nobody."""
    response = await legacy.get("/api/me", headers={"X-User": token} if token is not None else {})
    answer = await response.json()
    assert response.status == (200 if "user_id" in answer else 401)
    return answer.get("user_id"), answer.get("why")


async def test_greets_by_name_and_shows_the_claims(legacy, keys):
    """The home page greets whom X-User names and shows every verified claim, escaped."""
    text = await (await legacy.get("/", headers={"X-User": keys.token(route="app", x="<i>")})).text()
    assert "王小明，您好" in text
    assert "1001" in text
    assert "&lt;i&gt;" in text
    assert "<i>" not in text


async def test_nobody_is_said_plainly(legacy):
    """Without X-User the home page says nobody, and pages for users are 401."""
    response = await legacy.get("/")
    assert (response.status, 'id="nobody"' in await response.text()) == (200, True)
    for path in ("/orders", "/orders/1", "/form"):
        response = await legacy.get(path)
        assert (response.status, 'id="nobody"' in await response.text()) == (401, True)
    assert await me(legacy, None) == (None, "no X-User header")


async def test_leaves_for_another_origin(aiohttp_client, keys):
    """/leave redirects whoever is known to another site."""
    config = LegacySim(keys.url, audience="legacy", issuer="https://gw", elsewhere="https://pay.example/")
    legacy = await aiohttp_client(build_legacy(config))
    response = await legacy.get("/leave", headers={"X-User": keys.token()}, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "https://pay.example/")


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://evil"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"nbf": 99999999999},
    ],
)
async def test_wrong_claims_are_nobody(legacy, keys, changes):
    """A token for somebody else, expired, not yet valid or incomplete names nobody."""
    assert (await me(legacy, keys.token(**changes)))[0] is None


async def test_forgeries_are_nobody(legacy, keys):
    """Another key under our kid, alg none, a symmetric token and plain nonsense name nobody."""
    forged = keys.token(key=ec.generate_private_key(ec.SECP256R1()))
    claims = {"iss": "https://gw", "aud": "legacy", "sub": "1", "iat": 1, "exp": time.time() + 60}
    none = jwt.encode(claims, None, algorithm="none", headers={"kid": "k1"})
    symmetric = jwt.encode(claims, "k" * 32, algorithm="HS256", headers={"kid": "k1"})
    for token in (forged, none, symmetric, "1001", "", "a.b.c", "x" * 8000, keys.token() + "x"):
        user, _ = await me(legacy, token)
        assert user is None
    assert (await me(legacy, keys.token()))[0] == "1001"


async def test_two_headers_are_nobody(legacy, keys):
    """Two X-User headers name nobody, even if each is good."""
    response = await legacy.get("/api/me", headers=[("X-User", keys.token())] * 2)
    assert (await response.json())["why"] == "more than one X-User header"


async def test_keys_are_fetched_once_and_again_for_a_new_kid(keys):
    """Known keys cost no fetch; an unknown kid costs one, at most one a pause; rotation is followed."""
    now = [100.0]
    async with aiohttp.ClientSession() as client:
        fetcher = KeyFetcher(client, keys.url, pause=3, clock=lambda: now[0])
        assert await fetcher.key("k1")
        assert await fetcher.key("k1")
        keys.add("k2")
        assert await fetcher.key("k2") is None
        assert keys.fetched == 1
        now[0] += 3
        assert await fetcher.key("k2")
        assert await fetcher.key("k2")
        assert keys.fetched == 2


async def test_a_withdrawn_key_ends(keys):
    """A key that is no longer published is not believed after five minutes."""
    now = [100.0]
    async with aiohttp.ClientSession() as client:
        fetcher = KeyFetcher(client, keys.url, pause=3, clock=lambda: now[0])
        assert await fetcher.key("k1")
        keys.private.clear()
        keys.add("k2")
        now[0] += 299
        assert await fetcher.key("k1")
        now[0] += 1
        assert await fetcher.key("k1") is None
        assert await fetcher.key("k2")


@pytest.mark.parametrize("body", [b"{}", b"[]", b"nonsense", b"\xff", b'{"keys": 1}', b'{"keys": [1]}', b" " * 70_000])
async def test_bad_key_sets_leave_the_known_keys(keys, body):
    """A key set that is broken, huge or an error page changes nothing."""
    now = [100.0]
    async with aiohttp.ClientSession() as client:
        fetcher = KeyFetcher(client, keys.url, pause=3, clock=lambda: now[0])
        assert await fetcher.key("k1")
        keys.body = body
        now[0] += 3
        assert await fetcher.key("k2") is None
        keys.body, keys.status = None, 500
        now[0] += 3
        assert await fetcher.key("k2") is None
        assert await fetcher.key("k1")
        assert keys.fetched == 3


async def test_orders_are_ones_own(legacy, keys):
    """A user sees their orders, and somebody else's number is 404."""
    headers = {"X-User": keys.token()}
    mine, theirs = orders_of("1001")[0].number, orders_of("1002")[0].number
    assert mine in await (await legacy.get("/orders", headers=headers)).text()
    assert (await legacy.get(f"/orders/{mine}", headers=headers)).status == 200
    assert (await legacy.get(f"/orders/{theirs}", headers=headers)).status == 404


async def test_form_is_post_redirect_get(legacy, keys):
    """A note is saved with a 303, shown escaped afterwards, and to its author only."""
    headers = {"X-User": keys.token()}
    response = await legacy.post("/form", data={"note": '"><b>茶'}, headers=headers, allow_redirects=False)
    assert (response.status, response.headers["Location"]) == (303, "/form?saved")
    text = await (await legacy.get("/form?saved", headers=headers)).text()
    assert "已保存" in text
    assert "&#34;&gt;&lt;b&gt;茶" in text
    assert "茶&#34;" not in await (await legacy.get("/form", headers={"X-User": keys.token(sub="1002")})).text()


async def test_upload_counts_and_hashes(legacy, keys):
    """A multipart file and a plain body are answered with size and SHA-256."""
    body = bytes(range(256)) * 2000
    expected = (len(body), hashlib.sha256(body).hexdigest())
    form = aiohttp.FormData({"other": "field"})
    form.add_field("file", body, filename="a.bin")
    answer = await (await legacy.post("/upload", data=form, headers={"X-User": keys.token()})).json()
    assert (answer["size"], answer["sha256"], answer["name"], answer["user_id"]) == (*expected, "a.bin", "1001")
    answer = await (await legacy.post("/upload", data=body)).json()
    assert (answer["size"], answer["sha256"], answer["user_id"]) == (*expected, None)


async def test_upload_limits(legacy):
    """Too much is 413 and a form without a file is 400."""
    assert (await legacy.post("/upload", data=io.BytesIO(b"x" * ((1 << 20) + 1)))).status == 413
    with aiohttp.MultipartWriter("form-data") as form:
        form.append("x").set_content_disposition("form-data", name="a")
    assert (await legacy.post("/upload", data=form)).status == 400


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
async def test_a_broken_form_is_400(legacy, kind):
    """A multipart body that is none is 400."""
    assert (await legacy.post("/upload", data=b"nonsense", headers={"Content-Type": kind})).status == 400


async def test_upload_answers_a_browser_with_a_page(legacy):
    """A browser gets the result as a page."""
    text = await (await legacy.post("/upload", data=b"abc", headers={"Accept": "text/html"})).text()
    assert hashlib.sha256(b"abc").hexdigest() in text


async def test_public_page_shows_no_identity(legacy, keys):
    """The public page is the same for all but for one line: whether the header came."""
    anonymous = await (await legacy.get("/public")).text()
    named = await (await legacy.get("/public", headers={"X-User": keys.token()})).text()
    assert "did not come" in anonymous
    assert "came, ignored" in named
    assert "王小明" not in named
    assert keys.fetched == 0


async def test_other_pages_stand(legacy, keys):
    """The fetch, upload, single-page and privacy pages answer; only signed-in pages offer logout, as a POST form."""
    headers = {"X-User": keys.token()}
    for path in ("/fetch", "/upload", "/spa"):
        text = await (await legacy.get(path, headers=headers)).text()
        assert '<form method="post" action="/_gateway/logout">' in text
        assert 'href="/_gateway/me"' in text
    text = await (await legacy.get("/privacy")).text()
    assert "OpenId" in text
    assert "/_gateway/logout" not in text


async def test_a_live_connection_is_for_users(legacy, keys):
    """/live is a WebSocket that says who it believes to see, and answers everything with itself."""
    async with legacy.ws_connect("/live", headers={"X-User": keys.token()}) as socket:
        assert await socket.receive_str() == "1001"
        await socket.send_str("hello")
        assert await socket.receive_str() == "hello"
    assert (await legacy.get("/live")).status == 401
