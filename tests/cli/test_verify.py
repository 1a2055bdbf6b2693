"""`gateway verify`: a backend's check, from the command line. The token never stands among the arguments."""

import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from gateway.app.build import signer_of
from gateway.cli import main
from gateway.cli.keys import generated, write_new
from gateway.config import load
from gateway.core.identity import Binding, Session, Subject


@pytest.fixture
def token(config: Path) -> str:
    """A token of this gateway for the audience "legacy"."""
    loaded = load(config, env={})
    route = next(route for route in loaded.routes if route.id == "app")
    subject = Subject("main", "oCanary")
    now = int(time.time())
    signer = signer_of(loaded.settings, [key.get_secret_value() for key in loaded.settings.secrets.cookie_keys])
    return signer.mint(Session("sid", subject, now, now, now), route, Binding(subject, "7", {}, "pwd", 1, now), now)


def run(monkeypatch: pytest.MonkeyPatch, config: Path, token: str, *arguments: str) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(token))
    return main(["verify", "-c", str(config), *arguments])


def test_a_token_of_ours(
    config: Path, token: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its claims are printed; a pasted header line will do."""
    assert run(monkeypatch, config, f"X-User: {token}\n", "--audience", "legacy") == 0
    assert json.loads(capsys.readouterr().out)["sub"] == "7"


@pytest.mark.parametrize(
    ("change", "audience", "why"),
    [
        (lambda token: token, "other", "audience"),
        (lambda token: token[:-8] + "AAAAAAAA", "legacy", "signature"),
        (lambda token: "nonsense", "legacy", "well-formed"),
        (lambda token: "", "legacy", "well-formed"),
    ],
)
def test_any_other_is_refused_with_a_reason(
    config: Path,
    token: str,
    change: object,
    audience: str,
    why: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 1, the reason, and nothing of the token."""
    assert callable(change)
    assert run(monkeypatch, config, change(token), "--audience", audience) == 1
    message = capsys.readouterr().err
    assert why in message
    assert token[:20] not in message


@pytest.mark.parametrize("issuer", [(), ("--issuer", "https://app.example.com")])
def test_a_jwk_set_that_cannot_be_read(
    config: Path, issuer: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 and the file's name, not a traceback."""
    for path in (config.parent / "missing.json", config.parent):
        assert run(monkeypatch, config, "token", "--audience", "legacy", "--jwks", str(path), *issuer) == 2
        assert capsys.readouterr().err.startswith(f"gateway: {path}: ")


def test_an_audience_without_a_secret(
    folder: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """HS256: exit 1, and that no secret is configured for it."""
    write_new(folder.path / "secrets/shared.key", generated("identity", "HS256"))
    folder.replace(
        'identity.keys = [{ file = "secrets/identity.pem" }]',
        'identity.algorithm = "HS256"\nidentity.keys = [{ file = "secrets/shared.key", audience = "legacy" }]',
    )
    assert run(monkeypatch, folder.path / "gateway.toml", "token", "--audience", "other") == 1
    assert "no HS256 secret is configured for the audience 'other'" in capsys.readouterr().err
