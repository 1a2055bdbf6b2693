"""The [bind.password.ldap] table: a directory that checks passwords."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import unquote

from pydantic import AfterValidator, BeforeValidator, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from gateway.core.ldap_filter import ATTRIBUTE, PLACEHOLDER, Filter, parse_filter

from .addresses import Address, Tcp, Unix
from .context import Section, context_of, key
from .secret import SecretText
from .upstreams import TlsTable
from .values import HOST, ServiceTimeout, matching

_URL = re.compile(r"(ldaps?)://(?:\[([0-9A-Fa-f:.]+)\]|([^:/\[\]?]+))(?::([0-9]{1,5}))?/?")
_SOCKET = re.compile(r"ldapi://(%2[Ff][^/?#]+)/?")


def _server(text: object) -> Address:
    if isinstance(text, str) and (path := _SOCKET.fullmatch(text)) and "%00" not in text:
        return Unix(Path(unquote(path[1])))
    match = _URL.fullmatch(text) if isinstance(text, str) else None
    if not match or (match[3] and not HOST.fullmatch(match[3].lower())):
        raise ValueError('is no directory: write "ldaps://host", "ldap://host:389" or "ldapi://%2Frun%2Fslapd%2Fldapi"')
    tls = match[1] == "ldaps"
    port = int(match[4] or (636 if tls else 389))
    if not 1 <= port <= 65535:
        raise ValueError("has no port from 1 to 65535 behind its colon")
    return Tcp((match[2] or match[3]).lower(), port, tls=tls)


def _filter(text: object) -> Filter:
    if not isinstance(text, str):
        raise ValueError(f'must be a string in quotes, like "(uid={PLACEHOLDER})"')
    return parse_filter(text)


def _names_user(text: str) -> str:
    if text and PLACEHOLDER not in text:
        raise ValueError(f"does not contain {PLACEHOLDER}: everybody would be the same person")
    return text


_ATTRIBUTE = matching(ATTRIBUTE.pattern, "an attribute's name, like employeeNumber")
Attribute = Annotated[str, _ATTRIBUTE]


def _claim(written: object) -> str | tuple[str]:
    [name] = written if isinstance(written, list | tuple) and len(written) == 1 else [written]
    if not isinstance(name, str) or not ATTRIBUTE.fullmatch(name):
        raise ValueError('must be one attribute: "cn" for a text, ["memberOf"] for what is always a list')
    return name if isinstance(written, str) else (name,)


Claim = Annotated[
    str | tuple[str],
    PlainValidator(_claim),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1}]}
    ),
]


class Ldap(Section):
    """A directory: LDAP or Active Directory."""

    start_tls: bool = key(default=False, description="Asks for TLS on `ldap://` connections before anything else.")
    urls: tuple[Annotated[Address, BeforeValidator(_server), WithJsonSchema({"type": "string"})], ...] = key(
        min_length=1,
        max_length=10,
        description="The servers, tried in order: `ldaps://host`, `ldap://host`, or `ldapi://` and a Unix socket's "
        "path with %2F for each slash.",
    )
    tls: TlsTable | None = key(default=None, description="TLS to the servers.")
    base: str = key(min_length=1, description="The DN below which people are searched.")
    filter: Annotated[Filter, BeforeValidator(_filter), WithJsonSchema({"type": "string"})] = key(
        default="(uid={username})",
        description="The search filter (RFC 4515); `{username}` is what was typed, as a value, never as syntax.",
    )
    scope: Literal["subtree", "one"] = key(
        default="subtree", description="Whether everything below `base` is searched, or its direct children only."
    )
    bind_dn: str = key(default="", description="The account that searches. Without one anybody may, or `bind_as`.")
    bind_password: SecretText | None = key(default=None, description="Its password. Required with `bind_dn`.")
    bind_as: Annotated[str, AfterValidator(_names_user)] = key(
        default="",
        description="Instead of an account that searches: people search as themselves, under this name, like "
        "`{username}@corp.example` or `uid={username},ou=people,dc=corp,dc=example`.",
    )
    user_id: Attribute = key(
        default="uid", description="The attribute whose one value is the user id, or `dn` for the entry's DN."
    )
    claims: dict[str, Claim] = key(
        default={},
        description='Attributes by claim: `"cn"` is a text, or a list if there are several values; `["memberOf"]` is '
        "always a list.",
    )
    timeout: ServiceTimeout = key(
        default="5s", description='How long one question may take on all servers together, at most "30s".'
    )

    @field_validator("urls")
    @classmethod
    def _guarded(cls, urls: tuple[Address, ...], info: ValidationInfo) -> tuple[Address, ...]:
        for url in urls:
            direct = isinstance(url, Tcp) and url.tls
            if info.data.get("start_tls") and (direct or isinstance(url, Unix)):
                raise ValueError("has a server that needs no StartTLS: write ldap:// only, or leave start_tls out")
            if not (direct or info.data.get("start_tls") or url.loopback or context_of(info).development):
                raise ValueError("would send passwords readable: write ldaps://, or set start_tls = true")
        return urls

    @field_validator("tls")
    @classmethod
    def _spoken(cls, tls: TlsTable | None, info: ValidationInfo) -> TlsTable | None:
        urls = info.data.get("urls")
        spoken = info.data.get("start_tls") or any(isinstance(url, Tcp) and url.tls for url in urls or ())
        if tls is not None and urls and not spoken:
            raise ValueError("means nothing without ldaps:// or start_tls: leave it out")
        return tls

    @field_validator("bind_password")
    @classmethod
    def _pair(cls, password: object, info: ValidationInfo) -> object:
        if bool(info.data.get("bind_dn")) != (password is not None):
            raise ValueError("belongs to bind_dn: set both or neither")
        return password

    @field_validator("bind_as")
    @classmethod
    def _one_searches(cls, bind_as: str, info: ValidationInfo) -> str:
        if bind_as and info.data.get("bind_dn"):
            raise ValueError("takes the place of bind_dn: leave one of them out")
        return bind_as
