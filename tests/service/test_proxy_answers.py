"""The gateway's own answers on the proxied paths: pages for people, JSON for programs, constant text."""

import json

import pytest

from .carrying import ask, at_rest, line_to, own_host, request
from .conftest import House

PERSON = "Accept: text/html,application/xhtml+xml"
CANARY = "c4nary"


async def down(house: House) -> None:
    """No upstream: every request is a 502."""
    await house.upstream.stop()


@pytest.mark.parametrize(
    ("language", "lang", "text"),
    [
        ("zh-CN,zh;q=0.9", "zh", "服务暂时不可用"),
        ("zh-TW", "zh-Hant", "服務暫時不可用"),
        ("en-GB", "en", "Service unavailable"),
        ("fr,en;q=0.5", "en", "Service unavailable"),
        ("fr", "zh", "服务暂时不可用"),
        ("", "zh", "服务暂时不可用"),
    ],
)
async def test_people_get_a_small_page_in_their_language(house: House, language: str, lang: str, text: str) -> None:
    """With the request's id, uncached, without scripts, framed by nobody."""
    await down(house)
    answer = await ask(house, request("GET", f"/public/{CANARY}", PERSON, f"Accept-Language: {language}"))
    page = answer.body.decode()
    assert answer.status == 502
    assert answer.get("content-type") == "text/html; charset=utf-8"
    assert f'<html lang="{lang}' in page
    assert text in page
    assert answer.get("x-request-id") in page
    assert len(answer.body) < 4096
    assert CANARY not in page
    assert answer.get("cache-control") == "no-store"
    policy = answer.get("content-security-policy") or ""
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert "frame-ancestors 'none'" in policy
    await at_rest(house)


@pytest.mark.parametrize(
    "fields",
    [
        ("Accept: application/json",),
        (PERSON, "X-Requested-With: XMLHttpRequest"),
        (PERSON, "Sec-Fetch-Mode: cors"),
        (),
    ],
)
async def test_programs_get_json(house: House, fields: tuple[str, ...]) -> None:
    """A word and the request's id, nothing else."""
    await down(house)
    answer = await ask(house, request("GET", f"/public/{CANARY}", *fields))
    assert answer.status == 502
    assert answer.get("content-type") == "application/json"
    assert json.loads(answer.body) == {
        "error": "upstream_unreachable",
        "request_id": answer.get("x-request-id"),
    }
    await at_rest(house)


REFUSED = [
    (f"GET /{CANARY}/../x HTTP/1.1\r\nHost: gw.test\r\n\r\n", 400),
    (f"GET /{CANARY} HTTP/1.1\r\nHost: gw.test\r\nHost: {CANARY}\r\n\r\n", 400),
    (f"GET /{CANARY} HTTP/1.1\r\nHost: {CANARY} <script>\r\n\r\n", 400),
    (f"GET /{CANARY} HTTP/1.1\r\n\r\n", 400),
    (f"GET /{CANARY} HTTP/1.1\r\nHost: gw.test\r\n{CANARY} : 1\r\n\r\n", 400),
    (f"{CANARY.upper()} / HTTP/1.1\r\nHost: gw.test\r\n\r\n", 400),
    (f"GET /{CANARY} HTTP/2.0\r\nHost: gw.test\r\n\r\n", 505),
    (f"TRACE /{CANARY} HTTP/1.1\r\nHost: gw.test\r\n\r\n", 405),
    (f"CONNECT {CANARY}:443 HTTP/1.1\r\nHost: {CANARY}:443\r\n\r\n", 405),
    (f"POST /{CANARY} HTTP/1.1\r\nHost: gw.test\r\nExpect: {CANARY}\r\n\r\n", 417),
    (f"GET /{CANARY} HTTP/1.1\r\nHost: {CANARY}.test\r\n\r\n", 421),
]


@pytest.mark.parametrize(("data", "status"), REFUSED)
@pytest.mark.parametrize("accept", ["", PERSON + "\r\n"])
async def test_nothing_that_was_sent_is_in_a_refusal(house: House, data: str, status: int, accept: str) -> None:
    """Neither in its head nor in its body."""
    line, _, rest = data.partition("\r\n")
    async with line_to(house) as client:
        await client.send(f"{line}\r\n{accept}{rest}".encode())
        answer = await client.answer()
    assert answer.status == status
    assert CANARY not in (str(answer.fields) + answer.body.decode()).lower()
    assert answer.get("cache-control") == "no-store"
    assert house.upstream.seen == []
    await at_rest(house)


async def test_head_gets_the_head_only(house: House) -> None:
    """Of an answer of our own, too: with its length, and the connection goes on."""
    await down(house)
    async with line_to(house) as line:
        for _ in range(2):
            await line.send(request("HEAD"))
            answer = await line.answer("HEAD")
            assert answer.status == 502
            assert int(answer.get("content-length") or 0) > 0
    await at_rest(house)


async def test_a_refused_body_is_read_away(house: House) -> None:
    """The answer to a POST that may not pass reaches a client that looks at it only when its body is sent."""
    async with line_to(house) as line:
        await line.send(request("POST", "/api/x", body=bytes(5_000_000), host=own_host(house)))
        answer = await line.answer()
        assert answer.status == 401
        assert answer.get("connection") == "close"
        assert await line.ended() == b""
    await at_rest(house)
    assert house.upstream.seen == []
