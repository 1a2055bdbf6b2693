"""The [bind.password] table: who checks a username and a password."""

from pathlib import Path
from typing import Annotated

from pydantic import ValidationInfo, field_validator

from .addresses import ServiceUrl
from .context import Section, key
from .secret import RandomText
from .values import FilePath, ServiceTimeout, only


class Password(Section):
    """Who checks a username and a password."""

    verifier: Annotated[str, only("http", "file", later=("sql", "ldap", "form"))] = key(
        description="`http` asks a URL, `file` reads a users file. Later versions: sql, ldap, form.",
        json_schema_extra={"enum": ["http", "file"]},
    )
    url: ServiceUrl | None = key(
        default=None, description="`http`: where username and password are posted. Required then."
    )
    secret: RandomText | None = key(
        default=None, description="`http`: signs the requests (X-Gateway-Signature, HMAC-SHA256)."
    )
    timeout: ServiceTimeout = key(default="5s", description='`http`: how long an answer may take, at most "30s".')
    file: FilePath | None = key(default=None, description="`file`: the users file (TOML). Required then.")

    @field_validator("url", "file")
    @classmethod
    def _needed(cls, value: str | Path | None, info: ValidationInfo) -> str | Path | None:
        """Each verifier has the keys it needs."""
        owner = {"url": "http", "file": "file"}[str(info.field_name)]
        if value is None and info.data.get("verifier") == owner:
            raise ValueError(f'is required by verifier = "{owner}"')
        return value
