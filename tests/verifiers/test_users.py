"""The file of users: what is read from it, what it refuses, how a user is added."""

import stat
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from gateway.verifiers.users import add_user, hash_password, load_users

CHEAP = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
HASH = CHEAP.hash("right")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "users.toml"
    path.write_text(
        f"""
[users."zhang.san"]
password = "{HASH}"
user_id = 42
phone = "+86 138 0013 8000"
claims = {{ name = "张三", roles = ["clerk"] }}

[users.li]
phone = "13900139000"
user_id = "43"
""",
        encoding="utf-8",
    )
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[users", "is not TOML"),
        ("x = 1", r"something else than \[users.NAME\]"),
        ("users = 1", r"something else than \[users.NAME\]"),
        ("[users]\na = 1", "users.a: expected a table"),
        ('[users.a]\nuser_id = "1"\nadmin = true', "users.a: unknown key admin; known:"),
        ('[users.a]\nuser_id = "1"\npassword = "plain"', "users.a: password is not an argon2id hash"),
        ('[users.a]\nuser_id = "1"\npassword = 1', "users.a: password is not an argon2id hash"),
        ('[users.a]\nuser_id = "1"\npassword = "$argon2id$x"', "users.a: password is not an argon2id hash"),
        (f'[users.a]\nuser_id = "1"\npassword = "{HASH[:-30]}"', "users.a: password is not an argon2id hash"),
        (f'[users.a]\nuser_id = "1"\npassword = "{HASH.replace("m=64", "m=1")}"', "parameters are out of range"),
        ('[users.a]\nuser_id = "1"\nphone = "123"', "users.a: phone is not a mobile number"),
        ('[users.a]\nuser_id = "1"\nphone = 13800138000', "users.a: phone is not a mobile number"),
        ("[users.a]\nphone = '13800138000'", "users.a: user_id is neither"),
        ('[users.a]\nuser_id = "wx:1"', "users.a: user_id begins with wx:"),
        ('[users.a]\nuser_id = "1"\nclaims = []', "users.a: claims are not a JSON object"),
        ('[users.a]\nuser_id = "1"\nclaims = { d = 2020-01-01 }', "users.a: claims are not plain JSON"),
        (
            "[users.a]\nuser_id='1'\nphone='13800138000'\n[users.b]\nuser_id='2'\nphone='+8613800138000'",
            "users.b: another user has the same phone",
        ),
    ],
)
def test_a_wrong_file_says_where_and_what(path: Path, text: str, message: str) -> None:
    """Each mistake has its own sentence, with the user's name."""
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_users(path)


def test_an_empty_file_has_no_users(path: Path) -> None:
    """It is not a mistake."""
    path.write_text("")
    assert load_users(path).by_name == {}


def test_a_huge_file_is_refused(path: Path) -> None:
    """A limit beside every buffer."""
    path.write_text("#" * (5 * 1024 * 1024))
    with pytest.raises(ValueError, match="more than"):
        load_users(path)


def test_a_new_file_is_private(tmp_path: Path) -> None:
    """Mode 0600, no password in it, nothing left beside it."""
    path = tmp_path / "new.toml"
    add_user(path, "wang", password="secret-CANARY", user_id="44")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "CANARY" not in path.read_text()
    assert list(tmp_path.iterdir()) == [path]
    assert tomllib.loads(path.read_text())["users"]["wang"]["password"].startswith("$argon2id$")


def test_a_readable_file_becomes_private(path: Path) -> None:
    """The hashes are nobody else's business."""
    path.chmod(0o644)
    add_user(path, "wang", password="x", user_id="44")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("zhang.san", {}),
        ("wang", {"user_id": "wx:1"}),
        ("wang", {"phone": "123"}),
        ("wang", {"phone": "13800138000"}),
        ("wang", {"claims": {"x": None}}),
        ("wang", {"claims": {"x": float("nan")}}),
        ("wang\ud800", {}),
        ("wang", {"password": ""}),
    ],
)
def test_a_user_that_would_be_wrong_changes_nothing(path: Path, name: str, changes: dict[str, Any]) -> None:
    """A name or phone that is taken, a bad user id or claim, no password: the file stays as it is."""
    before = path.read_bytes()
    with pytest.raises(ValueError):  # noqa: PT011
        add_user(path, name, **{"password": "x", "user_id": "44"} | changes)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_symlink_is_followed(path: Path, tmp_path: Path) -> None:
    """The file behind the link changes, the link stays."""
    link = tmp_path / "link.toml"
    link.symlink_to(path)
    add_user(link, "wang", password="x", user_id="44")
    assert link.is_symlink()
    assert "wang" in load_users(path).by_name


def test_two_programs_may_add_at_once(path: Path) -> None:
    """None of the users is lost."""
    threads = [
        threading.Thread(target=add_user, args=(path, f"u{n}"), kwargs={"password": "x", "user_id": str(n)})
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {f"u{n}" for n in range(6)} < load_users(path).by_name.keys()


def test_every_hash_has_a_salt_of_its_own() -> None:
    """Equal passwords do not show."""
    assert hash_password("x") != hash_password("x")
