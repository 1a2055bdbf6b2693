"""[server.tls]: files that fit together, for listeners that use them."""

import secrets
from pathlib import Path
from typing import Any

import pytest

from gateway.config import Tcp
from tests.service.authority import write_pair

TLS = '[server.tls]\ncertificate = "a.pem"\nkey = "a.key"\n'


@pytest.fixture
def secure(folder: Any) -> Any:
    """A folder whose listener takes TLS, with a good pair."""
    write_pair(folder.path, "a")
    folder.set("[secrets]\n", f'listen = ["tls://[::]:8443", "127.0.0.1:8080"]\n{TLS}[secrets]\n')
    return folder


def test_tls_listeners(secure: Any) -> None:
    """They are TCP addresses; with TLS or without, an address is the same one."""
    server = secure.load().settings.server
    assert [(str(address), address.tls) for address in server.listen] == [
        ("tls://[::]:8443", True),
        ("127.0.0.1:8080", False),
    ]
    assert server.listen[0] == Tcp("::", 8443)
    assert server.tls.certificate == secure.path / "a.pem"
    assert secure.load().warnings == ()


def test_one_address_is_either(secure: Any) -> None:
    """With TLS and without on the same port is a collision."""
    secure.set('"127.0.0.1:8080"', '"[::]:8443"')
    assert "is listed twice" in secure.problem().message


def test_a_certificate_needs_a_listener_and_the_reverse(folder: Any) -> None:
    """Neither is left unused in silence."""
    write_pair(folder.path, "a")
    folder.set("[secrets]\n", f"{TLS}[secrets]\n")
    assert str(folder.problem()).endswith('write tls:// before one of server.listen, like "tls://[::]:8443"')
    folder.set(TLS, 'listen = ["tls://[::]:8443"]\n')
    problem = folder.problem()
    assert problem.key == "server.listen[0]"
    assert problem.message.startswith("needs a certificate")


def test_the_admin_listener_has_no_tls(secure: Any) -> None:
    """It is for loopback and private networks."""
    secure.set("[server.tls]", 'admin = "tls://127.0.0.1:8081"\n[server.tls]')
    assert secure.problem().message.startswith("has no TLS")


def other(folder: Path) -> None:
    """A key of another certificate."""
    write_pair(folder, "b")
    (folder / "b.key").rename(folder / "a.key")


def missing(folder: Path) -> None:
    """No key at all."""
    (folder / "a.key").unlink()


def garbage(folder: Path) -> None:
    """No PEM."""
    (folder / "a.pem").write_bytes(secrets.token_bytes(100))


def password(folder: Path) -> None:
    """A key that somebody would have to unlock."""
    write_pair(folder, "a", password=b"hunter2")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (other, "a.key is not the key of"),
        (missing, "a.key cannot be read: No such file or directory"),
        (garbage, "are not a certificate and its key, both in PEM"),
        (password, "has a password"),
    ],
)
def test_pairs_that_cannot_be_used(secure: Any, spoil: Any, message: str) -> None:
    """Each with its key's line, and what is wrong."""
    spoil(secure.path)
    problem = secure.problem()
    assert (problem.key, message in problem.message) == ("server.tls", True), problem


@pytest.mark.parametrize(
    ("days", "message"),
    [((-10, -1), "expired on"), ((-80, 10), "expires on"), ((1, 90), "is not valid before")],
)
def test_dates_are_warnings(secure: Any, days: tuple[int, int], message: str) -> None:
    """A certificate out of its time is better than none, and told of."""
    write_pair(secure.path, "a", days=days)
    [warning] = secure.load().warnings
    assert message in warning


def test_a_key_that_everybody_reads_is_a_warning(secure: Any) -> None:
    """As for every secret."""
    (secure.path / "a.key").chmod(0o644)
    [warning] = secure.load().warnings
    assert warning.startswith(f"{secure.path}/a.key holds a secret and can be read by every user")
