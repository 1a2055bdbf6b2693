"""What several commands share."""

import argparse
import contextlib
import os
import sys
from pathlib import Path
from typing import TypeAlias

from gateway.app.looks import load
from gateway.config import ConfigurationError, Loaded

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option -c."""
    parser.add_argument("-c", "--config", type=Path, default=Path("gateway.toml"), help="default: gateway.toml")


def loaded_or_none(path: Path) -> Loaded | None:
    """The configuration, its warnings told; or None after telling every problem, one a line."""
    try:
        loaded = load(path)
    except ConfigurationError as error:
        hint = "" if os.path.exists(path) else "; run this in its folder, or name it with -c"
        tell(f"{error}{hint}")
        return None
    for warning in loaded.warnings:
        tell(f"warning: {warning}")
    return loaded


def tell(text: str) -> None:
    """A line for the operator. That it cannot be written (a full disk) is no reason not to serve."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr)


def counted(number: int, one: str, many: str) -> str:
    """`1 route`, `2 routes`."""
    return f"{number} {one if number == 1 else many}"


def fail(message: str, status: int = 1) -> int:
    """Tell why, and the exit status of a failure."""
    tell(f"gateway: {message}")
    return status
