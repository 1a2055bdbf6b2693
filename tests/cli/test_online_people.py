"""`gateway check --online`: whether passwords could be checked now."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.servers.forms import Forms
from tests.servers.slapd import BASE, SERVICE, SERVICE_PASSWORD, Slapd
from tests.service.conftest import free_port

HTTP = 'bind.password = { verifier = "http", url = "http://127.0.0.1:9/verify" }\n'


@pytest.fixture
def upstream(folder: Any) -> Iterator[None]:
    """Something that takes connections where the configuration says."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        folder.replace('["http://127.0.0.1:9"]', f'["http://127.0.0.1:{server.getsockname()[1]}"]')
        yield


@pytest.fixture
def slapd(tmp_path: Path, authority: Callable[[str], Any]) -> Iterator[tuple[Slapd, Path]]:
    home = authority("home")
    server = Slapd(tmp_path / "slapd", "", home.issue("127.0.0.1"))
    server.start()
    yield server, home.ca
    server.stop()


def ldap(folder: Any, *urls: str, more: str = "") -> None:
    listed = ", ".join(f'"{url}"' for url in urls)
    (folder.path / "ldap.password").write_text(SERVICE_PASSWORD)
    (folder.path / "ldap.password").chmod(0o600)
    folder.replace(HTTP, "")
    folder.replace(
        "[[apps]]",
        f'[bind.password]\nverifier = "ldap"\n[bind.password.ldap]\nurls = [{listed}]\nbase = "{BASE}"\n'
        f'bind_dn = "{SERVICE}"\nbind_password = {{ file = "ldap.password" }}\n{more}\n[[apps]]',
    )


@pytest.mark.usefixtures("upstream")
def test_a_directory_that_answers(folder: Any, slapd: tuple[Slapd, Path]) -> None:
    """Plain on loopback, over TLS, and over its Unix socket."""
    server, ca = slapd
    local = str(server.local).replace("/", "%2F")
    urls = (f"ldap://127.0.0.1:{server.plain}", f"ldaps://127.0.0.1:{server.secure}", f"ldapi://{local}")
    ldap(folder, *urls, more=f'tls = {{ ca = "{ca}" }}')
    assert folder.run("check", "--online")[0] == 0


@pytest.mark.usefixtures("upstream")
def test_every_server_of_a_directory_has_its_own_problem(folder: Any, slapd: tuple[Slapd, Path]) -> None:
    """One is gone, one has a certificate that nobody knows; the account's password is wrong."""
    server, _ = slapd
    ldap(folder, f"ldaps://127.0.0.1:{server.secure}", f"ldap://127.0.0.1:{free_port()}")
    (folder.path / "ldap.password").write_text("canary-wrong")
    status, _, err = folder.run("check", "--online")
    assert status == 2
    first, second = err.splitlines()
    assert "bind.password.ldap.urls[0]: ldaps 127.0.0.1:" in first
    assert "the certificate is refused" in first
    assert "bind.password.ldap.urls[1]: " in second
    assert second.endswith("connection refused")
    folder.replace(f"ldaps://127.0.0.1:{server.secure}", f"ldap://127.0.0.1:{server.plain}")
    _, _, err = folder.run("check", "--online")
    assert "the gateway's own account is refused with result 49 invalidCredentials" in err
    assert "canary" not in err


@pytest.fixture
def forms() -> Iterator[int]:
    """The port of the legacy system's forms, which run in a thread."""
    loop, port, ready = asyncio.new_event_loop(), free_port(), threading.Event()

    async def start() -> web.AppRunner:
        runner = web.AppRunner(Forms().app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        ready.set()
        return runner

    def run() -> None:
        runner = loop.run_until_complete(start())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(20)
    yield port
    loop.call_soon_threadsafe(loop.stop)
    thread.join()


@pytest.mark.usefixtures("upstream")
def test_a_login_form(folder: Any, forms: int) -> None:
    """It is where it should be, or the problem says what is not."""
    folder.replace(HTTP, "")
    signs = "success.status = [302]\nfailure.status = [200]\n"
    folder.replace(
        "[[apps]]",
        f'[bind.password]\nverifier = "form"\n[bind.password.form]\nurl = "http://127.0.0.1:{forms}/django/login"\n'
        f"{signs}[[apps]]",
    )
    assert folder.run("check", "--online")[0] == 0
    folder.replace(signs, signs + 'form_id = "nothing"\n')
    status, _, err = folder.run("check", "--online")
    assert status == 2
    assert "bind.password.form.url: the login page does not have the form" in err
