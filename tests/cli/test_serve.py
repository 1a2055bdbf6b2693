"""`gateway serve`: what it says when it cannot start, and what it does not say when it can."""

import json
import re
import socket
import subprocess
import sys
from typing import Any

import pytest


def served(folder: Any) -> subprocess.CompletedProcess[str]:
    """A start that must fail."""
    command = [sys.executable, "-m", "gateway", "serve"]
    return subprocess.run(command, cwd=folder.path, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("key", "line", "form"),
    [
        ("server.listen", 'server.listen = ["127.0.0.1:0"]', 'server.listen = ["{}"]'),
        ("server.admin", 'server.admin = "127.0.0.1:0"', 'server.admin = "{}"'),
    ],
)
def test_a_taken_port_is_named(folder: Any, key: str, line: str, form: str) -> None:
    """With its key, so that one knows what to change."""
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        address = f"127.0.0.1:{squatter.getsockname()[1]}"
        folder.replace(line, form.format(address))
        ended = served(folder)
    assert ended.returncode == 1
    assert ended.stderr.endswith(f"gateway: cannot start: {key}: {address} is in use by another process\n")


def test_the_start_is_brief(folder: Any) -> None:
    """Development is told once, a limit that nobody asked for not at all; log lines have no spaces to skip."""
    folder.replace('"https://app.example.com"', '"http://127.0.0.1:8080"\nserver.development = true')
    command = ["sh", "-c", f"ulimit -n 500; exec {sys.executable} -m gateway serve"]
    with subprocess.Popen(command, cwd=folder.path, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        warning, line = child.stderr.readline(), child.stderr.readline()
        child.terminate()
        rest = child.stderr.read()
    assert warning.startswith("warning: server.development is true")
    assert json.loads(line)["message"].startswith("listening on http://127.0.0.1:")
    assert line == json.dumps(json.loads(line), separators=(",", ":")) + "\n"
    assert "development" not in rest
    assert child.returncode == 0


def test_a_limit_that_was_asked_for_and_is_not_had(folder: Any) -> None:
    """Who wrote the key is told what it comes to."""
    folder.replace("version = 1\n", "version = 1\nlimits.max_connections = 5000\n")
    command = ["sh", "-c", f"ulimit -n 500; exec {sys.executable} -m gateway serve"]
    with subprocess.Popen(command, cwd=folder.path, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        line = json.loads(child.stderr.readline())
        child.terminate()
        child.stderr.read()
    assert line["level"] == "warning"
    assert re.fullmatch(r"limits\.max_connections .*\b[1-9]\d\d\b.* limit of open files.*", line["message"])


def test_workers_that_cannot_start_are_told_of_once(folder: Any) -> None:
    """By the supervisor if it is a port, else in the words of the first."""
    folder.replace("version = 1\n", "version = 1\nserver.workers = 3\n")
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        address = f"127.0.0.1:{squatter.getsockname()[1]}"
        folder.replace('server.listen = ["127.0.0.1:0"]', f'server.listen = ["{address}"]')
        ended = served(folder)
    assert ended.returncode == 1
    assert ended.stderr.endswith(f"gateway: cannot start: server.listen: {address} is in use by another process\n")
    (folder.path / "data").mkdir()
    (folder.path / "data" / "bindings.db").touch(mode=0o600)
    (folder.path / "data" / "bindings.db").write_text("not a database, but long enough to be none")
    ended = served(folder)
    assert ended.returncode == 1
    assert ended.stderr.count("cannot start") == 1
    assert ended.stderr.count("bindings.db") == 1
