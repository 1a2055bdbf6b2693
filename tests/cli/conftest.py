"""A configuration to run commands on: the repository's own, with secrets."""

import shutil
from pathlib import Path

import pytest

from gateway.cli.demo import prepare

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once: accounts are hashed slowly on purpose."""
    folder = tmp_path_factory.mktemp("demo")
    prepare(folder / ".demo")
    return folder


@pytest.fixture
def config(tmp_path: Path, prepared: Path) -> Path:
    """gateway.toml in a folder of its own."""
    shutil.copy(ROOT / "gateway.toml", tmp_path)
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    shutil.copytree(prepared / ".demo", tmp_path / ".demo")
    return tmp_path / "gateway.toml"
