"""What the tests of the data plane share: requests as bytes, and the proof that nothing is left behind."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from .conftest import House
from .raw import PATIENCE, Answer, Browser, Line

BACKGROUND = 1  # the watch over what goes on for long; upstreams' own come on top


def request(
    method: str = "GET",
    target: str = "/public/x",
    *fields: str,
    body: bytes = b"",
    version: str = "1.1",
    host: str = "gw.test",
) -> bytes:
    """A request to the public route, whole. A Content-Length is added for a body that nobody framed."""
    lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", *fields]
    if body and not any(field.lower().startswith(("content-length", "transfer-encoding")) for field in fields):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


@contextlib.asynccontextmanager
async def line_to(house: House) -> AsyncIterator[Line]:
    """A connection that is hung up at the end, whatever happens."""
    line = await house.line()
    try:
        yield line
    finally:
        await line.close()


async def ask(house: House, data: bytes, method: str = "GET") -> Answer:
    """One request on a connection of its own."""
    async with line_to(house) as line:
        await line.send(data)
        return await line.answer(method)


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something holds; it is looked at again and again, for as long as a test has patience."""
    try:
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - what is waited for is inside of the gateway
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(what) from None


def busy(house: House) -> dict[str, str]:
    """The pools that are not at rest, as they show themselves."""
    front = house.gateway._front
    assert front is not None
    pools = {
        f"{name} {server.name}": repr(server.pool)
        for name, upstream in front._carrier.upstreams.items()
        for server in upstream.servers
    }
    return {name: shown for name, shown in pools.items() if "<Pool 0 active" not in shown}


async def at_rest(house: House) -> None:
    """Every client is gone, every task has ended, every upstream connection is idle or closed."""
    front = house.gateway._front
    assert front is not None
    tasks = front._carrier.tasks
    background = BACKGROUND + sum(len(upstream._running) for upstream in front._carrier.upstreams.values())
    await until(
        lambda: not front.connections and not busy(house) and len(tasks) <= background,
        f"left behind: {len(front.connections)} clients, {len(tasks)} tasks, {busy(house)}",
    )


def own_host(house: House) -> str:
    """The Host under which people sign in."""
    return f"127.0.0.1:{house.port}"


def as_user(browser: Browser, method: str, target: str, *fields: str, body: bytes = b"") -> bytes:
    """A request with the browser's cookies."""
    cookie = f"Cookie: {browser.cookie_header()}"
    return request(method, target, cookie, *fields, body=body, host=browser.host)


async def logged(house: House, text: str) -> str:
    """The first line of the log that has `text`; lines are written a little later than answers."""
    await until(lambda: text in house.log.read_text(), f"no line of the log has {text}")
    return next(line for line in house.log.read_text().splitlines() if text in line)
