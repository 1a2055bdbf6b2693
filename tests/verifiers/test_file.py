"""Users in a TOML file: verified, found by phone, added, and read again when the file changes."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError

from gateway.verifiers import file as file_module
from gateway.verifiers import threads as threads_module
from gateway.verifiers.file import FilePasswordVerifier, FilePhoneResolver
from gateway.verifiers.interface import User, VerifierOutage
from gateway.verifiers.users import add_user, load_users

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


def write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")


def read(path: Path) -> str:
    return path.read_text("utf-8")


ZHANG = User("42", {"name": "张三", "roles": ["clerk"]})


class Heard:
    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []

    def __call__(self, kind: str, outcome: str, seconds: float) -> None:
        assert seconds >= 0
        self.calls.append((kind, outcome))


@pytest.fixture
async def heard() -> Heard:
    return Heard()


@pytest.fixture
async def verifier(path: Path, heard: Heard) -> AsyncIterator[FilePasswordVerifier]:
    verifier = FilePasswordVerifier(path, on_call=heard)
    yield verifier
    await verifier.close()


@pytest.fixture
async def resolver(path: Path, heard: Heard) -> AsyncIterator[FilePhoneResolver]:
    resolver = FilePhoneResolver(path, on_call=heard)
    yield resolver
    await resolver.close()


async def test_a_right_password_is_the_user(verifier: FilePasswordVerifier, heard: Heard) -> None:
    """With the claims of the file."""
    assert await verifier.verify("zhang.san", "right") == ZHANG
    assert heard.calls == [("password", "ok")]


@pytest.mark.parametrize(
    ("name", "password"),
    [("zhang.san", "wrong"), ("zhang.san", ""), ("Zhang.San", "right"), ("nobody", "right"), ("li", ""), ("", "")],
)
async def test_whatever_else_is_a_no(verifier: FilePasswordVerifier, heard: Heard, name: str, password: str) -> None:
    """A wrong password, another spelling of the name, an unknown name, somebody without a password."""
    assert await verifier.verify(name, password) is None
    assert heard.calls == [("password", "no")]


async def test_unknown_names_cost_as_much_as_known_ones(path: Path) -> None:
    """One hash with the same parameters is computed for either."""
    users = load_users(path)
    assert users.dummy.rsplit("$", 2)[0] == HASH.rsplit("$", 2)[0]
    assert users.dummy != HASH


async def test_an_unknown_name_is_checked_against_the_dummy(
    verifier: FilePasswordVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time tells nothing, since the same work is done."""
    checked: list[str] = []
    verify = PasswordHasher.verify

    def spy(self: PasswordHasher, hash: str, password: str) -> bool:
        checked.append(hash)
        return verify(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", spy)
    for name in ("zhang.san", "nobody", "li"):
        await verifier.verify(name, "wrong")
    assert checked[0] == HASH
    assert checked[1] == checked[2] != HASH


async def test_a_phone_finds_its_user(resolver: FilePhoneResolver, heard: Heard) -> None:
    """In its canonical form, however the file spells it."""
    assert await resolver.resolve("13800138000") == ZHANG
    assert await resolver.resolve("13900139000") == User("43", {})
    assert await resolver.resolve("13700137000") is None
    assert heard.calls == [("phone", "ok"), ("phone", "ok"), ("phone", "no")]


async def test_a_change_of_the_file_is_seen(verifier: FilePasswordVerifier, path: Path) -> None:
    """A user that was taken out is a "no" at the next question."""
    assert await verifier.verify("zhang.san", "right") == ZHANG
    write(path, f'[users.wang]\npassword = "{HASH}"\nuser_id = "44"\n')
    assert await verifier.verify("zhang.san", "right") is None
    assert await verifier.verify("wang", "right") == User("44", {})


async def test_an_unchanged_file_is_read_once(
    resolver: FilePhoneResolver, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A question costs one stat."""
    loads: list[Path] = []

    def spy(path: Path) -> Any:
        loads.append(path)
        return load_users(path)

    monkeypatch.setattr(file_module, "load_users", spy)
    for _ in range(3):
        await resolver.resolve("13800138000")
    assert loads == [path]


@pytest.mark.parametrize(
    "ruin", [Path.unlink, lambda path: path.write_text("[users"), lambda path: path.write_bytes(b"\xff")]
)
async def test_a_file_that_cannot_be_read_is_an_outage(
    verifier: FilePasswordVerifier, heard: Heard, path: Path, ruin: Callable[[Path], object]
) -> None:
    """Not a "no", and not yesterday's users; a repaired file serves again."""
    good = read(path)
    await verifier.verify("zhang.san", "right")
    ruin(path)
    with pytest.raises(VerifierOutage):
        await verifier.verify("zhang.san", "right")
    write(path, good)
    assert await verifier.verify("zhang.san", "right") == ZHANG
    assert [outcome for _, outcome in heard.calls] == ["ok", "outage", "ok"]


async def test_a_hash_that_argon2_refuses_is_an_outage(
    verifier: FilePasswordVerifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is wrong, not the password."""

    def refuse(self: PasswordHasher, hash: str, password: str) -> bool:
        raise VerificationError("refused")

    monkeypatch.setattr(PasswordHasher, "verify", refuse)
    with pytest.raises(VerifierOutage):
        await verifier.verify("zhang.san", "right")


async def test_questions_at_once_are_bounded(
    verifier: FilePasswordVerifier, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two are hashed at a time, fifty may wait, one more is told of an outage at once."""
    go, running, most = threading.Event(), 0, 0
    lock = threading.Lock()

    def slow(self: PasswordHasher, hash: str, password: str) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        go.wait(5)
        with lock:
            running -= 1
        return True

    monkeypatch.setattr(PasswordHasher, "verify", slow)
    async with asyncio.TaskGroup() as group:
        waiting = [group.create_task(verifier.verify("zhang.san", "x")) for _ in range(threads_module.WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(VerifierOutage):
            await verifier.verify("zhang.san", "x")
        assert heard.calls == [("password", "outage")]
        go.set()
    assert [task.result() for task in waiting] == [ZHANG] * threads_module.WAITING
    assert most <= threads_module.THREADS


async def test_nobody_waits_for_ever(verifier: FilePasswordVerifier, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller whose turn does not come is told of an outage."""
    go = threading.Event()
    monkeypatch.setattr(threads_module, "TIMEOUT", 0.05)
    monkeypatch.setattr(PasswordHasher, "verify", lambda self, hash, password: go.wait(5))
    with pytest.raises(VerifierOutage):
        await verifier.verify("zhang.san", "x")
    go.set()


async def test_an_added_user_can_sign_in(path: Path) -> None:
    """What `gateway users add` wrote, the verifier believes; who was there before stays, with comments."""
    write(path, "# the clerks\n" + read(path))
    claims = {"name": '王 "五"\n\\', "n": 1, "f": 1.5, "b": True, "deep": {"a": ["x", {"y": "\x7f😀"}]}}
    add_user(path, 'wang."wu" 五', password="pässword", user_id="44", claims=claims, phone="137 0013 7000")
    assert read(path).startswith("# the clerks\n")
    verifier = FilePasswordVerifier(path)
    assert await verifier.verify('wang."wu" 五', "pässword") == User("44", claims)
    assert await verifier.verify("zhang.san", "right") == ZHANG
    await verifier.close()
