"""The whole way of a login, as a browser walks it: page, WeChat, callback, and once the bind form."""

import asyncio
from dataclasses import dataclass

from bench.client import Browser, hidden_fields


async def sign_in(browser: Browser, page: str, wechat: str, user: str) -> str:
    """Ask for `page` without a session and go where the redirects lead, until the callback has answered.

    Returns where the callback sends the browser on.
    """
    browser.jars.setdefault(wechat.removeprefix("http://"), {})["wechat_sim_user"] = user
    url = page
    for step in ("the page", "WeChat", "the callback"):
        answer = await browser.get(url)
        if answer.status != 302 or not answer.location:
            raise RuntimeError(f"{step} answered {answer.status} instead of a redirect")
        url = answer.location
    return url


async def bind(browser: Browser, form_url: str, username: str, password: str) -> None:
    """Fill in the bind form. Raises RuntimeError unless it binds."""
    form = await browser.get(form_url)
    if form.location:  # /bind?return_to=… mints a ticket first
        form_url, form = form.location, await browser.get(form.location)
    fields = hidden_fields(form.body) | {
        "method": "password",
        "username": username,
        "password": password,
        "consent": "on",
    }
    answer = await browser.post(form_url.partition("?")[0], fields)
    if answer.status not in (302, 303):
        raise RuntimeError(f"bind answered {answer.status}")


@dataclass(frozen=True, slots=True)
class Logins:
    """`count` logins took `seconds`."""

    count: int
    seconds: float


async def log_in_many(page: str, wechat: str, users: list[str], at_once: int) -> Logins:
    """Each of `users` logs in once, `at_once` at a time, each with a browser of their own."""
    waiting = asyncio.Semaphore(at_once)

    async def one(user: str) -> None:
        async with waiting, Browser() as browser:
            await sign_in(browser, page, wechat, user)

    clock = asyncio.get_running_loop().time
    started = clock()
    async with asyncio.TaskGroup() as group:
        for user in users:
            group.create_task(one(user))
    return Logins(len(users), clock() - started)
