"""Which app logs people in on which Host."""

import pytest

from gateway.core.hosts import AppHosts, split_port

HTTPS = AppHosts({"main": ["app.example.com"], "second": ["shop.example.com:8443"]}, "https://app.example.com")
PORT = AppHosts({"main": ["localhost", "127.0.0.1:9000"]}, "http://localhost:8080")


@pytest.mark.parametrize(
    ("hosts", "host", "app"),
    [
        (HTTPS, "app.example.com", "main"),
        (HTTPS, "app.example.com:443", "main"),
        (HTTPS, "app.example.com:80", None),
        (HTTPS, "app.example.com:8443", None),
        (HTTPS, "shop.example.com:8443", "second"),
        (HTTPS, "shop.example.com", None),
        (HTTPS, "app.example.com.", None),
        (HTTPS, "evil.example", None),
        (HTTPS, "", None),
        (PORT, "localhost:8080", "main"),
        (PORT, "localhost", "main"),
        (PORT, "localhost:80", "main"),
        (PORT, "127.0.0.1:9000", "main"),
        (PORT, "127.0.0.1", None),
    ],
)
def test_a_host_is_listed_or_nobodys(hosts: AppHosts, host: str, app: str | None) -> None:
    """A name without a port stands for the usual ports, one with a port for exactly that."""
    assert hosts.app(host) == app


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("app.example.com", "https://app.example.com"),
        ("shop.example.com:8443", "https://shop.example.com:8443"),
        ("evil.example", "https://app.example.com"),
    ],
)
def test_wechat_returns_to_a_listed_host_only(host: str, origin: str) -> None:
    """Whatever Host a client made up."""
    assert HTTPS.origin(host) == origin


@pytest.mark.parametrize(
    ("authority", "split"),
    [
        ("a", ("a", "")),
        ("a:1", ("a", ":1")),
        ("a:", ("a:", "")),
        ("[::1]", ("[::1]", "")),
        ("[::1]:1", ("[::1]", ":1")),
        ("::1", ("::1", "")),
        ("a:b", ("a:b", "")),
    ],
)
def test_split_port(authority: str, split: tuple[str, str]) -> None:
    """IPv6 literals keep their brackets; what is no port stays."""
    assert split_port(authority) == split
