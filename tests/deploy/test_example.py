"""The configurations for Compose and for systemd are ones that the gateway accepts, with what their units provide."""

import re
from pathlib import Path

import pytest

from gateway.cli.keys import generated, write_new
from gateway.config import Loaded, load
from gateway.core.policy import Access

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLE = DEPLOY / "example"


def accepted(name: str, secrets: str, tmp_path: Path) -> Loaded:
    """With secrets in place of `secrets` and nothing else changed, it loads."""
    folder = tmp_path / "secrets"
    write_new(folder / "cookie.key", generated("cookie"))
    write_new(folder / "identity.pem", generated("identity"))
    write_new(folder / "wechat.secret", generated("token"))
    (tmp_path / "gateway.toml").write_text((EXAMPLE / name).read_text().replace(secrets, f"{folder}"))
    (tmp_path / "policies").symlink_to(EXAMPLE / "policies")
    return load(tmp_path / "gateway.toml", env={})


@pytest.mark.parametrize(
    ("name", "secrets"), [("gateway.toml", "/run/secrets"), ("systemd.toml", "/run/credentials/gateway.service")]
)
def test_the_examples_are_accepted_as_they_are(name: str, secrets: str, tmp_path: Path) -> None:
    """What is left to write is the AppID; within Compose's own network plain http is the example's to say."""
    loaded = accepted(name, secrets, tmp_path)
    told = [warning.partition(":")[0].partition(" ")[0] for warning in loaded.warnings]
    assert told == ["apps[0].app_id", *(["bind.password.url"] if name == "gateway.toml" else [])]
    assert [route.policy.access for route in loaded.routes] == [Access.BOUND]
    assert loaded.settings.identity.issuer == "https://app.example.com"


def test_the_systemd_example_uses_what_its_unit_provides() -> None:
    """Every secret is one that the unit loads, and every database lies where the unit lets it write."""
    text, unit = (EXAMPLE / "systemd.toml").read_text(), (DEPLOY / "gateway.service").read_text()
    loads = set(re.findall(r"^LoadCredential=([a-z.]+):", unit, re.MULTILINE))
    assert set(re.findall(r'"/run/credentials/gateway\.service/([a-z.]+)"', text)) == loads
    [folder] = re.findall(r"^StateDirectory=(\w+)$", unit, re.MULTILINE)
    databases = re.findall(r'"sqlite:(.*)/(\w+\.db)"', text)
    assert sorted(databases) == [(f"/var/lib/{folder}", "bindings.db"), (f"/var/lib/{folder}", "state.db")]
