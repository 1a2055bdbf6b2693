"""How many workers "auto" is."""

import os
from pathlib import Path

import pytest

from gateway.app.processors import usable_processors

HERE = len(os.sched_getaffinity(0))


@pytest.fixture(autouse=True)
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of eight processors."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


def groups(tmp_path: Path, ours: str, **limits: str) -> tuple[Path, Path]:
    """Control groups with these `cpu.max`, `_` standing for `/`; we are in `ours`."""
    for name, limit in limits.items():
        folder = tmp_path / "groups" / name.replace("_", "/").lstrip("/")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(limit)
    (tmp_path / "cgroup").write_text(f"9:name=systemd:/\n0::{ours}\n")
    return tmp_path / "cgroup", tmp_path / "groups"


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("200000 100000\n", 2),
        ("150000 100000\n", 2),
        ("50000 100000\n", 1),
        ("1600000 100000\n", 8),
        ("max 100000\n", 8),
        ("garbage", 8),
        ("1 0", 8),
    ],
)
def test_a_quota_limits(tmp_path: Path, limit: str, expected: int) -> None:
    """A part of a processor is one; no quota is none."""
    assert usable_processors(*groups(tmp_path, "/a/b", _a_b=limit)) == expected
    assert usable_processors(*groups(tmp_path, "/", _=limit)) == expected  # what a container sees


def test_the_narrowest_group_counts(tmp_path: Path) -> None:
    """Ours, or any above it."""
    assert usable_processors(*groups(tmp_path, "/a/b", _a_b="600000 100000", _a="300000 100000")) == 3


def test_without_control_groups(tmp_path: Path) -> None:
    """The affinity is what is left."""
    assert usable_processors(tmp_path / "none", tmp_path / "none") == 8


def test_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is, there is an answer."""
    monkeypatch.undo()
    assert 1 <= usable_processors() <= HERE
