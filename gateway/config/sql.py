"""The [bind.password.sql] and [bind.sms.sql] tables: people looked up in the legacy system's own database."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, ValidationInfo, field_validator

from .context import Section, key
from .databases import DatabaseReference, DatabaseUrl, select_with
from .upstreams import authorities
from .values import FilePath, ServiceTimeout, matching

Column = Annotated[str, matching(r"[^\s\"'`\\](?:[^\"'`\\]{0,62}[^\s\"'`\\])?", "a column as the query names it")]


def _claims(claims: dict[str, str]) -> dict[str, str]:
    for claim in claims:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.:-]{0,63}", claim):
            raise ValueError(f"{claim!r} is no claim's name: write letters, digits and _, like department")
    return claims


Claims = Annotated[dict[str, Column], AfterValidator(_claims)]
Tls = Literal["verify-full", "verify-ca", "off"]


class _Database(Section):
    """What both tables say of the database."""

    url: DatabaseReference = key(
        description="The database: `sqlite:path`, `postgresql://user:password@host/database` or `mysql://…`. With a "
        "password it is a secret, from a file or the environment."
    )
    timeout: ServiceTimeout = key(
        default="5s", description='How long the database may take to answer, connecting included, at most "30s".'
    )
    connections: int = key(default=4, ge=1, le=100, description="Connections of one worker at most.")
    tls: Tls | None = key(
        default=None,
        description="How the connection is protected: `verify-full` checks chain and name, `verify-ca` the chain to "
        "`tls_ca` only, `off` nothing. Default: `off` on this machine, else `verify-full`.",
    )
    tls_ca: Annotated[FilePath, AfterValidator(authorities)] | None = key(
        default=None, description="Certificates in PEM that the server's is checked against, instead of the system's."
    )
    user_id: Column = key(default="user_id", description="The column with the user's id.")
    claims: Claims = key(default={}, description="Claims, and the column of each; NULL is no claim.")
    claims_json: Column | None = key(default=None, description="A column with a JSON object of claims.")

    @field_validator("tls")
    @classmethod
    def _spoken(cls, tls: Tls | None, info: ValidationInfo) -> Tls | None:
        url = info.data.get("url")
        if isinstance(url, DatabaseUrl) and not url.host:
            if tls not in (None, "off"):
                raise ValueError("is for servers on a network: leave it out for files and sockets")
            return "off"
        if isinstance(url, DatabaseUrl) and tls is None:
            return "off" if url.local else "verify-full"
        return tls

    @field_validator("tls_ca")
    @classmethod
    def _authority(cls, path: object, info: ValidationInfo) -> object:
        if "tls" in info.data and path is None and info.data["tls"] == "verify-ca":
            raise ValueError('is required by tls = "verify-ca": any certificate of a public authority would do else')
        if info.data.get("tls") == "off" and path is not None:
            raise ValueError('means nothing without TLS: write tls = "verify-full", or leave it out')
        return path


_ALGORITHMS = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sm3")
_TERM = rf"(?:salt|password|(?:{'|'.join((*_ALGORITHMS, *(name.upper() for name in _ALGORITHMS)))})\(password\))"


class Digest(Section):
    """Hashes that do not say their own format: a digest of salt and password."""

    algorithm: Literal["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sm3"] = key(
        description="The hash function: md5, sha1, sha224, sha256, sha384, sha512 or sm3."
    )
    layout: Annotated[
        str, matching(rf"{_TERM}(?: ?\+ ?{_TERM}){{0,7}}", "salt, password or md5(password), joined by +")
    ] = key(
        default="password",
        description="What is hashed: `salt`, `password`, or `md5(password)` (its hex digits; in capitals: "
        "`MD5(password)`), joined by `+`.",
    )
    rounds: int = key(default=1, ge=1, le=100_000, description="How often: each further time over the digest's bytes.")
    encoding: Literal["hex", "hex16", "base64", "raw"] = key(
        default="hex",
        description="How the digest is kept: `hex`, `hex16` (the middle 16 digits of MD5), `base64`, or `raw` bytes.",
    )
    stored: Annotated[
        str, matching(r"digest|digest[^\w\s]{1,8}salt|salt[^\w\s]{1,8}digest", "digest, digest:salt or salt:digest")
    ] = key(
        default="digest",
        description="What the column holds: `digest`, or the salt with it, like `salt:digest`. A salt in a column of "
        "its own is the key `salt` of the table above.",
    )
    salt_encoding: Literal["text", "hex", "base64"] = key(default="text", description="How the salt is written.")
    charset: Literal["utf-8", "gbk", "utf-16-le"] = key(
        default="utf-8", description="How passwords become bytes: utf-8, gbk (old Chinese systems), utf-16-le (.NET)."
    )

    @field_validator("layout")
    @classmethod
    def _password(cls, layout: str) -> str:
        if "password" not in layout:
            raise ValueError("leaves the password out")
        return layout

    @field_validator("encoding")
    @classmethod
    def _half(cls, encoding: str, info: ValidationInfo) -> str:
        if encoding == "hex16" and info.data.get("algorithm", "md5") != "md5":
            raise ValueError('"hex16" is for md5 only')
        return encoding

    @field_validator("stored")
    @classmethod
    def _text(cls, stored: str, info: ValidationInfo) -> str:
        if "salt" in stored and info.data.get("encoding") == "raw":
            raise ValueError("cannot hold a salt beside raw bytes")
        return stored


class PasswordSql(_Database):
    """`sql`: names and hashes in the legacy database."""

    query: Annotated[str, select_with("username")] = key(
        description="One SELECT with the parameter `:username` that gives one row, or none."
    )
    password: Column = key(default="password", description="The column with the password's hash.")
    salt: Column | None = key(default=None, description="The column with the salt, if it is one of its own.")
    username: Column | None = key(
        default=None,
        description="The column with the name itself: a row of another name, however the database compares, is a no.",
    )
    digest: Digest | None = key(
        default=None, description="What hashes are that do not say it themselves, as $2y$… does."
    )
    example_hash: str | None = key(
        default=None,
        max_length=512,
        description="A hash of no real password, made like the others: what unknown names are checked against until "
        "a known one was seen, so that the time tells nothing.",
    )

    @field_validator("digest")
    @classmethod
    def _salted(cls, digest: Digest | None, info: ValidationInfo) -> Digest | None:
        if digest is None or "salt" not in info.data:
            return digest
        used, held = "salt" in digest.layout, "salt" in digest.stored or info.data["salt"] is not None
        if used and not held:
            raise ValueError("hashes a salt: name its column (salt), or where it stands (digest.stored)")
        if held and not used:
            raise ValueError('has a salt that its layout does not use: write layout = "salt + password", or as it is')
        if "salt" in digest.stored and info.data["salt"] is not None:
            raise ValueError("has two salts: a column (salt) and digest.stored")
        return digest


class PhoneSql(_Database):
    """`sql`: phones in the legacy database."""

    query: Annotated[str, select_with("phone")] = key(
        description="One SELECT with the parameter `:phone` (eleven digits) that gives one row, or none."
    )
