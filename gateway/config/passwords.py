"""The [bind.password] table: who checks a username and a password."""

from pathlib import Path
from typing import Annotated

from pydantic import ValidationInfo, field_validator

from .addresses import ServiceUrl
from .context import Section, key
from .secret import RandomText
from .sql import PasswordSql
from .values import FilePath, ServiceTimeout, only

_Value = str | Path | PasswordSql | None


class Password(Section):
    """Who checks a username and a password."""

    verifier: Annotated[str, only("http", "file", "sql", later=("ldap", "form"))] = key(
        description="`http` asks a URL, `file` reads a users file, `sql` asks a database. Later versions: ldap, form.",
        json_schema_extra={"enum": ["http", "file", "sql"]},
    )
    url: ServiceUrl | None = key(
        default=None, description="`http`: where username and password are posted. Required then."
    )
    secret: RandomText | None = key(
        default=None, description="`http`: signs the requests (X-Gateway-Signature, HMAC-SHA256)."
    )
    timeout: ServiceTimeout = key(default="5s", description='`http`: how long an answer may take, at most "30s".')
    file: FilePath | None = key(default=None, description="`file`: the users file (TOML). Required then.")

    sql: PasswordSql | None = key(default=None, description="`sql`: the database and its query. Required then.")

    @field_validator("url", "file", "sql")
    @classmethod
    def _needed(cls, value: _Value, info: ValidationInfo) -> _Value:
        """Each verifier has the keys it needs."""
        owner = {"url": "http", "file": "file", "sql": "sql"}[str(info.field_name)]
        if value is None and info.data.get("verifier") == owner:
            raise ValueError(f'is required by verifier = "{owner}"')
        return value
