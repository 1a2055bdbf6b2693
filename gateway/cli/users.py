"""`gateway users`: the accounts of the `file` verifier and phone resolver."""

import argparse
import getpass
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gateway.verifiers.users import add_user, change_user, load_users, remove_user

from .common import Subparsers, fail

_CLAIMS = 'JSON, like {"name":"Ann","roles":["admin"]}'

_BUT = ", but comments between users are lost"


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("users", help="accounts of the file verifier: add, list, change, remove")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = _action(actions, "add", _add, "add one; the password is asked for, or read from standard input")
    add.add_argument("--user-id", required=True, help="the user's id in the legacy system")
    add.add_argument("--phone", help="for codes by SMS")
    add.add_argument("--claims", default="{}", help=_CLAIMS)
    change = _action(
        actions, "change", _change, "change one; what is not named stays, but comments between users are lost"
    )
    change.add_argument("--password", action="store_true", help="a new one is asked for, or read from standard input")
    change.add_argument("--user-id", help="the user's id in the legacy system")
    change.add_argument("--phone", help='for codes by SMS; "" takes it away')
    change.add_argument("--claims", help=_CLAIMS + "; all claims anew")
    _action(
        actions, "remove", _remove, "remove one; bindings made with the account stay, comments between users are lost"
    )
    _action(actions, "list", _list, "names, ids, phones and claims; no hashes", named=False)


def _action(
    actions: Subparsers, name: str, work: Callable[[argparse.Namespace], str], summary: str, *, named: bool = True
) -> argparse.ArgumentParser:
    parser = actions.add_parser(name, help=summary, description=summary)
    parser.add_argument("file", type=Path, help="the users file (bind.password.file)")
    if named:
        parser.add_argument("username")
    parser.set_defaults(run=run, work=work)
    return parser


def run(arguments: argparse.Namespace) -> int:
    """Do one thing to the file; 1 with a message if that is not possible."""
    try:
        for name in ("username", "user_id", "phone", "claims"):
            _check_text(name, getattr(arguments, name, None))
        said = arguments.work(arguments)
    except OSError as error:
        return fail(f"{arguments.file}: {error.strerror}")
    except ValueError as error:
        return fail(str(error))
    if said:
        print(said)
    return 0


def _add(arguments: argparse.Namespace) -> str:
    claims, password = _claims(arguments.claims), _password()
    with _told_of(arguments.file):
        add_user(
            arguments.file,
            arguments.username,
            password=password,
            user_id=arguments.user_id,
            claims=claims,
            phone=arguments.phone,
        )
    return f"added {arguments.username} to {arguments.file}"


def _change(arguments: argparse.Namespace) -> str:
    changes: dict[str, Any] = {}
    if arguments.user_id is not None:
        changes["user_id"] = arguments.user_id
    if arguments.phone is not None:
        changes["phone"] = arguments.phone or None
    if arguments.claims is not None:
        changes["claims"] = _claims(arguments.claims) or None
    if arguments.password:
        changes["password"] = _password()
    if not changes:
        raise ValueError("nothing to change: name --password, --user-id, --phone or --claims")
    with _told_of(arguments.file):
        change_user(arguments.file, arguments.username, changes)
    return f"changed {', '.join(changes)} of {arguments.username} in {arguments.file}"


def _remove(arguments: argparse.Namespace) -> str:
    with _told_of(arguments.file):
        remove_user(arguments.file, arguments.username)
    return f"removed {arguments.username} from {arguments.file}"


def _list(arguments: argparse.Namespace) -> str:
    with _told_of(arguments.file):
        users = load_users(arguments.file).by_name
    rows = [
        (
            json.dumps(name, ensure_ascii=False)[1:-1],
            entry.user.user_id,
            entry.phone or "-",
            "password" if entry.password else "-",
            json.dumps(entry.user.claims, ensure_ascii=False),
        )
        for name, entry in users.items()
    ]
    return "\n".join("\t".join(row) for row in rows)


@contextmanager
def _told_of(file: Path) -> Iterator[None]:
    """A ValueError about the file names it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


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
