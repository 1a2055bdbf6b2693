"""The tables about legacy systems: [[upstreams]], their health checks and their TLS."""

import re
import ssl
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema, field_validator

from .addresses import Address, Https, UpstreamServer
from .context import Section, context_of, key
from .secret import read_secret
from .values import Authority, FilePath, Host, Id, Timeout, between, matching

# --- [upstreams.health] -------------------------------------------------------------------------------


def _status(value: object) -> range:
    match = re.fullmatch(r"([1-5][0-9]{2})(?:-([1-5][0-9]{2}))?", str(value))
    if isinstance(value, bool) or not isinstance(value, int | str) or not match:
        raise ValueError('is not a status: write one like 204, or a range like "200-299"')
    first, last = int(match[1]), int(match[2] or match[1])
    if last < first:
        raise ValueError('is an empty range: write the smaller status first, like "200-299"')
    return range(first, last + 1)


Status = Annotated[range, BeforeValidator(_status), WithJsonSchema({"type": ["integer", "string"]})]


class HealthTable(Section):
    """Active health checks: each server is asked now and then whether it is fit."""

    path: Annotated[str, matching(r"/[\x21\x22\x24-\x7e]{0,2000}", 'a path, like "/healthz"')] = key(
        description="What is asked for with GET. Without it there are no checks."
    )
    interval: Annotated[Timeout, between("100ms", "1h")] = key(
        default="5s", description="How often each server is asked, by each worker."
    )
    timeout: Timeout = key(default="2s", description="How long the whole answer may take.")
    status: tuple[Status, ...] = key(
        default=("200-399",), min_length=1, description='Which statuses are fit: numbers, or ranges like "200-299".'
    )
    rise: int = key(default=2, ge=1, le=100, description="Passed checks in a row until a server is given requests.")
    fall: int = key(default=3, ge=1, le=100, description="Failed checks in a row until it is given none.")
    host: Authority | None = key(
        default=None, description="The Host asked for. Default: the upstream's, or the server's."
    )


# --- [upstreams.tls] ----------------------------------------------------------------------------------


def _readable(path: Path) -> Path:
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    return path


def authorities(path: Path) -> Path:
    """The path of a file with certificates in PEM. Raises ValueError."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(_readable(path))
    except ssl.SSLError:
        raise ValueError(f"{path} holds no certificate in PEM") from None
    return path


_key = key  # a table below has a key of that name


class TlsTable(Section):
    """TLS to the servers, which is always verified."""

    ca: Annotated[FilePath, AfterValidator(authorities)] | None = _key(
        default=None,
        description="Certificates in PEM that the servers' are checked against, instead of the system's. A self-signed "
        "certificate is its own.",
    )
    certificate: Annotated[FilePath, AfterValidator(_readable)] | None = _key(
        default=None, description="Our certificate in PEM, with its chain, for servers that ask for one."
    )
    key: FilePath | None = _key(default=None, description="The certificate's private key in PEM, without a password.")
    server_name: Host | None = _key(
        default=None,
        description="The name that is asked for (SNI) and must stand in the certificate. Default: each server's host.",
    )

    @field_validator("key")
    @classmethod
    def _pair(cls, path: Path | None, info: ValidationInfo) -> Path | None:
        if "certificate" not in info.data:  # wrong itself
            return path
        certificate = info.data["certificate"]
        if (path is None) != (certificate is None):
            raise ValueError("belongs to a certificate: set both or neither")
        if path is None:
            return None
        read_secret({"file": str(path)}, context_of(info))
        try:
            # An empty password: OpenSSL would ask for one on the terminal.
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(certificate, path, password="")
        except (ssl.SSLError, ValueError) as error:
            if "MISMATCH" in str(error):
                raise ValueError(f"{path} is not the key of {certificate}") from None
            raise ValueError(
                f"{path} and {certificate} are no private key and certificate in PEM; the key may have no password"
            ) from None
        return path


# --- [[upstreams]] ------------------------------------------------------------------------------------


def _servers(servers: tuple[Address, ...]) -> tuple[Address, ...]:
    for index, server in enumerate(servers):
        if server in servers[:index]:
            raise ValueError(f"names {server} twice: each server once")
    if len({isinstance(server, Https) for server in servers}) > 1:
        raise ValueError("mixes https:// with others: give each kind an upstream of its own")
    return servers


class Upstream(Section):
    """A legacy system."""

    id: Id = key(description="Our name for it: in routes and metrics.")
    servers: Annotated[tuple[UpstreamServer, ...], AfterValidator(_servers)] = key(
        min_length=1, description="`http://host:port`, `https://host` or `unix:/path`, one or several of a kind."
    )
    balance: Literal["round_robin", "least_connections"] = key(
        default="round_robin",
        description="Which of several servers is next: one after the other, or the one with the fewest requests.",
    )
    host: Authority | None = key(
        default=None, description="The Host that the servers are sent. Default: the client's own."
    )
    connect_timeout: Timeout = key(
        default="3s", description="How long a connection to one server may take to open (502)."
    )
    response_timeout: Timeout = key(
        default="60s", description="How long the response's head may take (504). A policy may say otherwise."
    )
    idle_timeout: Timeout = key(
        default="50s",
        description="How long an unused connection is kept; a little less than the upstream's own keep-alive.",
    )
    max_connections: int = key(
        default=10_000, ge=1, le=1_000_000, description="Connections of one worker to one server at a time (503)."
    )
    eject_after: int = key(
        default=5,
        ge=0,
        le=1000,
        description="Failures in a row after which one of several servers is given no requests for a while; 0: never.",
    )
    eject_for: Annotated[Timeout, between("100ms", "1h")] = key(
        default="10s",
        description="For how long; twice as long each time it fails again, up to 5 minutes or, if longer, this.",
    )
    resolve_every: Annotated[Timeout, between("100ms", "1d")] = key(
        default="10s", description="How often the servers' host names are looked up anew."
    )
    health: HealthTable | None = key(default=None, description="Active health checks.")
    tls: TlsTable | None = key(default=None, description="TLS to https:// servers.")

    @field_validator("tls")
    @classmethod
    def _spoken(cls, tls: Any, info: ValidationInfo) -> Any:
        servers = info.data.get("servers", ())
        if tls is not None and not all(isinstance(server, Https) for server in servers):
            raise ValueError("means nothing without https:// servers: leave it out")
        return tls
