"""`gateway users`: what it takes, what it does to the file, and which argument it blames."""

import io
import sys
from typing import Any

import pytest
from argon2 import PasswordHasher

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
        (("--phone", "123"), "users.toml: users.ann: phone is not a mobile number"),
    ],
)
def test_a_wrong_argument_is_named(folder: Any, typed: Any, arguments: tuple[str, ...], message: str) -> None:
    """One line, and no file is made."""
    typed(b"words\n")
    status, err = add(folder, *arguments)
    assert status == 1
    assert err.startswith(f"gateway: {message}")
    assert not (folder.path / "users.toml").exists()


def test_a_name_that_nobody_can_type(folder: Any, typed: Any) -> None:
    """The form takes no blanks for a name, so no such user is made."""
    typed(b"words\n")
    status, _, err = folder.run("users", "add", "users.toml", " ", "--user-id", "42")
    assert (status, err) == (1, "gateway: users.toml: the username is empty\n")
    assert not (folder.path / "users.toml").exists()


def test_a_user_who_exists(folder: Any, typed: Any) -> None:
    """In which file, is said too."""
    for outcome in ((0, ""), (1, "gateway: users.toml: users.ann exists: `gateway users change` changes it\n")):
        typed(b"words\n")
        assert add(folder) == outcome


def test_a_folder_that_is_not_there(folder: Any, typed: Any) -> None:
    """The file is named, and no folder is made."""
    typed(b"words\n")
    _, _, err = folder.run("users", "add", "none/users.toml", "ann", "--user-id", "42")
    assert err == "gateway: none/users.toml: No such file or directory\n"


@pytest.fixture
def clerks(folder: Any, typed: Any) -> Any:
    """A file with a heading and two users."""
    (folder.path / "users.toml").write_text("# the clerks\n\n")
    typed(b"words\n")
    assert add(folder, "--phone", "138 0013 8000", "--claims", '{"name":"Ann"}') == (0, "")
    typed(b"words\n")
    assert folder.run("users", "add", "users.toml", "李.四", "--user-id", "43")[0] == 0
    return folder


def users_of(folder: Any) -> Any:
    return load_users(folder.path / "users.toml").by_name


def test_users_are_listed_without_their_hashes(clerks: Any) -> None:
    """One line each: name, id, phone, whether there is a password, claims."""
    status, out, err = clerks.run("users", "list", "users.toml")
    assert (status, err) == (0, "")
    assert out.splitlines() == [
        'ann\t42\t13800138000\tpassword\t{"name": "Ann"}',
        "李.四\t43\t-\tpassword\t{}",
    ]


def test_a_password_is_changed(clerks: Any, typed: Any) -> None:
    """The old one is none any more; the rest stays, and the other user too."""
    before = users_of(clerks)
    typed("新 words\n".encode())
    status, out, err = clerks.run("users", "change", "users.toml", "ann", "--password")
    assert (status, out, err) == (0, "changed password of ann in users.toml\n", "")
    after = users_of(clerks)
    assert PasswordHasher().verify(after["ann"].password, "新 words")
    assert (after["ann"].user, after["ann"].phone) == (before["ann"].user, before["ann"].phone)
    assert after["李.四"] == before["李.四"]
    assert (clerks.path / "users.toml").read_text().startswith("# the clerks\n\n[users.")
    assert (clerks.path / "users.toml").stat().st_mode & 0o777 == 0o600


def test_phone_claims_and_id_are_changed(clerks: Any) -> None:
    """And taken away by an empty one."""
    change = ("users", "change", "users.toml", "ann")
    assert clerks.run(*change, "--phone", "13900139000", "--claims", '{"n":1}', "--user-id", "77")[0] == 0
    ann = users_of(clerks)["ann"]
    assert (ann.user.user_id, ann.phone, ann.user.claims) == ("77", "13900139000", {"n": 1})
    assert clerks.run(*change, "--phone", "", "--claims", "{}")[0] == 0
    ann = users_of(clerks)["ann"]
    assert (ann.phone, ann.user.claims) == (None, {})


def test_a_user_is_removed(clerks: Any) -> None:
    """The last one leaves an empty file."""
    for name in ("ann", "李.四"):
        assert clerks.run("users", "remove", "users.toml", name)[0] == 0
        assert name not in users_of(clerks)
    assert (clerks.path / "users.toml").read_text() == "# the clerks\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("change", "users.toml", "eve", "--phone", ""), "users.toml: there is no users.eve"),
        (("remove", "users.toml", "eve"), "users.toml: there is no users.eve"),
        (("change", "users.toml", "ann"), "nothing to change: name --password, --user-id, --phone or --claims"),
        (("change", "users.toml", "ann", "--claims", "[]"), "--claims must be a JSON object"),
        (("change", "users.toml", "ann", "--phone", "123"), "users.toml: users.ann: phone is not a"),
        (("change", "users.toml", "ann", "--user-id", "wx:1"), "users.toml: users.ann: user_id begins with wx:"),
        (("list", "none.toml"), "none.toml: No such file or directory"),
    ],
)
def test_what_cannot_be_changed_changes_nothing(clerks: Any, arguments: tuple[str, ...], message: str) -> None:
    """One line says why."""
    before = (clerks.path / "users.toml").read_bytes()
    status, _, err = clerks.run("users", *arguments)
    assert status == 1
    assert err.startswith(f"gateway: {message}")
    assert (clerks.path / "users.toml").read_bytes() == before
