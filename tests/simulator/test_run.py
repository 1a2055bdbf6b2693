"""Opening and closing on a real port."""

import asyncio
import signal
import subprocess
import sys
import urllib.request

import aiohttp
import pytest

from gateway.simulator.run import address, serve
from gateway.simulator.wechat import SimApp, WeChatSim, build_wechat

SIM = WeChatSim(apps=(SimApp("wx1", "s"),))
PROGRAM = """
from gateway.simulator.run import run_simulator
from gateway.simulator.wechat import SimApp, WeChatSim
run_simulator("127.0.0.1", 0, WeChatSim(apps=(SimApp("wx1", "s"),)), lambda origin: print(origin, flush=True))
"""


async def test_serves_on_any_port_and_closes():
    """`serve` listens where `address` says, and nobody listens after cleanup."""
    runner = await serve(build_wechat(SIM), "127.0.0.1", 0)
    origin = address(runner)
    async with aiohttp.ClientSession() as client:
        async with client.get(origin + "/sim/state") as response:
            assert response.status == 200
        await runner.cleanup()
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.get(origin + "/sim/state")


async def test_a_taken_port_is_an_oserror():
    """A port in use raises, and leaves nothing behind."""
    runner = await serve(build_wechat(SIM), "127.0.0.1", 0)
    try:
        with pytest.raises(OSError, match="address already in use"):
            await serve(build_wechat(SIM), "127.0.0.1", runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_runs_until_a_signal(number):
    """The blocking entry says its address, serves, and ends with 0 and without a word on SIGINT or SIGTERM."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        origin = process.stdout.readline().decode().strip()
        with urllib.request.urlopen(origin + "/", timeout=10) as response:
            assert response.status == 200
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (0, b"")
    finally:
        process.kill()
        process.communicate()


async def test_everything_in_flight_ends_at_shutdown(unused_tcp_port):
    """A copy that waits is cancelled when the server closes."""
    forever = asyncio.Event()
    started = asyncio.Event()

    async def sleep(_seconds):
        started.set()
        await forever.wait()

    runner = await serve(
        build_wechat(WeChatSim(apps=(SimApp("wx1", "s"),), default_user="alice", sleep=sleep)), "127.0.0.1", 0
    )
    async with aiohttp.ClientSession() as client:
        await client.post(address(runner) + "/sim/switch", json={"name": "duplicate_callback", "value": 5})
        path = f"/connect/oauth2/authorize?appid=wx1&redirect_uri=http%3A%2F%2F127.0.0.1%3A{unused_tcp_port}%2F"
        url = address(runner) + path + "&response_type=code&scope=snsapi_base&state=a"
        response = await client.get(url, allow_redirects=False)
        assert response.status == 302
        await started.wait()
    async with asyncio.timeout(10):
        await runner.cleanup()
