"""`gateway check`: the configuration, by the same code as the start."""

import argparse
import asyncio
import sys

from .common import Subparsers, add_config, counted, loaded_or_none
from .online import problems_online


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("check", help="check the configuration, one line a problem")
    add_config(parser)
    parser.add_argument("--online", action="store_true", help="also try stores and upstreams; makes no file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 if the gateway could start, 2 with the problems if not."""
    loaded = loaded_or_none(arguments.config)
    if loaded is None:
        return 2
    problems = asyncio.run(problems_online(loaded)) if arguments.online else []
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        return 2
    routes = counted(len(loaded.routes), "route", "routes")
    policies = counted(len(loaded.policies), "policy", "policies")
    print(f"{arguments.config}: ok, {routes}, {policies}")
    return 0
