"""docs/verifiers.md: every example loads."""

import re
import secrets
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.app.passwords import form_verifier, ldap_verifier
from gateway.config import load
from tests.conftest import Authority

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/verifiers.md").read_text(), re.DOTALL)
SMALLEST = re.findall(r"```toml\n(.*?)```", (ROOT / "docs/configuration.md").read_text(), re.DOTALL)[0]


@pytest.mark.parametrize("block", BLOCKS, ids=range(len(BLOCKS)))
def test_the_examples_load(tmp_path: Path, block: str) -> None:
    """In the place of the guide's own verifier."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies/page.toml").write_text('access = "bound"\n')
    key = generate_private_key(SECP256R1())
    files = {
        "secrets/cookie.key": urlsafe_b64encode(secrets.token_bytes(32)),
        "secrets/wechat.secret": secrets.token_hex(16).encode(),
        "secrets/identity.pem": key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "secrets/ldap.password": b"a directory's password",
        "ca.pem": Authority(tmp_path, "home").ca.read_bytes(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    text = re.sub(r"(?m)^bind\.password = .*\n", "", SMALLEST)
    assert text != SMALLEST
    (tmp_path / "gateway.toml").write_text(text + block)
    password = load(tmp_path / "gateway.toml", env={}).settings.bind.password
    assert password is not None
    if password.verifier == "ldap":
        assert password.ldap is not None
        ldap_verifier(password.ldap)
    else:
        assert password.form is not None
        form_verifier(password.form)


def test_there_are_examples() -> None:
    """Of both."""
    assert [block.count('verifier = "ldap"') for block in BLOCKS] == [1, 1, 0, 0, 0, 0]
