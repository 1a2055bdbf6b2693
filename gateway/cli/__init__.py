"""The command line: `gateway serve`, `check`, `explain`, `demo`, `simulate`, `keys`, `users`, `schema`, `verify`."""

import argparse
import sys
from collections.abc import Sequence

from gateway import __version__

from . import check, demo, explain, keys, schema, serve, simulate, users, verify

_COMMANDS = (serve, check, explain, demo, simulate, keys, users, schema, verify)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Exit status: 0 done, 1 failed, 2 wrong configuration or usage."""
    parser = argparse.ArgumentParser(prog="gateway", description="WeChat login in front of any web system.")
    parser.add_argument("--version", action="version", version=f"gateway {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add_to(commands)
    chosen = parser.parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1
