"""`gateway verify`: check a token as a backend would. The token comes on standard input: arguments are public."""

import argparse
import json
import sys
import time
from pathlib import Path

from gateway.signing import InvalidToken, KeyRing, load_private_pem, verify

from .common import Subparsers, add_config, fail, loaded_or_none


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("verify", help="check an X-User token read from standard input, print its claims")
    add_config(parser)
    parser.add_argument("--audience", required=True, help="the `aud` that the backend expects")
    parser.add_argument("--issuer", help="default: the configuration's")
    parser.add_argument("--jwks", type=Path, help="a JWK set's file, instead of the configuration's keys")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """0 and the claims; 1 and why not; 2 if there is nothing to check with."""
    token = sys.stdin.read(16 * 1024).strip().removeprefix("X-User:").strip()
    jwks: bytes | None = None
    secret: bytes | None = None
    issuer = arguments.issuer
    if arguments.jwks is not None:
        try:
            jwks = arguments.jwks.read_bytes()
        except OSError as error:
            return fail(f"{arguments.jwks}: {error.strerror}", 2)
    if jwks is None or issuer is None:
        loaded = loaded_or_none(arguments.config)
        if loaded is None:
            return 2
        identity = loaded.settings.identity
        issuer = issuer or identity.issuer
        if jwks is None and identity.algorithm == "HS256":
            of_audience = [key for key in identity.keys if key.audience in (arguments.audience, None)]
            if not of_audience:
                return fail(f"refused: no HS256 secret is configured for the audience {arguments.audience!r}")
            secret = of_audience[0].secret.get_secret_value()
        elif jwks is None:
            keys = [load_private_pem(key.secret.get_secret_value(), identity.algorithm) for key in identity.keys]
            jwks = KeyRing(keys).jwks()
    try:
        claims = verify(token, audience=arguments.audience, issuer=issuer, now=time.time(), jwks=jwks, secret=secret)
    except InvalidToken as error:
        return fail(f"refused: {error}")
    print(json.dumps(claims, indent=2, ensure_ascii=False))
    return 0
