"""`gateway explain`: the very code that serves, in words."""

from pathlib import Path

import pytest

from gateway.cli import main


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["/orders"], ["route     app", "redirect to WeChat", "no_session"]),
        (["/orders", "--user", "1001"], ["forward to legacy, with identity", "bound"]),
        (["/orders", "--unbound"], ["redirect to the bind page", "not_bound"]),
        (["/api/x"], ["route     api", "refuse with 401", "no_session"]),
        (["/api/x", "--unbound"], ["refuse with 403", "not_bound"]),
        (["/orders", "--method", "POST"], ["refuse with 401"]),
        (["/orders", "--program"], ["refuse with 401"]),
        (["/public/x"], ["forward to legacy, without identity", "public"]),
        (["/_gateway/login"], ["own_page"]),
        (["/public/..;/orders"], ["refuse with 400", "bad_target"]),
        (["/public%2forders"], ["refuse with 400", "ambiguous_target"]),
        (["http://evil.test/orders"], ["refuse with 421", "misdirected"]),
    ],
)
def test_what_would_happen(
    config: Path, arguments: list[str], expected: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Route, policy, decision and reason, as the proxy would decide."""
    assert main(["explain", "-c", str(config), *arguments]) == 0
    printed = capsys.readouterr().out
    for words in expected:
        assert words in printed


def test_a_broken_configuration_is_not_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 with the problems, as `check`."""
    (tmp_path / "gateway.toml").write_text("version = 2\n")
    assert main(["explain", "-c", str(tmp_path / "gateway.toml"), "/"]) == 2
    assert "version" in capsys.readouterr().err
