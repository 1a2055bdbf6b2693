"""Chromium, the processes, and a fresh browser for each test."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from .phone import PHONE, Phone
from .processes import House, open_house

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_HOUSE = pytest.StashKey[House]()

Pick = Callable[..., Awaitable[Phone]]


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium."""
    path = shutil.which("chromium")
    assert path, "chromium is not installed: apt-get install chromium fonts-noto-cjk"
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield chromium
        await chromium.close()


@pytest.fixture(scope="package")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The simulator and the gateway."""
    with open_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture
def house(processes: House, request: pytest.FixtureRequest) -> House:
    """The simulator and the gateway, on their first day."""
    processes.forget()
    request.node.stash[_HOUSE] = processes
    return processes


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Where pictures of the pages go."""
    folder = Path(os.environ.get("GATEWAY_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest_asyncio.fixture(loop_scope="package")
async def pick_up(browser: Browser, house: House, shots: Path) -> AsyncIterator[Pick]:
    """Gives fresh browsers, phones with WeChat unless options say otherwise; checks each of them at the end."""
    phones: list[Phone] = []

    async def pick_up(**options: Any) -> Phone:
        context = await browser.new_context(**{**PHONE, **options})
        context.set_default_timeout(15_000)
        phone = Phone(await context.new_page(), house, shots)
        phone.watch()
        phones.append(phone)
        return phone

    yield pick_up
    for phone in phones:
        await phone.context.close()
    for phone in phones:
        phone.check()


@pytest_asyncio.fixture(loop_scope="package")
async def phone(pick_up: Pick) -> Phone:
    """A phone with WeChat, set to Chinese."""
    return await pick_up()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """Show what the processes wrote when a test fails."""
    report = yield
    if report.failed and (house := item.stash.get(_HOUSE, None)):
        report.sections.append(("the processes wrote", house.log[-20_000:]))
    return report
