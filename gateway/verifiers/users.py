"""A TOML file of users: argon2id hashes, claims and phones. Read by the verifiers, written by `gateway users`.

[users."zhang.san"]
password = "$argon2id$…"
user_id = "42"
phone = "13800138000"
claims = { name = "张三", roles = ["clerk"] }
"""

import fcntl
import itertools
import json
import os
import re
import secrets
import tempfile
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import Argon2Error

from gateway.core.identity import Claims

from .interface import User
from .phone import any_phone
from .user_id import checked_claims, checked_user_id

MAX_FILE = 4 * 1024 * 1024  # bytes

_ARGON2ID = re.compile(
    r"\$argon2id\$v=19\$m=[0-9]{1,7},t=[0-9]{1,3},p=[0-9]{1,3}\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}"
)


@dataclass(frozen=True, slots=True)
class FileUser:
    """One table of the file. `password` is an argon2id hash, None for somebody who has only a phone."""

    user: User
    password: str | None = field(repr=False)
    phone: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Users:
    """The file's content. `dummy` is a hash that no password has, as costly as the users' own."""

    by_name: Mapping[str, FileUser]
    by_phone: Mapping[str, FileUser]
    dummy: str = field(repr=False)


def hash_password(password: str) -> str:
    """The argon2id hash to put in the file (RFC 9106, the second recommended option)."""
    return PasswordHasher().hash(password)


def load_users(path: Path) -> Users:
    """The users in the file. Raises OSError, or ValueError that names the user and what would be right."""
    return _parsed(_read(path))


def add_user(
    path: Path, name: str, *, password: str, user_id: str, claims: Claims | None = None, phone: str | None = None
) -> None:
    """Add one user to the file, or make the file; it is on the disk, mode 0600, when this returns.

    Comments and order stay. Raises OSError, or ValueError if the user exists or the file would not be right.
    """
    if not name.strip():
        raise ValueError("the username is empty")
    if not password:
        raise ValueError("the password is empty")
    path = path.resolve()
    fields: dict[str, Any] = {"password": hash_password(password), "user_id": user_id}
    if phone is not None:
        fields["phone"] = phone
    if claims:
        fields["claims"] = claims
    with _locked(path.parent):
        before = _read(path) if path.exists() else ""
        if name in _parsed(before).by_name:
            raise ValueError(f"users.{name} exists: `gateway users change` changes it")
        text = (before.rstrip() + "\n\n" if before.strip() else "") + _table(name, fields) + "\n"
        _parsed(text)
        _replace(path, text.encode())


def remove_user(path: Path, name: str) -> None:
    """Take one user out of the file. Raises OSError, or ValueError if there is none of this name."""

    def without(document: dict[str, Any]) -> None:
        del document[name]

    _change(path, name, without)


def change_user(path: Path, name: str, changes: Mapping[str, Any]) -> None:
    """Set keys of one user: `password` (in clear; it is hashed), `user_id`, `phone`, `claims`; None takes one away.

    Raises OSError, or ValueError if there is none of this name or the file would not be right.
    """
    fields = dict(changes)
    if fields.get("password"):
        fields["password"] = hash_password(fields["password"])

    def with_changes(document: dict[str, Any]) -> None:
        table = document[name] | fields
        document[name] = {key: value for key, value in table.items() if value is not None}

    _change(path, name, with_changes)


def _change(path: Path, name: str, change: Callable[[dict[str, Any]], None]) -> None:
    """Write the file anew with one user changed. Comments stay before the first table only."""
    path = path.resolve()
    with _locked(path.parent):
        before = _read(path)
        if name not in _parsed(before).by_name:
            raise ValueError(f"there is no users.{name}")
        users = tomllib.loads(before)["users"]
        change(users)
        text = "\n\n".join([_heading(before), *(_table(user, fields) for user, fields in users.items())]).lstrip("\n")
        _parsed(text)
        _replace(path, (text.rstrip("\n") + "\n" if text.strip() else "").encode())


def _heading(text: str) -> str:
    lines = text.splitlines()
    return "\n".join(itertools.takewhile(lambda line: not line.strip() or line.startswith("#"), lines)).strip("\n")


def _table(name: str, fields: Mapping[str, Any]) -> str:
    return "\n".join([f"[users.{_toml(name)}]", *(f"{key} = {_toml(value)}" for key, value in fields.items())])


def _read(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(MAX_FILE + 1)
    if len(content) > MAX_FILE:
        raise ValueError(f"has more than {MAX_FILE} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None


def _parsed(text: str) -> Users:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"is not TOML: {error}") from None
    tables = document.get("users", {})
    if document.keys() - {"users"} or not isinstance(tables, dict):
        raise ValueError("holds something else than [users.NAME] tables")
    by_name = {name: _file_user(name, table) for name, table in tables.items()}
    by_phone: dict[str, FileUser] = {}
    for name, entry in by_name.items():
        if entry.phone is not None and by_phone.setdefault(entry.phone, entry) is not entry:
            raise ValueError(f"users.{name}: another user has the same phone")
    return Users(MappingProxyType(by_name), MappingProxyType(by_phone), _dummy(by_name.values()))


def _file_user(name: str, table: object) -> FileUser:
    where = f"users.{name}"
    if not isinstance(table, dict):
        raise ValueError(f"{where}: expected a table")
    if unknown := table.keys() - {"password", "user_id", "claims", "phone"}:
        raise ValueError(f"{where}: unknown key {min(unknown)}; known: password, user_id, claims, phone")
    password, phone = table.get("password"), table.get("phone")
    if password is not None and not (isinstance(password, str) and _ARGON2ID.fullmatch(password)):
        raise ValueError(f"{where}: password is not an argon2id hash; `gateway users add` makes one")
    if phone is not None and (not isinstance(phone, str) or (phone := any_phone(phone)) is None):
        raise ValueError(f"{where}: phone is not a mobile number: eleven digits, or + and the code of its country")
    try:
        user = User(checked_user_id(table.get("user_id")), checked_claims(table.get("claims")))
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    return FileUser(user, password, phone)


def _dummy(users: Iterable[FileUser]) -> str:
    """Whoever asks for an unknown name waits as long as for a known one."""
    known = next((entry.password for entry in users if entry.password), None)
    try:
        hasher = PasswordHasher.from_parameters(extract_parameters(known)) if known else PasswordHasher()
        return hasher.hash(secrets.token_bytes(32))
    except Argon2Error:
        raise ValueError("the passwords' argon2id parameters are out of range") from None


def _toml(value: Any) -> str:
    """A value in TOML on one line. JSON's strings, numbers and arrays are TOML's; its null has no like."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(key)} = {_toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if value is None:
        raise ValueError("a claim is null, which TOML cannot say")
    return json.dumps(value, ensure_ascii=False, allow_nan=False).replace("\x7f", "\\u007f")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two programs that add a user at once do it one after the other."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, content: bytes) -> None:
    """The file is the old or the new one, whenever the power fails; a new one belongs to whom the old one did."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with open(descriptor, "wb") as file:
            if path.exists():
                owner = path.stat()
                os.fchown(descriptor, owner.st_uid, owner.st_gid)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
