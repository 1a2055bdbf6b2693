"""Every problem in one report: file, line, key, and what would be right."""

import re
from pathlib import Path
from typing import Any

import pytest

from gateway.config import ConfigurationError, load


def test_every_kind_of_problem_in_one_report(folder: Any) -> None:
    """Syntax apart, nothing hides anything else: types, names, secrets, references and policies are told at once."""
    folder.set('id = "main"', 'id = "main"\nsecrt = "x"\nhosts = "app.example.com"')
    folder.set("version = 1", "")
    folder.set('policy = "page"', 'policy = "pages"\npath = "/a/../b"')
    folder.set('file = "cookie.key"', 'file = "missing.key"')
    folder.text += '[session]\nidle = "40d"\n[routing]\n'
    folder.write("policies/other.toml", 'access = "bond"\nkeepfragment = true\n')
    folder.env = {}
    told = [(Path(it.file).name, it.line, it.key) for it in folder.problems()]
    assert told == [
        ("gateway.toml", 1, "version"),
        ("gateway.toml", 6, "secrets.cookie_keys[0]"),
        ("gateway.toml", 9, "apps[0].secrt"),
        ("gateway.toml", 10, "apps[0].hosts"),
        ("gateway.toml", 12, "apps[0].secret"),
        ("gateway.toml", 23, "routes[0].policy"),
        ("gateway.toml", 24, "routes[0].path"),
        ("gateway.toml", 28, "session.idle"),
        ("gateway.toml", 29, "routing"),
        ("other.toml", 1, "access"),
        ("other.toml", 2, "keepfragment"),
    ]


def test_a_problem_is_one_line(folder: Any) -> None:
    """`file:line: key: what is wrong, what would be right`, one line each."""
    folder.set('policy = "page"', 'policy = "pagee"')
    folder.text += "[log]\nlevle = 1\n"
    file = folder.path / "gateway.toml"
    with pytest.raises(ConfigurationError) as caught:
        folder.load()
    assert str(caught.value) == (
        f"{file}:21: routes[0].policy: there is no policy file 'pagee'; did you mean 'page'?\n"
        f"{file}:25: log.levle: unknown key; did you mean 'level'?"
    )


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("version = 1\nx = \n", 2, "invalid value"),
        ("version = 1\n[server\n", 2, "expected ']'"),
        ("a = 1\na = 2\n", 2, "written twice"),
        ('a = "x\n', 1, "quote is not closed"),
        ("a = [1,\n2", 2, "unclosed array"),
        ("x = " + "[" * 5000, 1, "nested too deeply"),
        ("x = " + "9" * 5000, 1, "is not TOML"),
        (b"a = 1\nb = '\xff'", 2, "UTF-8"),
        ("#" * 1_100_000, 0, "larger than 1 MB"),
    ],
)
def test_what_is_not_toml(tmp_path: Path, text: str | bytes, line: int, message: str) -> None:
    """A file that cannot be read is one problem, with the line where reading ended."""
    file = tmp_path / "gateway.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load(file, env={})
    [problem] = caught.value.problems
    assert problem.line == line
    assert message in problem.message
    assert "\n" not in str(problem)


def test_a_missing_file(tmp_path: Path) -> None:
    """No file, or a folder in its place, is a problem and no traceback."""
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigurationError, match=f"{path}: cannot be read: "):
            load(path, env={})


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("server", "server.public_url"),
        ("secrets", "secrets.cookie_keys"),
        ("identity", "identity.keys"),
        ("[apps]", "apps"),
        ("[upstreams]", "upstreams"),
        ("[routes]", "routes"),
    ],
)
def test_a_missing_table(folder: Any, table: str, key: str) -> None:
    """Each required table that is not there is a line that names the key to write and what it is for."""
    folder.text = re.sub(rf"(?m)^\[{re.escape(table)}\]\n(?:[^\[].*\n)*", "", folder.text)
    told = {problem.key: problem.message for problem in folder.problems()}
    assert re.fullmatch(r"is required: [A-Z0-9].{10,}", told[key])


@pytest.mark.parametrize("text", ["", '[build-system]\nrequires = ["setuptools"]\n[tool.ruff]\nline-length = 120\n'])
def test_another_file(tmp_path: Path, text: str) -> None:
    """An empty file, or another program's, is told every key that a configuration must have."""
    file = tmp_path / "pyproject.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load(file, env={})
    required = [problem.key for problem in caught.value.problems if problem.message.startswith("is required: ")]
    assert required == [
        *("version", "server.public_url", "secrets.cookie_keys", "apps", "identity.keys", "upstreams", "routes")
    ]


def test_a_byte_order_mark_is_no_problem(folder: Any) -> None:
    """Windows editors write one."""
    folder.text = "\ufeff" + folder.text
    assert folder.load().settings.version == 1


def test_a_key_cannot_write_lines_into_the_report(folder: Any) -> None:
    """Odd key names are quoted and escaped."""
    folder.text += '["a\\nfake: line"]\n'
    problem = folder.problem()
    assert problem.key == "'a\\nfake: line'"
    assert "\n" not in str(problem)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version = 1", 'version = "1"', "must be 1, not '1'"),
        ("version = 1", "version = 2", "must be 1, not 2"),
        ("version = 1", "version = 1\nbindings = { on_conflict = true }", "not true"),
        ("[server]", "[server]\ndevelopment = 1", "must be true or false"),
        ("[server]", '[server]\nlisten = "127.0.0.1:1"', "must be a list in brackets"),
        ("[server]", "[server]\nlisten = []", "write at least one"),
        ("[server]", "[server]\nworkers = 0", "from 1 to 256"),
        ("[server]", "[server]\nworkers = true", "from 1 to 256"),
        ("[server]", "[server]\nworkers = 257", "from 1 to 256"),
        ("[server]", '[server]\nworkers = "2"', 'or "auto" for one a processor'),
        ('[server]\npublic_url = "https://app.example.com"', "server = 1", "must be a table"),
        ("version = 1", 'version = 1\nlimits = { max_body = "1MB" }', "it belongs to a policy (policies/NAME.toml)"),
        ("version = 1", "version = 1\ntls = {}", "it belongs to [server] or "),
        ('id = "legacy"\nservers', 'id = "legacy"\ntimeout = "1s"\nservers', "'connect_timeout' or 'idle_timeout' or"),
        ('id = "legacy"\nservers', "servers", "is required: Our name for it"),
        ('id = "legacy"\nservers', 'id = "Legacy"\nservers', "'Legacy' is not possible here: write lower-case"),
        ("version = 1", "version = 1\nlimits = { max_fields = 1 }", "must be 10 or more, not 1"),
        ("version = 1", 'version = 1\nlimits = { max_head = "0" }', "must have a limit"),
        ("version = 1", 'version = 1\nsession = { idle = "0s" }', 'must be between "1s" and "365d"'),
        ("version = 1", f'version = 1\npages = {{ brand = "{"x" * 61}" }}', "must have at most 60 characters, not 61"),
        ("version = 1", 'version = 1\nbind.notice = { controller = "", contact = "c" }', "may not be empty"),
        ("version = 1", 'version = 1\nbind.hook = { urls = "http://127.0.0.1/" }', "unknown key; did you mean 'url'?"),
    ],
)
def test_what_would_be_right(folder: Any, old: str, new: str, message: str) -> None:
    """Each message says what to write instead."""
    folder.set(old, new)
    assert message in " ".join(problem.message for problem in folder.problems())


def test_a_list_is_not_called_empty_for_wrong_items(folder: Any) -> None:
    """One mistake is one problem."""
    folder.set('servers = ["http://127.0.0.1:9000"]', 'servers = ["ftp://127.0.0.1:9000"]')
    assert folder.problem().key == "upstreams[0].servers[0]"


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("[server]", '[server]\nauthz = "127.0.0.1:8082"', "server.authz"),
        ("version = 1", 'version = 1\nstate.url = "redis://h"', "state.url"),
        ("version = 1", 'version = 1\nbindings.url = "postgresql://h/d"', "bindings.url"),
        ("version = 1", 'version = 1\nsession.store = "redis://h"', "session.store"),
        ("version = 1", 'version = 1\nbindings.refresh = { url = "https://h/" }', "bindings.refresh"),
        ('id = "main"', 'id = "main"\nprovider = "wecom"', "apps[0].provider"),
        ('id = "main"', 'id = "main"\npush = { token = "t" }', "apps[0].push"),
    ],
)
def test_what_a_later_version_brings(folder: Any, old: str, new: str, key: str) -> None:
    """A right wish at the wrong time is told so, not called a typing error."""
    folder.set(old, new)
    problem = folder.problem()
    assert problem.key == key
    assert "this version" in problem.message
