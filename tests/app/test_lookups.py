"""Who is asked for a phone, as bind.sms.resolver says."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.app.people import ways_to_bind
from gateway.cli.demo import prepare
from gateway.config import load
from gateway.telemetry.metrics import Metrics
from gateway.verifiers.interface import User

ROOT = Path(__file__).parents[2]
RESOLVERS = {
    "file": 'resolver = "file"\nresolver_file = "users.toml"',
    "sql": 'resolver = "sql"\nsql = { url = "sqlite:legacy.db", query = "SELECT id, name FROM p WHERE phone = :phone", '
    'user_id = "id", claims = { name = "name" } }',
}


@pytest.mark.parametrize("resolver", RESOLVERS)
async def test_a_phone_is_resolved_as_configured(tmp_path: Path, resolver: str) -> None:
    """From the users file, or from the legacy database; with a metric."""
    prepare(tmp_path / ".demo")
    text = (ROOT / "gateway.toml").read_text()
    url = 'resolver_url = "http://127.0.0.1:8070/internal/by-phone"'
    assert text.count(url) == 1
    (tmp_path / "gateway.toml").write_text(text.replace(url, RESOLVERS[resolver]))
    (tmp_path / "policies").symlink_to(ROOT / "policies")
    (tmp_path / "users.toml").write_text(
        '[users.ann]\nuser_id = "42"\nphone = "13800138000"\nclaims = { name = "Ann" }\n'
    )
    with closing(sqlite3.connect(tmp_path / "legacy.db", isolation_level=None)) as file:
        file.execute("CREATE TABLE p (id, name, phone)")
        file.execute("INSERT INTO p VALUES (42, 'Ann', '13800138000')")
    metrics = Metrics()
    ways = ways_to_bind(load(tmp_path / "gateway.toml", env={}).settings, metrics)
    assert ways.resolver is not None
    try:
        assert await ways.resolver.resolve("13800138000") == User("42", {"name": "Ann"})
        assert await ways.resolver.resolve("13900139000") is None
    finally:
        for each in ways:
            if each is not None:
                await each.close()
