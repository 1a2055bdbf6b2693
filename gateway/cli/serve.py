"""`gateway serve`: run until SIGTERM or SIGINT, then drain."""

import argparse
import asyncio
import logging
import signal
import sys

import uvloop

from gateway.app import Gateway
from gateway.config import Loaded
from gateway.core.errors import StoreOutage
from gateway.listeners import ListenerUnusable
from gateway.stores.database import StoreUnusable
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import configure, log_loop_error

from .common import Subparsers, add_config, fail, loaded_or_none

log = logging.getLogger(__name__)


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("serve", help="run the gateway")
    add_config(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve."""
    loaded = loaded_or_none(arguments.config)
    if loaded is None:
        return 2
    writer = LineWriter(sys.stderr.fileno())
    configure(loaded.settings.log.level, writer)
    try:
        uvloop.run(_serve(loaded, writer))
    except (ListenerUnusable, OSError, StoreUnusable, StoreOutage) as error:
        return fail(f"cannot start: {error}")
    except Exception:
        log.critical("the gateway ended by a fault of its own", exc_info=True)  # types and places, no messages
        return 1
    finally:
        writer.close()
    return 0


async def _serve(loaded: Loaded, writer: LineWriter) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_loop_error)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, log.warning, "SIGHUP ignored: restart to read the configuration anew")
    gateway = Gateway(loaded, writer)
    await gateway.start()
    log.info("listening on %s; admin on %s", ", ".join(gateway.addresses), gateway.admin_address)
    await stop.wait()
    log.info("stopping")
    await gateway.stop()
