"""Where a legacy database is: the URLs of SQLite, PostgreSQL and MySQL, and what a query of an operator's may be."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, BeforeValidator, ValidationInfo

from .addresses import Tcp
from .context import context_of
from .secret import SECRET_SCHEMA, read_secret

_ALIASES = {"postgres": "postgresql", "mariadb": "mysql"}
_KINDS = ("sqlite", "postgresql", "mysql")
_SOCKETS = {"postgresql": "host", "mysql": "unix_socket"}  # how their own clients call it
_FORM = "write sqlite:path, postgresql://user:password@host/database or mysql://user:password@host/database"


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """`kind` is sqlite (with `path`), postgresql or mysql (with `host` and `port`, or `socket`)."""

    kind: str
    path: Path | None = None
    host: str = ""
    port: int | None = None
    socket: str = ""
    user: str = ""
    password: str = field(default="", repr=False)
    database: str = ""

    @property
    def local(self) -> bool:
        """Whether nobody on a network is between us and it."""
        return not self.host or Tcp(self.host, 0).loopback


def _database(reference: object, info: ValidationInfo) -> DatabaseUrl:
    context = context_of(info)
    if isinstance(reference, str):
        url = _parsed(reference, context.base)
        if url.password and not context.development:
            raise ValueError(
                'has a password, which may not stand in this file: write { env = "NAME" } or { file = "path" }'
            )
        return url
    try:
        return _parsed(read_secret(reference, context).decode().strip(), context.base)
    except UnicodeDecodeError:
        raise ValueError("is not text in UTF-8") from None


def _parsed(text: str, base: Path) -> DatabaseUrl:
    """The messages say nothing of the text: it may be a secret."""
    scheme, _, rest = text.partition(":")
    kind = _ALIASES.get(scheme, scheme)
    if kind not in _KINDS:
        raise ValueError(f"is not the URL of a database: {_FORM}")
    if kind == "sqlite":
        path = re.sub("^/+", "/", rest)
        if not path or re.search(r"[?#\0]|^:", path):
            raise ValueError("must name a file, like sqlite:/var/lib/legacy/users.db")
        return DatabaseUrl(kind, path=base / path)
    unreadable = f"cannot be read; percent-encode what is special in user and password: {_FORM}"
    try:
        url = urlsplit(text)
        host, port = url.hostname or "", url.port
        parts = (url.username, url.password, url.path.removeprefix("/"))
        user, password, database = (unquote(part or "", errors="strict") for part in parts)
    except ValueError:  # whose message quotes the text
        raise ValueError(unreadable) from None
    if not re.fullmatch(r"[A-Za-z0-9._:-]*", host) or url.fragment or port == 0 or not rest.startswith("//"):
        raise ValueError(unreadable)
    socket = _socket(url.query, kind)
    if not host and not socket:
        raise ValueError(f"names no host: {_FORM}")
    if host and socket:
        raise ValueError("names a host and a socket: leave one out")
    if not user or not database:
        raise ValueError(f"must name user and database: {_FORM}")
    return DatabaseUrl(kind, None, host, port, socket, user, password, database)


def _socket(query: str, kind: str) -> str:
    if not query:
        return ""
    name = _SOCKETS[kind]
    key, _, value = query.partition("=")
    if key != name or not re.fullmatch(r"/[^&;\0]+", unquote(value)):
        raise ValueError(f"may have one option only, {name}=/path of a socket; TLS is the key tls")
    return unquote(value)


DatabaseReference = Annotated[DatabaseUrl, BeforeValidator(_database), SECRET_SCHEMA]
"""The URL of a database: a secret if it has a password."""

# --- queries ------------------------------------------------------------------------------------------

_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`")
_WRITES = re.compile(
    r"\b(insert|update|delete|merge|into|drop|alter|create|truncate|grant|call|share|lock)\b", re.IGNORECASE
)
_PATTERN = r"\b(?:i?like|rlike|regexp|glob|similar\s+to)\s+(?:binary\s+)?:{0}\b|~\*?\s*:{0}\b"


def _balanced(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


def select_with(parameter: str) -> AfterValidator:
    """A check that a text is one SELECT that uses `:parameter`. The database holds it to that too."""

    def check(query: str) -> str:
        bare = _QUOTED.sub("''", query)
        if not re.match(r"\s*(select|with)\b", bare, re.IGNORECASE):
            raise ValueError("must be a SELECT")
        if ";" in bare:
            raise ValueError("must be one statement, without a semicolon")
        if re.search(r"--|/\*|#(?!>)", bare):
            raise ValueError("may not have comments")
        if not _balanced(bare):
            raise ValueError("has parentheses that do not fit together")
        if found := _WRITES.search(bare):
            raise ValueError(f"may only read: {found[1]!r} is not possible; a column of that name goes in quotes")
        if f":{parameter}" in query and f":{parameter}" not in bare:
            raise ValueError(f"has :{parameter} in quotes: leave the quotes out, the database is given a value")
        names = set(re.findall(r"(?<![:\w\\]):(\w+)(?!:)", bare))
        if names != {parameter}:
            raise ValueError(f"must use :{parameter} and no other parameter; it is never pasted into the text")
        if re.search(_PATTERN.format(parameter), bare, re.IGNORECASE):
            raise ValueError(f"takes :{parameter} for a pattern, in which % would be anybody: compare with =")
        return query

    return AfterValidator(check)
