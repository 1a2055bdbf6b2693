"""`gateway keys generate`: keys that the configuration accepts, where nobody else can read them."""

import os
import stat
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.config.secret import check_signing_key, decode_cookie_key


@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256", "HS256"])
def test_an_identity_key_fits_its_algorithm(algorithm: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is generated is what `gateway check` asks for; the file is ours alone."""
    path = tmp_path / "new" / "identity.pem"
    assert main(["keys", "generate", "identity", "--algorithm", algorithm, "-o", str(path)]) == 0
    check_signing_key(path.read_bytes().strip() + b"\n", algorithm)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert str(path) in capsys.readouterr().out


def test_a_cookie_key_is_32_random_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    """Printed on request, never twice the same."""
    keys = set()
    for _ in range(2):
        assert main(["keys", "generate", "cookie"]) == 0
        keys.add(decode_cookie_key(capsys.readouterr().out.encode()))
    assert len(keys) == 2


def test_an_existing_key_is_never_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A key that sessions are sealed with must not vanish by a second command."""
    path = tmp_path / "cookie.key"
    path.write_text("precious")
    assert main(["keys", "generate", "cookie", "-o", str(path)]) == 1
    assert path.read_text() == "precious"
    assert "cookie.key" in capsys.readouterr().err


def test_other_failures_are_not_called_existing_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The message is about what went wrong."""
    (tmp_path / "file").write_text("")
    assert main(["keys", "generate", "cookie", "-o", str(tmp_path / "file" / "new" / "cookie.key")]) == 1
    assert "never overwritten" not in capsys.readouterr().err
