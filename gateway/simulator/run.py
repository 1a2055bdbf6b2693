"""Opens a simulator application on a real port, until told to stop."""

import asyncio
import signal
from collections.abc import Callable

from aiohttp import web

from gateway.simulator.wechat import WeChatSim, build_wechat

SHUTDOWN = 2.0  # seconds for requests under way


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Listen on host:port (0: any). The caller ends it with `await runner.cleanup()`.

    Logs no requests: their addresses carry codes. Raises OSError if the port is taken.
    """
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=SHUTDOWN)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner


def address(runner: web.AppRunner) -> str:
    """The origin that `runner` listens on, such as http://127.0.0.1:9000."""
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run_simulator(host: str, port: int, config: WeChatSim, opened: Callable[[str], None] = print) -> None:
    """Run the painted WeChat until SIGINT or SIGTERM; `opened` is told its address."""

    async def until_stopped() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        runner = await serve(build_wechat(config), host, port)
        try:
            opened(address(runner))
            await stop.wait()
        finally:
            await runner.cleanup()

    asyncio.run(until_stopped())
