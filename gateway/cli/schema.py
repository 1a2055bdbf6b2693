"""`gateway schema`: the JSON Schema of gateway.toml, for editors."""

import argparse
import json

from gateway.config import json_schema, policy_json_schema

from .common import Subparsers


def add_to(commands: Subparsers) -> None:
    """Describe the command."""
    parser = commands.add_parser("schema", help="print the JSON Schema of the configuration")
    parser.add_argument("--policy", action="store_true", help="of a policy file instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    print(json.dumps(policy_json_schema() if arguments.policy else json_schema(), indent=2, ensure_ascii=False))
    return 0
