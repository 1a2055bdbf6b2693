"""`gateway serve`: run until SIGTERM or SIGINT, then drain; SIGHUP reloads the configuration."""

import argparse
import logging

from gateway.app import Gateway
from gateway.app.looks import load
from gateway.app.processors import usable_processors
from gateway.config import ConfigurationError, Loaded

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
    count = _workers(loaded)
    if count > 1:
        return supervise(loaded, arguments.config, count)

    def read() -> Loaded:
        anew = load(arguments.config)
        if _workers(anew) != count:
            raise ConfigurationError((anew.problem(("server", "workers"), "takes a restart to be changed"),))
        return anew

    return run_until_stopped(
        lambda writer: Gateway(loaded, writer),
        loaded.settings.log.level,
        read=read,
        started=lambda gateway: log.info(
            "listening on %s; admin on %s", ", ".join(gateway.addresses), gateway.admin_address
        ),
        stopping=lambda: log.info("stopping"),
        failed=fail,
    )


def _workers(loaded: Loaded) -> int:
    workers = loaded.settings.server.workers
    return usable_processors() if workers == "auto" else workers
