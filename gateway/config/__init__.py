"""gateway.toml, policies/ and secrets: read once, checked as a whole, handed on as values that never change."""

from .addresses import Address, Tcp, Unix
from .checks import Draft
from .load import Loaded, load
from .problems import ConfigurationError, Problem
from .schema import json_schema, policy_json_schema
from .settings import Settings

__all__ = [
    "Address",
    "ConfigurationError",
    "Draft",
    "Loaded",
    "Problem",
    "Settings",
    "Tcp",
    "Unix",
    "json_schema",
    "load",
    "policy_json_schema",
]
