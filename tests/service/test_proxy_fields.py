"""Header fields through the real gateway: what travels on, what is dropped, what is ours."""

import re
import socket
import sys

import pytest

from .carrying import as_user, ask, at_rest, logged, request
from .conftest import House, Open
from .upstream import Seen, canned

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n%b\r\nok"


async def upstream_saw(house: House, *fields: str) -> Seen:
    """What of these fields arrived."""
    assert (await ask(house, request("GET", "/public/x", *fields))).status == 200
    return house.upstream.seen[-1]


async def client_saw(house: House, *fields: bytes) -> list[tuple[str, str]]:
    """What of these response fields arrived, without those that every response has."""
    house.upstream.respond = canned(OK % b"".join(field + b"\r\n" for field in fields))
    answer = await ask(house, request())
    assert answer.status == 200
    return [pair for pair in answer.fields if pair[0].lower() not in ("x-request-id", "content-length")]


async def test_the_target_and_ordinary_fields_arrive_byte_for_byte(house: House) -> None:
    """Old systems depend on the spelling: of names, of inner slashes, of escapes, and on the order."""
    fields = ["x-LOWER: a", "X-Mixed-Case:  two  spaces ", "Accept: */*", "X-Latin: caf\xe9", "x-lower: b", "X-Empty:"]
    target = "/public//a;jsessionid=1/%2Fb%20?q=%00&r=a+b"
    assert (await ask(house, request("GET", target, *fields))).status == 200
    seen = house.upstream.seen[-1]
    assert seen.target == target
    mine = [
        pair
        for pair in seen.fields
        if pair[0].lower() not in ("host", "x-request-id") and "forwarded" not in pair[0].lower()
    ]
    assert mine == [
        ("x-LOWER", "a"),
        ("X-Mixed-Case", "two  spaces"),
        ("Accept", "*/*"),
        ("X-Latin", "caf\xe9"),
        ("x-lower", "b"),
        ("X-Empty", ""),
    ]
    assert seen.get("host") == "gw.test"


async def test_hop_by_hop_fields_of_a_request_stay_here(house: House) -> None:
    """RFC 9110 7.6.1: the known ones, and those that Connection names."""
    seen = await upstream_saw(
        house,
        "Connection: X-Named, keep-alive, x-second",
        "X-Named: 1",
        "X-Second: 1",
        "X-Stays: 1",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic eA==",
        "TE: trailers",
        "Trailer: X-T",
        "Upgrade: h2c",
        "HTTP2-Settings: AAA",
    )
    names = {name.lower() for name, _ in seen.fields}
    assert names == {"host", "x-stays", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id"}


async def test_connection_cannot_name_what_gives_a_request_its_meaning(house: House) -> None:
    """Nor the fields that we add."""
    named = "Connection: Host, Content-Type, Authorization, Cookie, X-Forwarded-For, X-Request-Id, X-User"
    browser = await house.signed_in()
    fields = (named, "Content-Type: text/plain", "Authorization: Basic eA==")
    assert (await ask(house, as_user(browser, "POST", "/api/x", *fields, body=b"x"))).status == 200
    seen = house.upstream.seen[-1]
    names = ("host", "content-type", "authorization", "content-length", "x-forwarded-for", "x-request-id", "x-user")
    assert [name for name in names if seen.get(name) is None] == []
    assert seen.claims is not None


async def test_hop_by_hop_fields_of_a_response_stay_here(house: House) -> None:
    """The known ones, and those that Connection names."""
    fields = [b"Connection: X-Named", b"X-Named: 1", b"Keep-Alive: timeout=5", b"Proxy-Authenticate: Basic"]
    fields += [b"Trailer: X-T", b"Upgrade: h2c", b"X-Stays: 1"]
    assert await client_saw(house, *fields) == [("X-Stays", "1")]


FORWARDING = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port")
FORWARDING += ("X-Forwarded-Prefix", "X-Real-IP", "X-Original-URL", "X-Rewrite-URL", "X-Request-Id", "X-Client-IP")


@pytest.mark.parametrize("spell", [str, str.lower, str.upper, lambda name: name.replace("-", "_").lower()])
async def test_a_strangers_forwarding_fields_are_dropped_in_every_spelling(house: House, spell: object) -> None:
    """And ours are there once, with what is true."""
    assert callable(spell)
    seen = await upstream_saw(house, *(f"{spell(name)}: 6.6.6.6" for name in FORWARDING))
    assert "6.6.6.6" not in str(seen.fields)
    assert seen.get("x-forwarded-for") == "127.0.0.1"
    assert seen.get("x-forwarded-proto") == "http"
    assert seen.get("x-forwarded-host") == "gw.test"


TRUSTED = 'trusted_proxies = ["127.0.0.1", "10.0.0.0/8"]'


@pytest.mark.parametrize(
    ("sent", "client", "chain"),
    [
        (["203.0.113.9"], "203.0.113.9", "203.0.113.9, 127.0.0.1"),
        (["6.6.6.6, 203.0.113.9"], "203.0.113.9", "6.6.6.6, 203.0.113.9, 127.0.0.1"),
        (["203.0.113.9, 10.1.2.3"], "203.0.113.9", "203.0.113.9, 10.1.2.3, 127.0.0.1"),
        (["203.0.113.9", "10.1.2.3"], "203.0.113.9", "203.0.113.9, 10.1.2.3, 127.0.0.1"),
        (["6.6.6.6, unknown"], "127.0.0.1", "127.0.0.1"),
        (["unknown, 203.0.113.9"], "203.0.113.9", "203.0.113.9, 127.0.0.1"),
        (["2001:db8::7"], "2001:db8::7", "2001:db8::7, 127.0.0.1"),
        (["fe80::1%<script>"], "127.0.0.1", "127.0.0.1"),
        (["fe80::1%\xe9"], "127.0.0.1", "127.0.0.1"),
        ([""], "127.0.0.1", "127.0.0.1"),
        ([], "127.0.0.1", "127.0.0.1"),
    ],
)
async def test_a_trusted_proxys_chain_is_read_from_the_right(
    open_house: Open, sent: list[str], client: str, chain: str
) -> None:
    """The right-most address that is not a listed proxy is the client; what stands left of no address is no address."""
    house = await open_house(server=TRUSTED)
    seen = await upstream_saw(house, *(f"X-Forwarded-For: {value}" for value in sent))
    assert seen.get("x-forwarded-for") == chain
    assert f'"ip":"{client}"' in await logged(house, "/public/x")


async def test_a_trusted_proxy_says_scheme_host_and_request_id(open_house: Open) -> None:
    """Its values are taken if they have the right form; else our own are used."""
    house = await open_house(server=TRUSTED)
    good = ("X-Forwarded-Proto: https", "X-Forwarded-Host: Shop.example.com", "X-Request-Id: abc-123_DEF.4")
    answer = await ask(house, request("GET", "/public/x", *good))
    seen = house.upstream.seen[-1]
    assert answer.get("x-request-id") == seen.get("x-request-id") == "abc-123_DEF.4"
    assert seen.get("x-forwarded-proto") == "https"
    assert seen.get("x-forwarded-host") == seen.get("host") == "shop.example.com"
    bad = ("X-Forwarded-Proto: javascript", "X-Forwarded-Host: a b<", 'X-Request-Id: "><script>')
    answer = await ask(house, request("GET", "/public/x", *bad))
    seen = house.upstream.seen[-1]
    assert answer.get("x-request-id") == seen.get("x-request-id")
    assert re.fullmatch(r"[0-9a-f]{20}", seen.get("x-request-id") or "")
    assert seen.get("x-forwarded-proto") == "http"
    assert seen.get("x-forwarded-host") == "gw.test"


async def test_request_ids_are_ours_and_differ(house: House) -> None:
    """The same id goes up, down and into the log; the upstream's own does not reach the client."""
    house.upstream.respond = canned(OK % b"X-Request-Id: theirs\r\n")
    ids = []
    for _ in range(3):
        answer = await ask(house, request())
        ids.append(answer.get("x-request-id") or "")
        assert house.upstream.seen[-1].get("x-request-id") == ids[-1]
    assert len(set(ids)) == 3
    await at_rest(house)
    for each in ids:
        await logged(house, f'"id":"{each}"')


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("http://{up}/a?b#c", "http://gw.test/a?b#c"),
        ("HTTP://{up}", "http://gw.test"),
        ("/relative", "/relative"),
        ("next", "next"),
        ("https://elsewhere.example/{up}/", "https://elsewhere.example/{up}/"),
        ("http://{up}0/", "http://{up}0/"),
        ("http://{up}.evil.example/", "http://{up}.evil.example/"),
        ("http://{up}@evil.example/", "http://{up}@evil.example/"),
        ("http://gw.test/x", "http://gw.test/x"),
    ],
)
async def test_locations_of_the_upstreams_own_origin_become_public(house: House, sent: str, received: str) -> None:
    """And no others; Content-Location too."""
    port = house.gateway._loaded.settings.upstreams[0].servers[0].port
    sent, received = (text.format(up=f"127.0.0.1:{port}") for text in (sent, received))
    pairs = await client_saw(house, f"Location: {sent}".encode(), f"Content-Location: {sent}".encode())
    assert pairs == [("Location", received), ("Content-Location", received)]


OURS = ["gateway_session", "GATEWAY_Session", "__Host-gateway_session", "__host-gateway_login_x", "gateway_login_ab12"]


@pytest.mark.parametrize("name", [*OURS, *(f" {name} " for name in OURS[:2]), "=gateway_session", " = gateway_session"])
async def test_an_upstream_cannot_set_our_cookies(house: House, name: str) -> None:
    """In no spelling, not even by the nameless cookie that a browser sends back as its value."""
    evil = [f"Set-Cookie: {name}=evil; Path=/".encode(), f"set-cookie: {name}=evil".encode()]
    assert await client_saw(house, b"Set-Cookie: JSESSIONID=1; Path=/", *evil, b"Set-Cookie: a=gateway_session=1") == [
        ("Set-Cookie", "JSESSIONID=1; Path=/"),
        ("Set-Cookie", "a=gateway_session=1"),
    ]


async def test_our_cookies_stay_here_and_others_travel_on(house: House) -> None:
    """Out of any number of Cookie fields, on every route; the others byte for byte."""
    browser = await house.signed_in()
    ours = browser.cookie_header()
    for path in ("/", "/public/x", "/optional/x", "/wechat/x"):
        house.upstream.seen.clear()
        cookies = [f'Cookie: a=1; {ours}; b="2"', "Cookie: gateway_login_00=x; c=3;d", f"cookie: {ours}"]
        assert (await ask(house, request("GET", path, *cookies, host=browser.host))).status == 200
        seen = house.upstream.seen[-1]
        assert "gateway_" not in str(seen.fields)
        assert (seen.get("cookie") or "").replace(" ", "") == 'a=1;b="2";c=3;d'
        assert (seen.claims is not None) == (path != "/public/x")


async def test_a_session_in_the_second_cookie_field_counts(house: House) -> None:
    """Clients may send several (RFC 9113 8.2.3)."""
    browser = await house.signed_in()
    answer = await ask(
        house, request("GET", "/api/x", "Cookie: a=1", f"Cookie: {browser.cookie_header()}", host=browser.host)
    )
    assert answer.status == 200
    assert house.upstream.seen[-1].get("cookie") == "a=1"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], ["private, no-cache"]),
        (["no-store"], ["no-store"]),
        (["public, max-age=60"], ["public, max-age=60"]),
        (["private", "max-age=5"], ["private", "max-age=5"]),
    ],
)
async def test_an_identified_response_that_says_nothing_is_private(
    house: House, said: list[str], expected: list[str]
) -> None:
    """What it says itself is left alone; an anonymous one is never touched."""
    browser = await house.signed_in()
    house.upstream.respond = canned(OK % "".join(f"Cache-Control: {value}\r\n" for value in said).encode())
    assert (await ask(house, as_user(browser, "GET", "/"))).all("cache-control") == expected
    assert (await ask(house, as_user(browser, "GET", "/public/x"))).all("cache-control") == said
    assert (await ask(house, request("GET", "/optional/x"))).all("cache-control") == said


async def test_a_405_names_the_methods_that_would_do(open_house: Open) -> None:
    """RFC 9110 15.5.6: Allow, from the rules that were passed over."""
    route = (
        '[[routes]]\nid = "read"\npath = "/read"\npolicy = "public"\nupstream = "legacy"\nmethods = ["GET", "PUT"]\n'
    )
    house = await open_house(routes=route)
    answer = await ask(house, request("POST", "/read"), "POST")
    assert answer.status == 405
    assert answer.get("allow") == "GET, PUT"


async def test_the_backlog_is_the_kernels(house: House) -> None:
    """A burst of connections waits in the queue instead of being dropped: uvloop would set 100."""
    info = next(iter(house.gateway._listeners)).server.sockets[0].getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    backlog = int.from_bytes(info[28:32], sys.byteorder)  # tcpi_sacked: a listener's limit, see tcp_get_info(2)
    assert backlog >= 1024
