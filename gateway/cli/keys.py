"""`gateway keys generate`: new keys and secrets, written where nobody else can read them."""

import argparse
import base64
import os
import secrets
import sys
from pathlib import Path

from gateway.signing import ALGORITHMS, generate_pem

from .common import Subparsers, fail

KINDS = ("identity", "cookie", "token")


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("keys", help="make keys and secrets")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    generate = actions.add_parser("generate", help="make one; printed, or written to a new file of mode 0600")
    generate.add_argument("kind", choices=KINDS, nargs="?", default="identity")
    generate.add_argument("--algorithm", choices=ALGORITHMS, default="ES256", help="of an identity key")
    generate.add_argument("-o", "--out", type=Path, help="a file that does not exist yet")
    generate.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Generate."""
    content = generated(arguments.kind, arguments.algorithm)
    if arguments.out is None:
        sys.stdout.write(content.decode("ascii"))
        return 0
    try:
        write_new(arguments.out, content)
    except FileExistsError as error:
        return fail(f"{arguments.out}: {error.strerror}; existing keys are never overwritten")
    except OSError as error:
        return fail(f"{arguments.out}: {error.strerror}")
    print(f"wrote {arguments.out}")
    return 0


def generated(kind: str, algorithm: str = "ES256") -> bytes:
    """A key of `kind`, as its file's content."""
    if kind == "identity":
        return generate_pem(algorithm)
    if kind == "cookie":
        return base64.urlsafe_b64encode(secrets.token_bytes(32)) + b"\n"
    return secrets.token_urlsafe(32).encode() + b"\n"


def write_new(path: Path, content: bytes) -> None:
    """Write a file of mode 0600, its folder 0700. Raises OSError if it exists."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
