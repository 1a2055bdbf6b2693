"""A whole bind through a gateway process whose accounts are in a legacy PostgreSQL."""

import asyncio
import json
from urllib.parse import urlencode

import bcrypt
import pytest

from tests.servers.fixtures import _certificate, database_authority, postgres
from tests.servers.postgres import DATABASE, Postgres
from tests.servers.postgres import PASSWORD as SERVERS_PASSWORD

from .conftest import PASSWORD, House, Open, claims_in, ticket_in
from .process import edit, process_of, sample
from .raw import Answer, Browser, target_of

__all__ = ["_certificate", "database_authority", "postgres"]

_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
_SQL = """
[bind.password.sql]
url = { file = "legacy.url" }
query = "SELECT id, passwd, full_name, role FROM members WHERE login = :username"
user_id = "id"
password = "passwd"
claims = { name = "full_name", roles = "role" }
timeout = "2s"
tls = "verify-full"
tls_ca = "CA"
"""


@pytest.fixture
async def sql_house(open_house: Open, postgres: Postgres, database_authority: object) -> House:
    """A house whose configuration asks the database; whoever uses it runs it as a process."""
    await postgres.execute(
        "DROP TABLE IF EXISTS members",
        "DROP ROLE IF EXISTS gate",
        "CREATE TABLE members (id INTEGER, login TEXT, passwd TEXT, full_name TEXT, role TEXT[])",
        f"INSERT INTO members VALUES (1001, 'xiaoming', '{_HASH}', '小明', '{{member}}')",
        f"CREATE ROLE gate LOGIN PASSWORD '{SERVERS_PASSWORD}'",
        "GRANT SELECT ON members TO gate",
    )
    house: House = await open_house()
    edit(house, 'verifier = "file"\nfile = "users.toml"\n', 'verifier = "sql"\n')
    path = house.folder / "gateway.toml"
    path.write_text(path.read_text() + _SQL.replace("CA", str(database_authority.ca)))  # type: ignore[attr-defined]
    secret = house.folder / "legacy.url"
    secret.write_text(f"postgresql://gate:{SERVERS_PASSWORD}@localhost:{postgres.port}/{DATABASE}\n")
    secret.chmod(0o600)
    return house


async def test_a_bind_by_the_legacy_database(sql_house: House, postgres: Postgres) -> None:
    """Wrong is 401; the database away is 503 and spends no try; back again, the bind works without a restart."""
    house = sql_house

    async def tried(browser: Browser, ticket: str, password: str) -> Answer:
        form = {"ticket": ticket, "method": "password", "username": "xiaoming", "password": password, "consent": "1"}
        return await browser.post("/_gateway/bind", urlencode(form).encode())

    async with process_of(house) as process:
        browser = house.browser()
        location = (await house.dance(browser, "/orders")).get("location") or ""
        page = await browser.get(target_of(location, house.origin))
        wrong = await tried(browser, ticket_in(page), "wrong")
        assert wrong.status == 401
        await asyncio.to_thread(postgres.stop)
        try:
            away = await tried(browser, ticket_in(wrong), PASSWORD)
        finally:
            await asyncio.to_thread(postgres.start)
        assert away.status == 503
        bound = await tried(browser, ticket_in(away), PASSWORD)
        assert bound.status == 303, bound.body
        claims = claims_in(await browser.get("/orders"))
        assert (claims["sub"], claims["name"], claims["roles"]) == ("1001", "小明", ["member"])
        metrics = await process.metrics()
        for outcome in ("no", "outage", "ok"):
            name = f'gateway_verifier_calls_total{{kind="password",outcome="{outcome}"}}'
            assert sample(metrics, name) == 1.0, metrics
        log = process.log
    assert "bind.password.sql: the database: " in log
    for secret in (PASSWORD, _HASH, "xiaoming", "小明", f":{SERVERS_PASSWORD}@"):
        assert secret not in log
        assert json.dumps(secret)[1:-1] not in log
