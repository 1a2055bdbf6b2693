"""`gateway check`, `schema` and `users`: by the same code as the start, one line a problem."""

import io
import json
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.verifiers.users import load_users


def test_a_sound_configuration(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 0 and what it holds."""
    assert main(["check", "-c", str(config)]) == 0
    assert "ok, 6 routes, 5 policies" in capsys.readouterr().out


def test_every_problem_is_one_line(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """file:line: key: what would be right; exit 2."""
    config.write_text(config.read_text().replace('policy = "api"', 'policy = "apy"').replace("[log]", "[lag]"))
    assert main(["check", "-c", str(config)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert any(f"{config}:" in line and "routes[4].policy" in line and "did you mean 'api'" in line for line in lines)
    assert any("lag" in line and "did you mean 'log'" in line for line in lines)


def test_online_finds_an_upstream_that_is_away(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--online also connects."""
    config.write_text(config.read_text().replace("http://127.0.0.1:8070", "http://127.0.0.1:1"))
    assert main(["check", "-c", str(config), "--online"]) == 2
    assert "upstreams[0].servers" in capsys.readouterr().err


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """For editors: of gateway.toml and of a policy file."""
    for arguments, key in ((["schema"], "server"), (["schema", "--policy"], "access")):
        assert main(arguments) == 0
        assert key in json.loads(capsys.readouterr().out)["properties"]


def test_a_user_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The password comes from standard input, never from an argument, and is kept as a hash."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"correct horse\n")))
    path = tmp_path / "users.toml"
    assert main(["users", "add", str(path), "ann", "--user-id", "42", "--claims", '{"name":"Ann"}']) == 0
    assert load_users(path).by_name.keys() == {"ann"}
    assert 'user_id = "42"' in path.read_text()
    assert "correct horse" not in path.read_text()
