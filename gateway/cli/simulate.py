"""`gateway simulate`: a painted WeChat and a small legacy application, for demos and tests."""

import argparse
import asyncio
import contextlib
import re
import signal
from urllib.parse import urlsplit

from gateway.simulator.hints import DEMO_ACCOUNTS, demo_hints, demo_menu
from gateway.simulator.legacy import LegacySim, build_legacy
from gateway.simulator.run import address, serve
from gateway.simulator.scene import SimApp, WeChatSim
from gateway.simulator.wechat import build_wechat

from .common import Subparsers, fail

DEMO_APP_ID = "wx520c15f417810387"
DEMO_SECRET = "5d1c9b0f3a7e4826b1f0c2d4e6a8907b"  # noqa: S105  the painted WeChat's own, worth nothing elsewhere


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("simulate", help="run a painted WeChat and a small legacy application")
    parser.add_argument(
        "--wechat", type=_listen, default="127.0.0.1:8090", help="where WeChat and the phone page listen"
    )
    parser.add_argument("--legacy", type=_listen, default="127.0.0.1:8070", help="where the legacy application listens")
    parser.add_argument("--gateway", type=_origin, default="http://127.0.0.1:8080", help="the gateway's public_url")
    parser.add_argument("--app-id", default=DEMO_APP_ID)
    parser.add_argument("--secret", default=DEMO_SECRET, help="the painted AppSecret")
    parser.add_argument("--audience", default="legacy", help="the audience that the legacy application expects")
    parser.add_argument("--prefix", default="/_gateway")
    parser.add_argument("--require-wechat", action="store_true", help="refuse browsers that are not WeChat's")
    parser.set_defaults(run=run)


def _listen(text: str) -> str:
    if not re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]/]+):[0-9]{1,5}", text) or int(text.rpartition(":")[2]) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not an address: write HOST:PORT, like 127.0.0.1:8090")
    return text


def _origin(text: str) -> str:
    if not re.fullmatch(r"https?://[^/?#@]+/?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an origin: write it like http://127.0.0.1:8080")
    return text.removesuffix("/")


def run(arguments: argparse.Namespace) -> int:
    """Run both until SIGINT or SIGTERM."""
    try:
        asyncio.run(_simulate(arguments))
    except OSError as error:
        return fail(str(error))
    return 0


async def _simulate(arguments: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    domain = urlsplit(arguments.gateway).hostname or ""
    wechat = WeChatSim(
        apps=(SimApp(arguments.app_id, arguments.secret, domains=(domain,)),),
        menu=demo_menu(arguments.gateway),
        hints=demo_hints(),
        require_wechat_ua=arguments.require_wechat,
    )
    legacy = LegacySim(
        jwks_url=f"{arguments.gateway}{arguments.prefix}/jwks.json",
        audience=arguments.audience,
        issuer=arguments.gateway,
        accounts=DEMO_ACCOUNTS,
        gateway_prefix=arguments.prefix,
        elsewhere=f"http://{arguments.wechat}/",
    )
    async with contextlib.AsyncExitStack() as running:
        for name, app, listen in (
            ("wechat", build_wechat(wechat), arguments.wechat),
            ("legacy", build_legacy(legacy), arguments.legacy),
        ):
            host, _, port = listen.rpartition(":")
            try:
                runner = await serve(app, host.strip("[]"), int(port))
            except OSError as error:
                raise OSError(f"--{name} {listen}: {error.strerror}") from error
            running.push_async_callback(runner.cleanup)
            print(f"{name}: {address(runner)}", flush=True)
        await stop.wait()
