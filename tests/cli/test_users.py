"""`gateway users add`: what it takes, and which argument it blames."""

import io
import sys
from typing import Any

import pytest

from gateway.verifiers.users import load_users


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts bytes on standard input."""
    return lambda content: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content), "ascii"))


def add(folder: Any, *arguments: str) -> tuple[int, str]:
    """Status and message of adding ann."""
    status, _, err = folder.run("users", "add", "users.toml", "ann", "--user-id", "42", *arguments)
    return status, err


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_user_is_added(folder: Any, typed: Any, end: bytes) -> None:
    """The password is a line in UTF-8, whatever the terminal's encoding is said to be."""
    typed("秘密 words".encode() + end)
    assert add(folder, "--claims", '{"name":"Ann"}') == (0, "")
    assert load_users(folder.path / "users.toml").by_name["ann"].user.claims == {"name": "Ann"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the password is empty: type one, or give it on standard input"),
        (b"\n", "the password is empty: type one, or give it on standard input"),
        (b"\xff\xfe\n", "the password is not UTF-8"),
    ],
)
def test_a_password_that_is_none(folder: Any, typed: Any, content: bytes, message: str) -> None:
    """It is refused, and no file is made."""
    typed(content)
    assert add(folder) == (1, f"gateway: {message}\n")
    assert not (folder.path / "users.toml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--claims", "{name"), "--claims is not JSON: "),
        (("--claims", "[1]"), '--claims must be a JSON object, like {"name":"Ann"}'),
        (("--claims", '{"name":"\udcff"}'), "--claims is not UTF-8"),
        (("--phone", "\udcff"), "--phone is not UTF-8"),
        (("--user-id", "\udcff"), "--user-id is not UTF-8"),
        (("--phone", "123"), "users.toml: users.ann: phone is not a mobile number of eleven digits"),
    ],
)
def test_a_wrong_argument_is_named(folder: Any, typed: Any, arguments: tuple[str, ...], message: str) -> None:
    """One line, and no file is made."""
    typed(b"words\n")
    status, err = add(folder, *arguments)
    assert status == 1
    assert err.startswith(f"gateway: {message}")
    assert not (folder.path / "users.toml").exists()


def test_a_user_who_exists(folder: Any, typed: Any) -> None:
    """In which file, is said too."""
    for outcome in ((0, ""), (1, "gateway: users.toml: users.ann exists\n")):
        typed(b"words\n")
        assert add(folder) == outcome


def test_a_folder_that_is_not_there(folder: Any, typed: Any) -> None:
    """The file is named, and no folder is made."""
    typed(b"words\n")
    _, _, err = folder.run("users", "add", "none/users.toml", "ann", "--user-id", "42")
    assert err == "gateway: none/users.toml: No such file or directory\n"
