"""`gateway serve`: run until SIGTERM or SIGINT, then drain; SIGHUP reloads the configuration."""

import argparse
import logging
import os

from gateway.app import Gateway
from gateway.app.processors import usable_processors
from gateway.config import load

from .common import Subparsers, add_config, fail, loaded_or_none
from .running import run_until_stopped
from .workers import supervise

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
    workers = loaded.settings.server.workers
    count = usable_processors() if workers == "auto" else workers
    if count > 1:
        return supervise(loaded, arguments.config, count)
    return run_until_stopped(
        lambda writer: Gateway(loaded, writer),
        loaded.settings.log.level,
        read=lambda: load(arguments.config, env=os.environ),
        started=lambda gateway: log.info(
            "listening on %s; admin on %s", ", ".join(gateway.addresses), gateway.admin_address
        ),
        stopping=lambda: log.info("stopping"),
        failed=fail,
    )
