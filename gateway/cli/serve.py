"""`gateway serve`: run until SIGTERM or SIGINT, then drain; SIGHUP reloads the configuration."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

import uvloop

from gateway.app import CertificateUnusable, Gateway, Reloader
from gateway.config import Loaded, load
from gateway.core.errors import StoreOutage
from gateway.listeners import ListenerUnusable
from gateway.stores.database import StoreUnusable
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import configure, log_loop_error
from gateway.wire.tasks import Tasks

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
        uvloop.run(_serve(arguments.config, loaded, writer))
    except (CertificateUnusable, ListenerUnusable, OSError, StoreUnusable, StoreOutage) as error:
        return fail(f"cannot start: {error}")
    except Exception:
        log.critical("the gateway ended by a fault of its own", exc_info=True)  # types and places, no messages
        return 1
    finally:
        writer.close()
    return 0


async def _serve(path: Path, loaded: Loaded, writer: LineWriter) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_loop_error)
    gateway = Gateway(loaded, writer)
    reloader = Reloader(gateway, lambda: load(path, env=os.environ))
    stop = asyncio.Event()

    def end() -> None:
        if stop.is_set():
            log.warning("asked to stop again: what is under way is cut off")
            gateway.hurry()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    loop.add_signal_handler(signal.SIGHUP, reloader.ask)
    await gateway.start()
    log.info("listening on %s; admin on %s", ", ".join(gateway.addresses), gateway.admin_address)
    tasks = Tasks()
    tasks.start(reloader.run())
    await stop.wait()
    log.info("stopping")
    await gateway.stop()
    await tasks.close()
