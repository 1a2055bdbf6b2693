"""A configuration folder to write into, with secrets of the right kinds."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.config import ConfigurationError, Loaded, Problem, load

GATEWAY = """
version = 1
[server]
public_url = "https://app.example.com"
[secrets]
cookie_keys = [{ file = "cookie.key" }]
[[apps]]
id = "main"
app_id = "wx4a1c9e07b2d35f68"
secret = { env = "WECHAT_SECRET" }
[identity]
keys = [{ file = "identity.pem" }]
[bind.password]
verifier = "http"
url = "http://127.0.0.1:9000/verify"
[[upstreams]]
id = "legacy"
servers = ["http://127.0.0.1:9000"]
[[routes]]
id = "app"
policy = "page"
upstream = "legacy"
audience = "legacy"
"""

ENV = {"WECHAT_SECRET": "4f1c2b7a9d0e8c6b5a3f1e2d7c9b8a60"}


def pem(key: object) -> bytes:
    """A private key as PKCS#8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())  # type: ignore[attr-defined]


class Folder:
    """gateway.toml, policies/ and secret files, each to be replaced by a test."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.env = dict(ENV)
        self.text = GATEWAY
        (path / "policies").mkdir()
        self.write("policies/page.toml", 'access = "bound"\n')
        self.write("policies/public.toml", 'access = "public"\n')
        self.write("cookie.key", urlsafe_b64encode(secrets.token_bytes(32)) + b"\n")
        self.write("identity.pem", pem(generate_private_key(SECP256R1())))

    def write(self, name: str, content: str | bytes, mode: int = 0o600) -> Path:
        file = self.path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        file.chmod(mode)
        return file

    def set(self, old: str, new: str) -> None:
        """Replace one place of gateway.toml."""
        assert self.text.count(old) == 1, old
        self.text = self.text.replace(old, new)

    def load(self) -> Loaded:
        return load(self.write("gateway.toml", self.text), env=self.env)

    def problems(self) -> tuple[Problem, ...]:
        with pytest.raises(ConfigurationError) as caught:
            self.load()
        return caught.value.problems

    def problem(self) -> Problem:
        """The one problem."""
        problems = self.problems()
        assert len(problems) == 1, problems
        return problems[0]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def make_pem() -> Callable[[object], bytes]:
    return pem
