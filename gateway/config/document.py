"""One TOML file as read: its values, and where each stands."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .lines import Lines, scan
from .problems import Problem

_LARGEST = 1024 * 1024  # bytes


@dataclass(frozen=True)
class Document:
    """`data` holds tuples where TOML has arrays, so that it fits strict models."""

    file: str
    data: dict[str, Any]
    lines: Lines


def read_document(path: Path) -> Document | Problem:
    """The parsed file, or the one problem that keeps it from being read."""
    file = str(path)
    try:
        with path.open("rb") as source:
            raw = source.read(_LARGEST + 1)
    except OSError as error:
        return Problem(file, 0, "", f"cannot be read: {error.strerror or 'not a file'}")
    if len(raw) > _LARGEST:
        return Problem(file, 0, "", "is larger than 1 MB: that is no configuration")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return Problem(file, raw.count(b"\n", 0, error.start) + 1, "", "is not UTF-8: save the file as UTF-8")
    try:
        return Document(file, _frozen(tomllib.loads(text)), scan(text))
    except RecursionError:
        return Problem(file, 1, "", "is nested too deeply")
    except ValueError as error:
        return Problem(file, _line_of(str(error), text), "", f"is not TOML: {_kindly(str(error))}")


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_frozen(item) for item in value)
    return value


def _line_of(message: str, text: str) -> int:
    match = re.search(r"at line (\d+)", message)
    return int(match[1]) if match else text.rstrip().count("\n") + 1


_HINTS = {
    "Invalid value": "a value is missing or unquoted: strings stand in quotes, lists in brackets",
    "Expected '=' after a key": "after a key comes = and its value",
    "Expected newline or end of document": "one key a line; check the quotes before this",
    "Cannot overwrite a value": "this key or table is written twice",
    "Cannot declare": "this table is written twice; only [[tables]] may repeat",
    "Unterminated string": "a quote is not closed",
    "Illegal character": "a quote is not closed, or a control character stands in a string",
    "Unclosed array": "a [ is not closed",
    "Unescaped '\\\\'": "a backslash in a string is written twice",
}


def _kindly(message: str) -> str:
    plain = re.sub(r" \(at .*\)$", "", message)
    hint = next((hint for start, hint in _HINTS.items() if plain.startswith(start)), "")
    return f"{plain[:1].lower()}{plain[1:120]}" + (f" ({hint})" if hint else "")
