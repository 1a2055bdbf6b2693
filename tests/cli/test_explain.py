"""`gateway explain`: the very code that serves, in words."""

from pathlib import Path
from typing import Any

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
        (["/public%2forders"], ["refuse with 400", "ambiguous_target: readers could take it for different paths"]),
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


def test_the_forwarded_target(folder: Any) -> None:
    """What the upstream will see of the path, or that it cannot be said."""
    policy = "policies/public.toml"
    (folder.path / policy).write_text('access = "public"\n')
    with (folder.path / "gateway.toml").open("a") as file:
        file.write(
            '[[routes]]\nid = "moved"\npath = "/old"\nstrip_prefix = "/old"\nadd_prefix = "/new"\n'
            'policy = "public"\nupstream = "legacy"\n'
        )
    assert "target    /new/x;a=1?b\n" in folder.run("explain", "/old/x;a=1?b")[1]
    assert "target    /x\n" in folder.run("explain", "/x", "--user", "42")[1]
    assert "target" not in folder.run("explain", "/x")[1]


def test_edits_are_told_by_name(folder: Any) -> None:
    """What is set and removed, both ways; never a value, which may be a secret."""
    (folder.path / "policies/page.toml").write_text(
        'access = "bound"\n[request_headers]\nset = { X-Env = "canary" }\nremove = ["X-Debug"]\n'
        '[response_headers]\nremove = ["X-Powered-By"]\n'
    )
    told = folder.run("explain", "/x", "--user", "42")[1]
    assert "request   set X-Env; remove x-debug\nresponse  remove x-powered-by\n" in told
    assert "canary" not in told
    assert "x-powered-by" not in folder.run("explain", "/x")[1]


def test_a_preflight(folder: Any) -> None:
    """Forwarded without identity where the policy says so; else refused, as nobody is signed in."""
    assert "refuse with 401" in folder.run("explain", "/x", "--preflight")[1]
    (folder.path / "policies/page.toml").write_text('access = "bound"\npreflight = "forward"\n')
    told = folder.run("explain", "/x", "--preflight")[1]
    assert "forward to legacy, without identity\nreason    preflight" in told
    assert "refuse with 401" in folder.run("explain", "/x", "--method", "OPTIONS")[1]


def test_a_broken_configuration_is_not_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 with the problems, as `check`."""
    (tmp_path / "gateway.toml").write_text("version = 2\n")
    assert main(["explain", "-c", str(tmp_path / "gateway.toml"), "/"]) == 2
    assert "version" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["/orders?x=1", "https://app.example.com/orders", "http://app.example.com"])
def test_a_url_or_a_path(folder: Any, url: str) -> None:
    """Both ways of naming a page are understood."""
    status, out, err = folder.run("explain", url)
    assert (status, err) == (0, "")
    assert "reason    no_session\n" in out


@pytest.mark.parametrize("url", ["orders", "", "app.example.com/orders", "ftp://app.example.com/", "https:///x", "?x"])
def test_what_is_no_url(folder: Any, url: str) -> None:
    """It is not guessed at."""
    status, out, err = folder.run("explain", url)
    assert (status, out) == (2, "")
    assert "is not a URL: begin with https://, http:// or, for public_url, with /" in err


def test_a_malformed_host(folder: Any) -> None:
    """Nor is it a traceback."""
    status, _, err = folder.run("explain", "http://[::1/x")
    assert status == 2
    assert "is not a URL" in err


@pytest.mark.parametrize("claim", ["roles", "=admin", ""])
def test_a_claim_without_name_or_value(folder: Any, claim: str) -> None:
    """The option is named."""
    status, out, err = folder.run("explain", "/", "--user", "42", "--claim", claim)
    assert (status, out) == (2, "")
    assert err == f"gateway: --claim {claim!r}: write NAME=VALUE\n"


def test_claims_open_what_requires_them(folder: Any) -> None:
    """A claim counts, and its value may be empty or hold an equals sign."""
    (folder.path / "policies/page.toml").write_text(
        'access = "bound"\nrequire = [{ claim = "roles", values = ["a=b"] }]\n'
    )
    told = [folder.run("explain", "/", "--user", "42", "--claim", claim)[1] for claim in ("roles=", "roles=a=b")]
    assert ["claims_refused" in told[0], "forward to legacy, with identity" in told[1]] == [True, True]
