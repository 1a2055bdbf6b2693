"""What validators must know beside the value itself, and the table that every section of a file is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, cast

from pydantic import BaseModel, ConfigDict, Field, ModelWrapValidatorHandler, ValidationInfo, model_validator


@dataclass
class Context:
    """One loading: where relative paths start, the environment, and what was found on the way.

    `valid` holds each section that is right in itself by the identity of its raw table, so that checks between
    sections still speak while another section is wrong.
    """

    base: Path
    env: Mapping[str, str]
    development: bool
    warnings: list[str] = field(default_factory=list)
    valid: dict[int, BaseModel] = field(default_factory=dict)


def context_of(info: ValidationInfo) -> Context:
    """The context that `load` gave to pydantic."""
    return cast(Context, info.context)


class Section(BaseModel):
    """A table of a configuration file: its keys are known, its values are of the stated type, nothing changes later."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        validate_default=True,
        hide_input_in_errors=True,
        arbitrary_types_allowed=True,
    )

    @model_validator(mode="wrap")
    @classmethod
    def _remember(cls, raw: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        section = handler(raw)
        if isinstance(info.context, Context):
            info.context.valid[id(raw)] = section
        return section


def key(*, description: str, default: Any = ..., **constraints: Any) -> Any:
    """A key of a table. `default` is written as TOML writes it; without one the key is required."""
    return Field(default, description=description, **constraints)
