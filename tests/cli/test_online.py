"""`gateway check --online`: it looks at stores and upstreams, and leaves nothing behind."""

import contextlib
import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest


def files(path: Path) -> set[str]:
    """Everything below a folder."""
    return {str(each.relative_to(path)) for each in path.rglob("*")}


@pytest.fixture
def upstream(folder: Any) -> Any:
    """Something that takes connections where the configuration says."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        folder.replace('["http://127.0.0.1:9"]', f'["http://127.0.0.1:{server.getsockname()[1]}"]')
        yield server


@pytest.mark.usefixtures("upstream")
def test_makes_nothing(folder: Any) -> None:
    """All is well, and no database, lock or folder was made on the way."""
    before = files(folder.path)
    assert folder.run("check", "--online") == (0, "gateway.toml: ok, 1 route, 1 policy\n", "")
    assert files(folder.path) == before


@pytest.mark.usefixtures("upstream")
def test_opens_what_is_there(folder: Any) -> None:
    """A database of another program is named with the line of its key."""
    (folder.path / "data").mkdir()
    with closing(sqlite3.connect(folder.path / "data/bindings.db")) as file:
        file.execute("CREATE TABLE notes (text)")
    folder.replace("version = 1\n", 'version = 1\nbindings.url = "sqlite:data/bindings.db"\n')
    status, _, err = folder.run("check", "--online")
    assert status == 2
    assert err.startswith("gateway.toml:2: bindings.url: ")
    assert err.endswith("belongs to another program: name another file\n")
    assert err.count("\n") == 1


@pytest.mark.usefixtures("upstream")
def test_a_file_in_place_of_a_folder(folder: Any) -> None:
    """Where a database could not be made, both say so."""
    (folder.path / "data").touch()
    status, _, err = folder.run("check", "--online")
    assert status == 2
    where = folder.path / "data"
    assert err == "".join(f"gateway.toml:1: {key}.url: {where} is not a folder\n" for key in ("bindings", "state"))


@pytest.mark.usefixtures("upstream")
def test_a_folder_that_may_not_be_written(folder: Any) -> None:
    """The nearest folder that is there counts: the others would be made in it."""
    folder.path.chmod(0o500)
    command = [sys.executable, "-m", "gateway", "check", "--online"]
    if os.geteuid() == 0:  # root may write anything, until it gives that right up
        setpriv = shutil.which("setpriv")
        assert setpriv, "util-linux is missing"
        command = [setpriv, "--bounding-set=-dac_override", "--inh-caps=-dac_override", *command]
    child = subprocess.run(command, capture_output=True, text=True, timeout=60)
    folder.path.chmod(0o700)
    assert child.returncode == 2
    assert f"bindings.url: {folder.path} is not writable for this user\n" in child.stderr


def test_an_upstream_that_is_down(folder: Any) -> None:
    """In the words of the trade, with file, line and key."""
    status, _, err = folder.run("check", "--online")
    assert status == 2
    assert err == "gateway.toml:14: upstreams[0].servers[0]: 127.0.0.1:9: connection refused\n"


def test_an_upstreams_socket_that_is_missing(folder: Any) -> None:
    """The same for Unix sockets."""
    folder.replace('["http://127.0.0.1:9"]', '["unix:app.sock"]')
    status, _, err = folder.run("check", "--online")
    assert status == 2
    assert err.endswith("app.sock: no such file or directory\n")


def test_every_server_is_reached_and_its_certificate_verified(folder: Any, authority: Any) -> None:
    """Each has a problem of its own: one refuses, one is a stranger; the one in order has none."""
    home = authority("home")
    servers = [(home.issue("127.0.0.1"), "right"), (authority("other").issue("127.0.0.1"), "stranger")]
    with contextlib.ExitStack() as stack:
        urls = [f"https://127.0.0.1:{tls_server(stack, files)}" for files, _ in servers]
        listed = ", ".join(f'"{url}"' for url in [*urls, "https://127.0.0.1:9"])
        folder.replace('["http://127.0.0.1:9"]', f'[{listed}]\ntls = {{ ca = "{home.ca}" }}')
        status, _, err = folder.run("check", "--online")
    assert status == 2
    first, second = err.splitlines()
    assert "upstreams[0].servers[1]: " in first
    assert "TLS: the certificate is refused: unable to get local issuer certificate" in first
    assert second.endswith("upstreams[0].servers[2]: 127.0.0.1:9: connection refused")


def tls_server(stack: contextlib.ExitStack, files: tuple[Path, Path]) -> int:
    """The port of a server that shakes hands once, in a thread."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as tls:
            tls.recv(1)

    thread = threading.Thread(target=serve)
    thread.start()
    stack.callback(thread.join)
    return int(listener.getsockname()[1])
