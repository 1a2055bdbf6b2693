"""`gateway users add`: an account for the `file` verifier."""

import argparse
import getpass
import json
import sys
from pathlib import Path

from gateway.verifiers.users import add_user

from .common import Subparsers, fail


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("users", help="accounts of the file verifier")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="add one; the password is asked for, or read from standard input")
    add.add_argument("file", type=Path, help="the users file (bind.password.file)")
    add.add_argument("username")
    add.add_argument("--user-id", required=True, help="the user's id in the legacy system")
    add.add_argument("--phone", help="for codes by SMS")
    add.add_argument("--claims", default="{}", help='JSON, like {"name":"Ann","roles":["admin"]}')
    add.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Add one user."""
    password = getpass.getpass() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
    try:
        claims = json.loads(arguments.claims)
        add_user(
            arguments.file,
            arguments.username,
            password=password,
            user_id=arguments.user_id,
            claims=claims,
            phone=arguments.phone,
        )
    except (OSError, ValueError) as error:
        return fail(str(error))
    print(f"added {arguments.username} to {arguments.file}")
    return 0
