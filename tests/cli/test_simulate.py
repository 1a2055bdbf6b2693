"""`gateway simulate`: addresses that are none, or are taken."""

import socket
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("--wechat", value) for value in ("8090", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "::1:80", ":80")),
        ("--legacy", "http://127.0.0.1:8070"),
        *(("--gateway", value) for value in ("127.0.0.1:8080", "http://127.0.0.1:8080/x", "")),
    ],
)
def test_a_wrong_address_is_named(folder: Any, capsys: pytest.CaptureFixture[str], option: str, value: str) -> None:
    """The option, its value and what would be right; no traceback."""
    with pytest.raises(SystemExit, match="2"):
        folder.run("simulate", option, value)
    assert f"argument {option}: {value!r} is not an " in capsys.readouterr().err


def test_a_taken_address_is_named(folder: Any) -> None:
    """Which of the two, and where."""
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        address = f"127.0.0.1:{squatter.getsockname()[1]}"
        status, _, err = folder.run("simulate", "--wechat", "127.0.0.1:0", "--legacy", address)
    assert status == 1
    assert err.startswith(f"gateway: --legacy {address}: ")
    assert "address already in use" in err
