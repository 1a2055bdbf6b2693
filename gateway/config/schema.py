"""The JSON Schemas of gateway.toml and of a policy file, made from the models."""

from functools import cache
from typing import Any

from .policies import PolicyFile
from .settings import Settings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def json_schema() -> dict[str, Any]:
    """The JSON Schema of gateway.toml."""
    return {"$schema": _DIALECT, **Settings.model_json_schema()}


@cache
def policy_json_schema() -> dict[str, Any]:
    """The JSON Schema of policies/NAME.toml."""
    return {"$schema": _DIALECT, **PolicyFile.model_json_schema()}
