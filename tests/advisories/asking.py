"""Requests as exact bytes, and what became of them."""

from tests.service.conftest import House
from tests.service.raw import Answer, Browser
from tests.service.upstream import Seen


def request(target: str, *fields: str, method: str = "GET", host: str = "127.0.0.1", body: bytes = b"") -> bytes:
    """A request for `target` with these fields (latin-1), byte for byte."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", *fields, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


async def ask(house: House, data: bytes, method: str = "GET") -> Answer:
    """The answer to these bytes, on a connection of their own."""
    line = await house.line()
    try:
        await line.send(data)
        return await line.answer(method)
    finally:
        await line.close()


async def refused(house: House, data: bytes, *statuses: int, method: str = "GET") -> Answer:
    """Ask, and prove that the upstream got nothing of it."""
    answer = await ask(house, data, method)
    assert answer.status in statuses, (answer.status, data)
    assert house.upstream.seen == [], data
    assert house.upstream.refused == [], data
    return answer


async def forwarded(house: House, data: bytes, method: str = "GET") -> Seen:
    """Ask, and give what the upstream got."""
    answer = await ask(house, data, method)
    assert answer.status == 200, (answer.status, answer.body, data)
    return house.upstream.seen[-1]


def cookie(browser: Browser) -> str:
    """The Cookie line of a browser."""
    return f"Cookie: {browser.cookie_header()}"


def own_host(house: House) -> str:
    """The Host under which people sign in."""
    return f"127.0.0.1:{house.port}"
