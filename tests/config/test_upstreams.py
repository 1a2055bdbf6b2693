"""[[upstreams]]: servers of a kind, health checks, TLS files that fit together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from gateway.config import Tcp, Unix
from gateway.config.addresses import Https, server_url

SERVERS = '["http://127.0.0.1:9000"]'
AFTER = f"servers = {SERVERS}"


@pytest.mark.parametrize(
    ("text", "server", "url"),
    [
        ("http://A.test", Tcp("a.test", 80), "http://a.test"),
        ("http://a.test:443", Tcp("a.test", 443), "http://a.test:443"),
        ("https://a.test/", Https("a.test", 443), "https://a.test"),
        ("https://[::1]:8443", Https("::1", 8443), "https://[::1]:8443"),
        ("unix:/run/a.sock", Unix(Path("/run/a.sock")), "unix:/run/a.sock"),
    ],
)
def test_how_a_server_is_written(folder: Any, text: str, server: Any, url: str) -> None:
    """And under which name metrics and logs have it."""
    folder.set(SERVERS, f'["{text}"]')
    assert folder.load().settings.upstreams[0].servers == (server,)
    assert server_url(server) == url


def test_every_key_of_an_upstream(folder: Any, authority: Callable[[str], Any]) -> None:
    """Several servers, checks, TLS."""
    home = authority("home")
    certificate, key = home.issue("gateway")
    folder.set(
        AFTER,
        f"""servers = ["https://a", "https://b:8443"]
balance = "least_connections"
host = "Legacy.internal:8000"
max_connections = 50
eject_after = 0
eject_for = "1s"
resolve_every = "1m"
[upstreams.health]
path = "/healthz?deep=1"
interval = "1s"
timeout = "500ms"
status = [200, "300-302"]
rise = 1
fall = 1
host = "check.internal"
[upstreams.tls]
ca = "{home.ca}"
certificate = "{certificate}"
key = "{key}"
server_name = "legacy.internal"
""",
    )
    [upstream] = folder.load().settings.upstreams
    assert (upstream.host, upstream.max_connections, upstream.eject_after) == ("legacy.internal:8000", 50, 0)
    assert [status for statuses in upstream.health.status for status in statuses] == [200, 300, 301, 302]
    assert (upstream.tls.ca, upstream.tls.key, upstream.tls.server_name) == (home.ca, key, "legacy.internal")


@pytest.mark.parametrize(
    ("servers", "key", "message"),
    [
        ('["http://a", "https://b"]', "servers", "mixes https:// with others"),
        ('["unix:/a", "https://b"]', "servers", "mixes https:// with others"),
        ('["http://a", "http://A:80"]', "servers", "a:80 twice"),
        ('["http://a/path"]', "servers[0]", "a route's add_prefix"),
        ('["tcp://a"]', "servers[0]", '"http://host:port", "https://host" or "unix:/path"'),
        ('["127.0.0.1:9000"]', "servers[0]", '"http://host:port"'),
        ('["ws://a"]', "servers[0]", "WebSockets need no scheme of their own"),
        ('["http://a:0"]', "servers[0]", "port"),
        ('["http://a:99999"]', "servers[0]", "port"),
        ('["http://a"]\nbalance = "random"', "balance", "round_robin"),
        ('["http://a"]\nmax_connections = 0', "max_connections", "must be 1 or more, not 0"),
        ('["http://a"]\nhealth = {}', "health.path", "is required"),
        ('["http://a"]\nhealth = { path = "x" }', "health.path", "a path"),
        ('["http://a"]\nhealth = { path = "/a b" }', "health.path", "a path"),
        ('["http://a"]\nhealth = { path = "/a#b" }', "health.path", "a path"),
        ('["http://a"]\nhealth = { path = "/", status = ["2xx"] }', "health.status[0]", '"200-299"'),
        ('["http://a"]\nhealth = { path = "/", status = [true] }', "health.status[0]", '"200-299"'),
        ('["http://a"]\nhealth = { path = "/", status = ["299-200"] }', "health.status[0]", "smaller status first"),
        ('["http://a"]\nhealth = { path = "/", status = [] }', "health.status", "at least one"),
        ('["http://a"]\ntls = {}', "tls", "means nothing without https://"),
        ('["https://a"]\ntls = { verify = false }', "tls.verify", "unknown key"),
        ('["https://a"]\ntls = { ca = "no.pem" }', "tls.ca", "cannot be read: No such file"),
        ('["https://a"]\ntls = { ca = "cookie.key" }', "tls.ca", "no certificate in PEM"),
        ('["https://a"]\ntls = { key = "identity.pem" }', "tls.key", "set both or neither"),
        ('["https://a"]\ntls = { certificate = "identity.pem" }', "tls.key", "set both or neither"),
        (
            '["https://a"]\ntls = { certificate = "identity.pem", key = "identity.pem" }',
            "tls.key",
            "no private key and certificate in PEM",
        ),
        ('["https://a"]\ntls = { certificate = "identity.pem", key = "no" }', "tls.key", "cannot be read"),
    ],
)
def test_what_an_upstream_refuses(folder: Any, servers: str, key: str, message: str) -> None:
    """With the key, and what would be right."""
    folder.set(SERVERS, servers)
    problem = folder.problem()
    assert problem.key == f"upstreams[0].{key}"
    assert message in problem.message


def test_a_key_of_another_certificate(folder: Any, authority: Callable[[str], Any]) -> None:
    """They must belong together; one that others can read is a warning."""
    home = authority("home")
    (certificate, key), (_, other) = home.issue("a"), home.issue("b")
    folder.set(SERVERS, f'["https://a"]\ntls = {{ certificate = "{certificate}", key = "{other}" }}')
    problem = folder.problem()
    assert problem.key == "upstreams[0].tls.key"
    assert "is not the key of" in problem.message
    folder.set(str(other), str(key))
    key.chmod(0o644)
    assert any(str(key) in warning for warning in folder.load().warnings)


def test_a_key_with_a_password_asks_nobody(folder: Any, authority: Callable[[str], Any]) -> None:
    """Nobody sits at the terminal of a service."""
    certificate, _ = authority("home").issue("a")
    sealed = generate_private_key(SECP256R1()).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
    )
    folder.write("sealed.key", sealed)
    folder.set(SERVERS, f'["https://a"]\ntls = {{ certificate = "{certificate}", key = "sealed.key" }}')
    assert "may have no password" in folder.problem().message
