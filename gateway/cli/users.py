"""`gateway users add`: an account for the `file` verifier."""

import argparse
import getpass
import json
import sys
from pathlib import Path
from typing import Any

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
    try:
        for name in ("username", "user_id", "phone", "claims"):
            _check_text(name, getattr(arguments, name))
        claims = _claims(arguments.claims)
        password = _password()
    except ValueError as error:
        return fail(str(error))
    try:
        add_user(
            arguments.file,
            arguments.username,
            password=password,
            user_id=arguments.user_id,
            claims=claims,
            phone=arguments.phone,
        )
    except OSError as error:
        return fail(f"{arguments.file}: {error.strerror}")
    except ValueError as error:
        return fail(f"{arguments.file}: {error}")
    print(f"added {arguments.username} to {arguments.file}")
    return 0


def _check_text(name: str, value: str | None) -> None:
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        option = name if name == "username" else f"--{name.replace('_', '-')}"
        raise ValueError(f"{option} is not UTF-8") from None


def _claims(text: str) -> dict[str, Any]:
    try:
        claims = json.loads(text)
    except ValueError as error:
        raise ValueError(f"--claims is not JSON: {error}") from None
    if not isinstance(claims, dict):
        raise ValueError('--claims must be a JSON object, like {"name":"Ann"}')
    return claims


def _password() -> str:
    """What the terminal or standard input gives, without the end of its line."""
    try:
        typed = getpass.getpass() if sys.stdin.isatty() else sys.stdin.buffer.readline().decode().rstrip("\r\n")
        typed.encode()
    except UnicodeError:
        raise ValueError("the password is not UTF-8") from None
    except EOFError:
        typed = ""
    if not typed:
        raise ValueError("the password is empty: type one, or give it on standard input")
    return typed
