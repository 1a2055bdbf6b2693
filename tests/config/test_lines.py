"""Where keys stand in a TOML document."""

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.lines import KeyPath, scan

DOCUMENT = '''\
# a comment with [table] and key = "value"
version = 1
"quoted.key" = 'a # b'
server.public_url = "https://a"   # trailing

[server]
listen = [
  "127.0.0.1:1",  # one ] here
  "127.0.0.1:2",
]
text = """
not = "a key"
\\"""" # four
[ spaced . "table name" ]
key = 2026-01-01 10:00:00

[[apps]]
id = "one"
secret = { env = "A#}", nested = { deep = [1, [2,
  3]] } }
[apps.push]
token = \'\'\'it's
[[fake]]\'\'\'
[[apps]]
id = "two"
[[apps.more]]
x = 1
[[apps.more]]
x = 2
'''


def test_documents_of_every_kind() -> None:
    """Tables, arrays of tables, dotted and quoted keys, inline values, multi-line strings and lists."""
    lines = scan(DOCUMENT)
    expected: dict[KeyPath, int] = {
        ("version",): 2,
        ("quoted.key",): 3,
        ("server", "public_url"): 4,
        ("server", "listen"): 7,
        ("server", "listen", 0): 8,
        ("server", "listen", 1): 9,
        ("server", "text"): 11,
        ("spaced", "table name"): 14,
        ("spaced", "table name", "key"): 15,
        ("apps",): 17,
        ("apps", 0): 17,
        ("apps", 0, "id"): 18,
        ("apps", 0, "secret", "nested", "deep", 1, 1): 20,
        ("apps", 0, "push"): 21,
        ("apps", 0, "push", "token"): 22,
        ("apps", 1, "id"): 25,
        ("apps", 1, "more", 1, "x"): 29,
    }
    assert {path: lines[path] for path in expected} == expected


@pytest.mark.parametrize(
    ("path", "line"), [(("apps", 0, "missing"), 17), (("apps", 0, "push", "aes", 3), 21), (("nowhere",), 1), ((), 1)]
)
def test_what_was_not_written_stands_at_its_table(path: KeyPath, line: int) -> None:
    """A missing key is reported at the nearest table around it, else at the top."""
    assert scan(DOCUMENT)[path] == line


def test_windows_line_ends() -> None:
    """CRLF counts as one line end."""
    assert scan(DOCUMENT.replace("\n", "\r\n"))["apps", 1, "more", 1, "x"] == 29


KEYS = st.sampled_from(["a", "b-1", '"c.d"', "'e f'", "g"])
SCALARS = st.sampled_from(
    ["1", '"x"', "'y'", '""', "true", "-1.5e3", '"""\n[z]\nq = 1"""', "'''\n#'''", "2026-01-01T00:00:00Z", "10:30:00"]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[\n # c ]\n " + " ,\n".join(items) + "]")
        | st.dictionaries(KEYS, inner, max_size=3).map(
            lambda table: "{ " + ", ".join(f"{key} = {value}" for key, value in table.items()) + " }"
        )
    ),
    max_leaves=6,
)
STATEMENTS = st.lists(
    st.one_of(
        st.tuples(st.lists(KEYS, min_size=1, max_size=3), VALUES).map(lambda it: f"{' . '.join(it[0])} = {it[1]} # x"),
        st.lists(KEYS, min_size=1, max_size=3).map(lambda keys: f"[{'.'.join(keys)}]"),
        st.lists(KEYS, min_size=1, max_size=3).map(lambda keys: f"[[ {'.'.join(keys)} ]]"),
    ),
    max_size=8,
)


def paths(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key and list item of parsed TOML."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, item in items:
        yield (*path, step)
        yield from paths(item, (*path, step))


@given(STATEMENTS)
def test_finds_exactly_the_keys_that_tomllib_reads(statements: list[str]) -> None:
    """Whatever tomllib accepts, each of its keys has a line within the text, and nothing else is taken for a key."""
    text = "\n".join(statements)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    lines = scan(text)
    assert set(lines) == set(paths(data))
    assert all(1 <= lines[path] <= text.count("\n") + 1 for path in lines)


@given(st.text(alphabet="ab=.\"'[]{}#,\n \\1", max_size=40))
def test_never_fails_on_what_tomllib_accepts(text: str) -> None:
    """Strange but valid text ends the scan without an error."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    scan(text)
