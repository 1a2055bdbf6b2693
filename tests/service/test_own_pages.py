"""Our own pages behind the proxy: what strangers may do to them, and in whose words they answer."""

import asyncio
import gzip
import time

import pytest

from .carrying import ask, at_rest, busy, line_to, own_host, request, until
from .conftest import House, Open


async def post(house: House, target: str, body: bytes, *fields: str) -> tuple[int, str, bytes]:
    """One POST: status, Server field, body."""
    async with line_to(house) as line:
        head = [f"POST {target} HTTP/1.1", f"Host: 127.0.0.1:{house.port}", f"Content-Length: {len(body)}", *fields]
        await line.send("\r\n".join([*head, "", ""]).encode() + body)
        answer = await line.answer("POST")
        return answer.status, answer.get("server") or "", answer.body


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "gzip, gzip"])
async def test_compressed_bodies_are_not_inflated(house: House, coding: str) -> None:
    """58 KB become 60 MB on the loop that serves everybody: twenty of them take less time than one inflated."""
    bomb = gzip.compress(b"\0" * 60_000_000, 9)
    assert len(bomb) < 64 * 1024
    fields = (f"Content-Encoding: {coding}", "Content-Type: application/x-www-form-urlencoded")
    started = time.process_time()
    gzip.decompress(bomb)
    one_inflated = time.process_time() - started
    started = time.process_time()
    answers = await asyncio.gather(*(post(house, "/_gateway/bind", bomb, *fields) for _ in range(20)))
    assert all(400 <= status < 500 for status, _, _ in answers)
    assert time.process_time() - started < 10 * one_inflated
    await at_rest(house)
    assert '"level":"error"' not in house.log.read_text().replace(" ", "")


@pytest.mark.parametrize("field", ["User-Agent: a\r\nUser-Agent: b", "\r\n".join(f"X-{n}: 1" for n in range(150))])
async def test_what_aiohttp_dislikes_is_refused_in_our_words(house: House, field: str) -> None:
    """No library names, no library texts, and the headers of every answer of ours."""
    async with line_to(house) as line:
        await line.send(f"GET /_gateway/me HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\n{field}\r\n\r\n".encode())
        answer = await line.answer()
    assert answer.get("server") is None
    assert b"aiohttp" not in answer.body
    assert answer.get("x-content-type-options") == "nosniff"
    assert "no-store" in (answer.get("cache-control") or "")


async def test_a_form_has_a_total_deadline(open_house: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that drip in do not keep three descriptors for ever."""
    monkeypatch.setattr("gateway.proxy.carry._FORM_TIMEOUT", 0.5)
    house = await open_house()
    async with line_to(house) as line:
        head = f"POST /_gateway/bind HTTP/1.1\r\nHost: 127.0.0.1:{house.port}\r\nContent-Length: 60000\r\n"
        await line.send(f"{head}Content-Type: application/x-www-form-urlencoded\r\n\r\n".encode())
        answer = asyncio.ensure_future(line.answer("POST"))  # noqa: TID251  awaited below
        while not answer.done():
            line.writer.write(b"a")
            await asyncio.wait([answer], timeout=0.1)
        assert (await answer).status == 408
    await at_rest(house)


async def test_a_form_that_breaks_off_is_no_error_of_ours(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody can hang up in the middle of one, as often as he likes."""
    host = own_host(house)
    fields = ("Content-Type: application/x-www-form-urlencoded", f"Origin: http://{host}", "Content-Length: 9")
    for _ in range(3):
        async with line_to(house) as line:
            await line.send(request("POST", "/_gateway/bind", *fields, host=host) + b"a=1")
            await until(lambda: busy(house) != {}, "it does not reach the pages")
            assert (await ask(house, request("GET", "/_gateway/bind", host=host))).status != 200  # by now it is read
        await at_rest(house)
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
