"""Configurations to run commands on: the repository's own, with secrets; and the smallest one."""

import shutil
from pathlib import Path

import pytest

from gateway import cli
from gateway.cli.demo import prepare
from gateway.cli.keys import generated, write_new

ROOT = Path(__file__).parent.parent.parent
SMALLEST = """version = 1
server.listen = ["127.0.0.1:0"]
server.admin = "127.0.0.1:0"
server.public_url = "https://app.example.com"
secrets.cookie_keys = [{ file = "secrets/cookie.key" }]
identity.keys = [{ file = "secrets/identity.pem" }]
bind.password = { verifier = "http", url = "http://127.0.0.1:9/verify" }
[[apps]]
id = "main"
app_id = "wx4a1c9e07b2d35f68"
secret = { file = "secrets/wechat.secret" }
[[upstreams]]
id = "legacy"
servers = ["http://127.0.0.1:9"]
[[routes]]
id = "app"
policy = "page"
upstream = "legacy"
audience = "legacy"
"""


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


class Folder:
    """The folder, and what the commands said in it."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys

    def replace(self, old: str, new: str) -> None:
        """Change one place of gateway.toml."""
        file = self.path / "gateway.toml"
        text = file.read_text()
        assert text.count(old) == 1, old
        file.write_text(text.replace(old, new))

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit status, standard output and standard error of one command."""
        status = cli.main(arguments)
        out, err = self._capsys.readouterr()
        return status, out, err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Folder:
    """The smallest configuration, in the working directory."""
    monkeypatch.chdir(tmp_path)
    write_new(tmp_path / "secrets/cookie.key", generated("cookie"))
    write_new(tmp_path / "secrets/identity.pem", generated("identity"))
    write_new(tmp_path / "secrets/wechat.secret", generated("token"))
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/page.toml").write_text('access = "bound"\n')
    (tmp_path / "gateway.toml").write_text(SMALLEST)
    return Folder(tmp_path, capsys)
