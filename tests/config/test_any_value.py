"""Whatever stands at whatever key: settings or a report, never a traceback."""

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.config import ConfigurationError, Problem

ODD = [
    *(
        "0",
        "-1",
        "1e400",
        "nan",
        "true",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "[1, true]",
        "{ a = 1 }",
        "2026-01-01",
        "10:30:00",
    ),
    *('""', '" "', '"\\u0000"', '"*"', '"/"', '"a:b"', '"sqlite:"', '"unix:"', '"https://"', '"http://[::1]:x/"'),
    *('"\\u007f"', '"\\U0001F600"', '{ file = "" }', "{ env = 1 }", '{ file = ["a"] }', "99999999999999999999999"),
    '"' + "a" * 5000 + '"',
]


class Literal(str):
    """A value that is TOML already."""


def toml(value: Any) -> str:
    if isinstance(value, Literal):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def changed(value: Any, new: str) -> Iterator[Any]:
    """`value` with one of its keys or items replaced, each in turn."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in list(items):
        for other in [Literal(new), *changed(item, new)]:
            copy = value.copy()
            copy[step] = other
            yield copy


SETS = """
[session]
[state]
[bindings]
[admin]
tokens = []
[limits]
max_head = "1KB"
[bind]
methods = ["password"]
privacy_url = "https://a/"
[bind.sms]
sender = "http"
sender_url = "http://127.0.0.1/"
resolver_url = "http://127.0.0.1/"
"""

POLICY = """
access = "bound"
max_age = "1h"
require = [{ claim = "roles", values = ["a"] }]
claims = ["name"]
headers = { "X-Name" = "name" }
cors = { origins = ["https://a"] }
preflight = "forward"
request_headers = { set = { "X-Env" = "a" }, remove = ["X-B"] }
response_headers = { set = { "X-Env" = "a" }, remove = ["X-B"] }
"""


def report_of(folder: Any) -> tuple[Problem, ...]:
    try:
        folder.load()
    except ConfigurationError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("value", ODD)
def test_any_value_at_any_key(folder: Any, value: str) -> None:
    """Every key of gateway.toml and of a policy takes any value of TOML without failing otherwise."""
    files = {"gateway.toml": folder.text + SETS, "policies/page.toml": POLICY}
    for name, text in files.items():
        for data in changed(tomllib.loads(text), value):
            folder.text = files["gateway.toml"]
            folder.write("policies/page.toml", POLICY)
            altered = "\n".join(f"{json.dumps(key)} = {toml(item)}" for key, item in data.items())
            if name == "gateway.toml":
                folder.text = altered
            else:
                folder.write(name, altered)
            report = report_of(folder)
            assert all(problem.message and problem.line for problem in report if problem.key)
            assert all(len(str(problem).splitlines()) == 1 for problem in report)
