"""`gateway check`, `schema` and `users`: by the same code as the start, one line a problem."""

import io
import json
from pathlib import Path
from typing import Any

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


def test_counts_fit_their_words(folder: Any) -> None:
    """One route is not `1 routes`."""
    assert folder.run("check") == (0, "gateway.toml: ok, 1 route, 1 policy\n", "")
    (folder.path / "policies/public.toml").write_text('access = "public"\n')
    assert folder.run("check") == (0, "gateway.toml: ok, 1 route, 2 policies\n", "")


def test_a_file_that_is_not_there(folder: Any) -> None:
    """It says how to name another one, on the same line."""
    (folder.path / "gateway.toml").unlink()
    hint = "; run this in its folder, or name it with -c"
    assert folder.run("check") == (2, "", f"gateway.toml: cannot be read: No such file or directory{hint}\n")


def test_another_programs_file(folder: Any) -> None:
    """Lines that say what is missing, and no traceback."""
    (folder.path / "pyproject.toml").write_text('[project]\nname = "x"\n')
    status, _, err = folder.run("check", "-c", "pyproject.toml")
    assert status == 2
    assert "pyproject.toml:1: identity.keys: is required: " in err


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
