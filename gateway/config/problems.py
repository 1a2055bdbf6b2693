"""What is wrong with a configuration: every problem in one report, each a line that says what would be right."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from .lines import KeyPath


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem. `line` is 0 and `key` empty where the file as a whole is meant."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.key}: {self.message}" if self.key else f"{where}: {self.message}"


class ConfigurationError(Exception):
    """The configuration cannot be used. Its text is one line a problem."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dotted(path: KeyPath) -> str:
    """A key path as people write it: `apps[0].secret`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if _BARE.fullmatch(step) else repr(step))
    return text


_EXPECTED = {
    "string_type": "a string in quotes",
    "int_type": "a whole number, without quotes",
    "float_type": "a number, without quotes",
    "bool_type": "true or false, without quotes",
    "tuple_type": "a list in brackets",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}

_BOUNDS = {"greater_than_equal": ("ge", "more"), "less_than_equal": ("le", "less")}


def told(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what only follows from another error: a list is called short when its items are wrong."""
    wrong = [error["loc"] for error in errors]
    return [
        error
        for error in errors
        if error["type"] != "too_short"
        or not any(path[: len(error["loc"])] == error["loc"] and path != error["loc"] for path in wrong)
    ]


def message_of(error: ErrorDetails, schema: Mapping[str, Any], others: Mapping[str, Mapping[str, Any]]) -> str:
    """A pydantic error in our words. `schema` is the JSON Schema of the document, for the names that exist.

    `others` are those of other documents, by what each is called.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind == "extra_forbidden":
        key, known = str(error["loc"][-1]), sorted(_keys_at(schema, error["loc"][:-1]))
        places = [f"[{dotted(table)}]" for table in _tables_with(key, schema, schema) if table]
        places += [name for name, other in others.items() if key in other.get("properties", {})]
        return _unknown(key, known, places)
    if kind == "missing":
        return f"is required: {_description_at(schema, error['loc'])}"
    if kind in _EXPECTED:
        return f"must be {_EXPECTED[kind]}"
    if kind == "literal_error":
        return f"must be {context['expected']}, not {_shown(error['input'])}"
    if kind == "value_error":
        return str(context["error"])
    if kind == "too_short":
        return "may not be empty: write at least one"
    if kind == "string_too_short":
        return "may not be empty"
    if kind == "string_too_long":
        return f"must have at most {context['max_length']} characters, not {len(error['input'])}"
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"must be {context[bound]} or {words}, not {_shown(error['input'])}"
    return error["msg"][:1].lower() + error["msg"][1:] + f", not {_shown(error['input'])}"


def _unknown(key: str, known: list[str], places: list[str]) -> str:
    if longer := [name for name in known if name.endswith(f"_{key}")]:
        return f"unknown key; did you mean {' or '.join(map(repr, longer))}?"
    close = difflib.get_close_matches(key.lower().replace("-", "_"), known, n=1)
    if close and (not places or _plural(key) == _plural(close[0])):
        return f"unknown key; did you mean {close[0]!r}?"
    if places:
        return f"unknown key here: it belongs to {' or '.join(places)}"
    return f"unknown key; known here: {', '.join(known)}"


def _plural(key: str) -> str:
    """`url` and `urls` are one mistake, wherever else the other one belongs."""
    return key.rstrip("s") + "s"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()  # as TOML has it
    return repr(value) if isinstance(value, int | float | str) and len(repr(value)) <= 60 else "this"


def _keys_at(schema: Mapping[str, Any], path: KeyPath) -> set[str]:
    return {key for node in _nodes_at(schema, path) for key in node.get("properties", {})}


def _tables_with(key: str, node: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """The tables of a document that have the key, at every depth."""
    for table in _alternatives(node, schema):
        if key in table.get("properties", {}):
            yield ()
        for name, child in table.get("properties", {}).items():
            for below in _tables_with(key, child.get("items", child), schema):
                yield (name, *below)


def _description_at(schema: Mapping[str, Any], path: KeyPath) -> str:
    """Of a key, or else of the table that it holds."""
    for parent in _nodes_at(schema, path[:-1]):
        if field := parent.get("properties", {}).get(path[-1]):
            for node in (field, *_alternatives(field, schema)):
                if description := node.get("description"):
                    return str(description).partition("\n")[0]
    return "see docs/configuration.md"


def _nodes_at(schema: Mapping[str, Any], path: KeyPath) -> list[Mapping[str, Any]]:
    nodes = list(_alternatives(schema, schema))
    for step in path:
        children = [
            node.get("items") if isinstance(step, int) else node.get("properties", {}).get(step) for node in nodes
        ]
        nodes = [found for child in children if child for found in _alternatives(child, schema)]
    return nodes


def _alternatives(node: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if "$ref" in node:
        yield from _alternatives(schema["$defs"][node["$ref"].rpartition("/")[2]], schema)
    elif "anyOf" in node:
        for option in node["anyOf"]:
            yield from _alternatives(option, schema)
    else:
        yield node
