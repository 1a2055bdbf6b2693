"""`gateway demo`, as `make demo` runs it: fixed ports, nothing to configure, an ordinary desktop browser, Ctrl-C."""

import os
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from .phone import DESKTOP, Phone
from .processes import House, copy_demo, running, wait_for

pytestmark = pytest.mark.asyncio(loop_scope="package")

PORTS = {"gateway": 8080, "admin": 8081, "wechat": 8090, "legacy": 8070}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A fresh copy of what the repository's folder has for the demo. Fails where its ports are in use."""
    taken = [port for port in PORTS.values() if is_taken(port)]
    if taken:
        pytest.fail(f"the demo needs the ports {taken} of 127.0.0.1: end what listens there, then test again")
    copy_demo(tmp_path, {})
    return tmp_path


Open = Callable[[], Awaitable[Phone]]


@pytest_asyncio.fixture(loop_scope="package")
async def open_desktop(browser: Browser, folder: Path, shots: Path) -> AsyncIterator[Open]:
    """Gives ordinary browsers on a desk; checks each of them at the end."""
    house = House(folder, PORTS["gateway"], PORTS["admin"], PORTS["wechat"], PORTS["legacy"])
    desktops: list[Phone] = []

    async def open_desktop() -> Phone:
        context = await browser.new_context(**DESKTOP)
        desktops.append(Phone(await context.new_page(), house, shots))
        desktops[-1].watch()
        return desktops[-1]

    yield open_desktop
    for desktop in desktops:
        await desktop.context.close()
        desktop.check()


async def test_the_demo(folder: Path, open_desktop: Open) -> None:
    """It says what to open and with which account; that is what then happens; Ctrl-C ends all of it, quietly."""
    log = folder / "demo.log"
    with running(log, "demo", cwd=folder) as demo:
        assert wait_for(lambda: "Ctrl-C" in log.read_text(), demo), log.read_text()
        for said in ("http://127.0.0.1:8090/", "xiaoming", "longjing", "13800138000", "greets you by name"):
            assert said in log.read_text()
        started = [demo.pid, *children_of(demo)]
        assert len(started) == 3

        await walk_as_told(await open_desktop())
        await open_the_gateway_first(await open_desktop())

        os.killpg(demo.pid, signal.SIGINT)  # what a terminal does at Ctrl-C
        assert demo.wait(10) == 0, log.read_text()
        assert [pid for pid in started if is_alive(pid)] == []
        assert "Traceback" not in log.read_text()
        assert not any(is_taken(port) for port in PORTS.values())


async def walk_as_told(desktop: Phone) -> None:
    """The phone page, a tap, the bind page, the page that was asked for."""
    heading = desktop.page.get_by_role("heading", level=1)
    await desktop.hand_to("xiaoming")
    await desktop.look("desktop-phone")
    await desktop.menu("我的订单")
    await desktop.on("/_gateway/bind")
    await desktop.look("desktop-bind")
    await desktop.fill_in("xiaoming")
    await desktop.on("/orders")
    await expect(heading).to_have_text("王小明的订单")
    await desktop.visit("/")
    await expect(heading).to_have_text("王小明，您好！")
    await desktop.look("desktop-home")
    await desktop.visit("/_gateway/me")
    await desktop.look("desktop-me")


async def open_the_gateway_first(desktop: Phone) -> None:
    """Who opens the gateway before the phone page is asked who holds the phone, and goes on from there."""
    await desktop.visit("/orders")
    await expect(desktop.page.get_by_role("status")).to_contain_text("谁在用这部手机？")
    await desktop.look("desktop-who")
    await desktop.press(desktop.page.get_by_role("button", name="小红"))
    await desktop.on("/_gateway/bind")
    await desktop.fill_in("xiaohong")
    await desktop.on("/orders")


@pytest.mark.parametrize("signals", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM,), (signal.SIGHUP,)])
async def test_every_end_is_a_whole_one(folder: Path, signals: tuple[signal.Signals, ...]) -> None:
    """A hasty second Ctrl-C, a SIGTERM and a closed terminal leave no process, no port and no traceback behind."""
    log = folder / "demo.log"
    with running(log, "demo", cwd=folder) as demo:
        assert wait_for(lambda: "Ctrl-C" in log.read_text(), demo), log.read_text()
        started = [demo.pid, *children_of(demo)]
        assert len(started) == 3
        os.killpg(demo.pid, signals[0])
        if len(signals) > 1:
            assert wait_for(lambda: "ending" in log.read_text(), demo), log.read_text()
            os.killpg(demo.pid, signals[1])
        assert demo.wait(10) == 0, log.read_text()
        assert [pid for pid in started if is_alive(pid)] == []
        assert "Traceback" not in log.read_text()


async def test_a_port_in_use(tmp_path: Path) -> None:
    """It names the port and ends with an error, instead of starting the half."""
    copy_demo(tmp_path, {})
    log = tmp_path / "demo.log"
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if not is_taken(PORTS["wechat"]):
            squatter.bind(("127.0.0.1", PORTS["wechat"]))
            squatter.listen()
        with running(log, "demo", cwd=tmp_path) as demo:
            assert demo.wait(10) == 1
    assert f"port {PORTS['wechat']} of 127.0.0.1 is in use" in log.read_text()
    assert not (tmp_path / ".demo").exists()


def children_of(process: subprocess.Popen[bytes]) -> list[int]:
    """The ids of its children, as the kernel says."""
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def is_alive(pid: int) -> bool:
    """Whether a process of that id is there."""
    return Path(f"/proc/{pid}").exists()


def is_taken(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
