"""Class I: the HTTP library below. aiohttp before 3.13.4 had these; our front does not pass them on to it either."""

from tests.service.conftest import House
from tests.service.raw import Line
from tests.service.upstream import canned

from .asking import ask, forwarded, refused, request


async def test_CVE_2026_34525_several_hosts_are_refused(house: House) -> None:
    """aiohttp accepted several Host fields, of which readers take one or the other; here that is a 400."""
    for target in ["/public/x", "/_gateway/login"]:
        for second in ("Host: evil.test", "host: 127.0.0.1", "HOST:"):
            await refused(house, request(target, second), 400)


async def test_CVE_2026_22815_trailers_have_a_limit(house: House) -> None:
    """aiohttp read trailers without end; ours end at a few kilobytes, and none is passed on."""
    chunked = request("/public/x", "Transfer-Encoding: chunked", method="POST", body=b"2\r\nok\r\n0\r\nX-A: b\r\n\r\n")
    seen = await forwarded(house, chunked, "POST")
    assert (seen.body, seen.get("x-a")) == (b"ok", None)
    line: Line = await house.line()
    await line.send(request("/public/x", "Transfer-Encoding: chunked", method="POST", body=b"2\r\nok\r\n0\r\n"))
    await line.send(b"".join(b"X-%d: y\r\n" % number for number in range(2000)))
    assert (await line.answer("POST")).status == 400
    await line.close()
    flood = b"".join(b"X-%d: y\r\n" % number for number in range(2000))
    house.upstream.respond = canned(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" + flood + b"\r\n", keep=False
    )
    answer = await ask(house, request("/public/x"))
    assert not answer.complete
    assert "X-1" not in str(answer.fields)


async def test_CVE_2026_34519_a_line_end_in_a_reason_is_a_502(house: House) -> None:
    """aiohttp wrote CR and LF of a reason into the response; an upstream that sends them is broken."""
    for reason in [b"OK\rSet-Cookie: a=evil", b"OK\nSet-Cookie: a=evil", b"OK\x00evil"]:
        house.upstream.respond = canned(b"HTTP/1.1 200 " + reason + b"\r\nContent-Length: 2\r\n\r\nok", keep=False)
        answer = await ask(house, request("/public/x"))
        assert answer.status == 502
        assert "evil" not in str(answer.fields)


async def test_CVE_2026_34519_a_reason_is_never_copied(house: House) -> None:
    """A proxy that copies the upstream's reason is exposed to its library; the reason that clients see is ours."""
    house.upstream.respond = canned(b"HTTP/1.1 200 Evil words\r\nContent-Length: 2\r\n\r\nok")
    line: Line = await house.line()
    await line.send(request("/public/x"))
    assert (await line.reader.readuntil(b"\r\n")) == b"HTTP/1.1 200 OK\r\n"
    await line.close()
