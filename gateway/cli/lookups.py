"""For `gateway check --online`: whether the legacy databases answer, and name the columns that are configured."""

from collections.abc import AsyncIterator

from gateway.app.databases import legacy_database
from gateway.config import Loaded, Problem
from gateway.config.sql import PasswordSql, PhoneSql
from gateway.verifiers.hashes import HashUnusable, read_hash
from gateway.verifiers.interface import VerifierOutage

# Nobody has this name or phone.
_NOBODY = {"username": "gateway-check-nobody", "phone": "10000000000"}


async def problems_of_lookups(loaded: Loaded) -> AsyncIterator[Problem]:
    """Run each configured query once, for somebody who is not there."""
    bind = loaded.settings.bind
    password = bind.password.sql if bind.password and bind.password.verifier == "sql" else None
    phone = bind.sms.sql if bind.sms and bind.sms.resolver == "sql" else None
    for where, table, parameter in (("password", password, "username"), ("sms", phone, "phone")):
        if table is None:
            continue
        key = ("bind", where, "sql", "query")
        if message := await _trouble(table, parameter):
            yield loaded.problem(key, message)
    if password is not None and password.example_hash is not None:
        try:
            read_hash(password.example_hash)
        except HashUnusable as error:
            yield loaded.problem(("bind", "password", "sql", "example_hash"), str(error))


async def _trouble(table: PasswordSql | PhoneSql, parameter: str) -> str | None:
    try:
        database = legacy_database(table, parameter)
    except OSError as error:
        return f"tls_ca cannot be read: {error.strerror}"
    try:
        columns = await database.columns(_NOBODY[parameter])
    except VerifierOutage as outage:
        return str(outage)
    finally:
        await database.close()
    named = {"user_id": table.user_id, "claims_json": table.claims_json}
    named |= {f"claims.{claim}": column for claim, column in table.claims.items()}
    if isinstance(table, PasswordSql):
        named |= {"password": table.password, "salt": table.salt, "username": table.username}
    missing = [f"{column!r} ({key})" for key, column in named.items() if column is not None and column not in columns]
    return f"gives no column {', '.join(missing)}; it gives {', '.join(columns)}" if missing else None
