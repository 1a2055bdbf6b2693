"""The configuration for Compose is one that the gateway accepts."""

from pathlib import Path

from gateway.cli.keys import generated, write_new
from gateway.config import load
from gateway.core.policy import Access

EXAMPLE = Path(__file__).parents[2] / "deploy" / "example"


def test_the_example_is_accepted_as_it_is(tmp_path: Path) -> None:
    """With secrets in place and nothing else changed, it loads."""
    secrets = tmp_path / "secrets"
    write_new(secrets / "cookie.key", generated("cookie"))
    write_new(secrets / "identity.pem", generated("identity"))
    write_new(secrets / "wechat.secret", generated("token"))
    text = (EXAMPLE / "gateway.toml").read_text()
    (tmp_path / "gateway.toml").write_text(text.replace("/run/secrets/", f"{secrets}/"))
    (tmp_path / "policies").symlink_to(EXAMPLE / "policies")
    loaded = load(tmp_path / "gateway.toml", env={})
    # Within Compose's own network, which is the example's to say.
    assert all(warning.startswith("bind.password.url is plain http") for warning in loaded.warnings)
    assert [route.policy.access for route in loaded.routes] == [Access.BOUND]
    assert loaded.settings.identity.issuer == "https://app.example.com"
