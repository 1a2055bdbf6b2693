"""`gateway verify`: a backend's check, from the command line. The token never stands among the arguments."""

import io
import json
import time
from pathlib import Path

import pytest

from gateway.app.build import signer_of
from gateway.cli import main
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
