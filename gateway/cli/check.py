"""`gateway check`: the configuration, by the same code as the start."""

import argparse
import asyncio
import sys

from gateway.app import connect_once

from .common import Subparsers, add_config, loaded_or_none


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("check", help="check the configuration, one line a problem")
    add_config(parser)
    parser.add_argument("--online", action="store_true", help="also connect to stores and upstreams")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 if the gateway could start, 2 with the problems if not."""
    loaded = loaded_or_none(arguments.config)
    if loaded is None:
        return 2
    problems = asyncio.run(connect_once(loaded.settings)) if arguments.online else []
    for problem in problems:
        print(f"{arguments.config}: {problem}", file=sys.stderr)
    if problems:
        return 2
    print(f"{arguments.config}: ok, {len(loaded.routes)} routes, {len(loaded.policies)} policies")
    return 0
