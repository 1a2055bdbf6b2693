"""The [bind.password] table: who checks a username and a password."""

from typing import Annotated, Any

from pydantic import ValidationInfo, field_validator

from .addresses import ServiceUrl
from .context import Section, key
from .form import Form
from .ldap import Ldap
from .secret import RandomText
from .sql import PasswordSql
from .values import FilePath, ServiceTimeout, only


class Password(Section):
    """Who checks a username and a password."""

    verifier: Annotated[str, only("http", "file", "sql", "ldap", "form", later=())] = key(
        description="`http` asks a URL, `file` reads a users file, `sql` asks a database, `ldap` asks a directory, "
        "`form` logs in to the legacy system's own form.",
        json_schema_extra={"enum": ["http", "file", "sql", "ldap", "form"]},
    )
    url: ServiceUrl | None = key(
        default=None, description="`http`: where username and password are posted. Required then."
    )
    secret: RandomText | None = key(
        default=None, description="`http`: signs the requests (X-Gateway-Signature, HMAC-SHA256)."
    )
    timeout: ServiceTimeout = key(default="5s", description='`http`: how long an answer may take, at most "30s".')
    file: FilePath | None = key(default=None, description="`file`: the users file (TOML). Required then.")
    ldap: Ldap | None = key(default=None, description="`ldap`: the directory. Required then.")
    form: Form | None = key(default=None, description="`form`: the login form. Required then.")
    sql: PasswordSql | None = key(default=None, description="`sql`: the database and its query. Required then.")

    @field_validator("url", "file", "sql", "ldap", "form")
    @classmethod
    def _needed(cls, value: Any, info: ValidationInfo) -> Any:
        """Each verifier has the keys it needs."""
        owner = {"url": "http"}.get(str(info.field_name), info.field_name)
        if value is None and info.data.get("verifier") == owner:
            table = f": write a table [bind.password.{owner}]" if owner in ("sql", "ldap", "form") else ""
            raise ValueError(f'is required by verifier = "{owner}"{table}')
        return value
