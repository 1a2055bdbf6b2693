"""The tables about the program itself: server, secrets, admin, log, limits."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ValidationInfo, WithJsonSchema, model_validator

from .addresses import Address, Cidr, Listen, ListenPlain, PublicUrl
from .certificates import check_pair
from .context import Section, context_of, key
from .secret import CookieKey, RandomText
from .values import FilePath, Host, LimitedSize, Prefix, Timeout, not_yet


def _workers(value: Any) -> Any:
    if value != "auto" and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 256):
        raise ValueError('must be a number from 1 to 256, or "auto" for one a processor')
    return value


Workers = Annotated[
    int | Literal["auto"],
    BeforeValidator(_workers),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": 256}, {"const": "auto"}]}),
]


class Tls(Section):
    """What listeners that begin with `tls://` show. Both files are in PEM."""

    certificate: FilePath = key(description="The certificate and, behind it, those that lead to the authority's.")
    key: FilePath = key(description="Its private key, without password.")

    @model_validator(mode="after")
    def _fit(self, info: ValidationInfo) -> Self:
        check_pair(self.certificate, self.key, context_of(info))
        return self


class Server(Section):
    """Where the gateway listens and how the world reaches it."""

    development: bool = key(
        default=False,
        description="Allows plain-http public_url and WeChat bases, secrets written into this file and the log SMS "
        "sender. Every listener must then be loopback.",
    )
    listen: tuple[Listen, ...] = key(
        default=("127.0.0.1:8080",),
        min_length=1,
        description="Where browsers (or the proxy in front) connect: `host:port`, `[v6]:port`, `tls://host:port` or "
        "`unix:/path`.",
    )
    admin: ListenPlain = key(
        default="127.0.0.1:8081",
        description="Where health, metrics and the admin API answer. Never make it public.",
    )
    authz: Annotated[Address | None, not_yet("forward-auth"), WithJsonSchema({"type": "string"})] = key(
        default=None,
        description="Where forward-auth answers, for a proxy in front only. A later version brings it.",
    )
    public_url: PublicUrl = key(
        description="The origin that people see, like `https://app.example.com`. Its scheme decides on cookies.",
    )
    prefix: Prefix = key(default="/_gateway", description="The path under which the gateway's own pages live.")
    tls: Tls | None = key(default=None, description="The certificate of listeners that begin with `tls://`.")
    workers: Workers = key(
        default=1,
        description='Processes that share the port, from 1 to 256, or "auto": one for each processor that may be used.',
    )
    trusted_proxies: tuple[Cidr, ...] = key(
        default=(),
        description="Networks (CIDR) of the proxies in front whose X-Forwarded-* are believed.",
    )
    policies: FilePath = key(default="policies", description="The folder of the policy files.")
    drain_timeout: Timeout = key(default="30s", description="How long a stop waits for requests that are under way.")

    @property
    def secure(self) -> bool:
        """Whether browsers speak https to us."""
        return self.public_url.startswith("https://")


class Secrets(Section):
    """The keys that everything kept outside the gateway's memory is sealed with."""

    cookie_keys: tuple[CookieKey, ...] = key(
        min_length=1,
        description="32 random bytes as url-safe base64 each. The first seals, all open: a new one goes first.",
    )


class Admin(Section):
    """The office: API and page on `server.admin`."""

    tokens: tuple[RandomText, ...] = key(
        default=(),
        description="Bearer tokens for the admin API and page, which come in a later version. Probes need none.",
    )
    hosts: tuple[Host, ...] = key(
        default=(),
        description="Further host names by which `server.admin` may be called, beside its address and localhost.",
    )


class Log(Section):
    """What is written to standard error, as one JSON object a line."""

    level: Literal["debug", "info", "warning", "error"] = key(
        default="info", description="The least important level that is written: debug, info, warning or error."
    )
    access: bool = key(default=True, description="Whether every request gets a line.")


class Limits(Section):
    """What one client may take. Each limit has an answer of its own: 431, 414, 408, 503 or a closed connection."""

    max_connections: int = key(
        default=10_000, ge=1, le=1_000_000, description="Client connections of one worker at a time."
    )
    max_requests: int = key(
        default=4000,
        ge=1,
        le=1_000_000,
        description="Requests (and tunnels) of one worker to one upstream at a time; more are refused at once (503).",
    )
    max_head: LimitedSize = key(default="64KB", description="A request's line and header fields together (431).")
    max_target: LimitedSize = key(default="16KB", description="A request's target, path and query (414).")
    max_fields: int = key(default=200, ge=10, le=10_000, description="Header fields of one request (431).")
    head_timeout: Timeout = key(default="10s", description="From a head's first byte to its last (408).")
    idle_timeout: Timeout = key(default="75s", description="A kept-alive connection between two requests.")
    body_timeout: Timeout = key(default="60s", description="A body, or a reader of ours, that makes no progress.")
