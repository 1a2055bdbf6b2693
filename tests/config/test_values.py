"""How values are written, and what is said of values that are not."""

import pytest

from gateway.config.values import (
    parse_authority,
    parse_duration,
    parse_host_pattern,
    parse_route_path,
    parse_seconds,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"), [("7d", 604800), ("2h", 7200), ("30m", 1800), ("120s", 120), ("500ms", 0.5), ("0s", 0)]
)
def test_durations(text: str, seconds: float) -> None:
    """A number and a unit."""
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "7", 7, "7 d", "d", "-1s", "1.5h", "7days", "٧d", "1s ", None, "9999999999s"])
def test_what_is_no_duration(text: object) -> None:
    """Anything else is refused with the form that would be right."""
    with pytest.raises(ValueError, match="write a number and a unit"):
        parse_duration(text)


def test_whole_seconds() -> None:
    """Where seconds are counted, milliseconds are refused."""
    assert parse_seconds("2000ms") == 2
    with pytest.raises(ValueError, match="whole seconds"):
        parse_seconds("1500ms")


@pytest.mark.parametrize(
    ("text", "size"), [("64MB", 64 * 1024**2), ("16KB", 16384), ("512B", 512), ("1GB", 1024**3), ("0", None)]
)
def test_sizes(text: str, size: int | None) -> None:
    """A number and a unit in powers of 1024; "0" is no limit."""
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "64", 64, 0, "64mb", "64 MB", "0MB", "-1KB", "1.5GB", None])
def test_what_is_no_size(text: object) -> None:
    """Anything else is refused with the form that would be right."""
    with pytest.raises(ValueError, match="write a number and a unit"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "host"),
    [("*", "*"), ("*.Example.com", "*.example.com"), ("APP.example.com", "app.example.com"), ("[::1]", "[::1]")],
)
def test_host_patterns(text: str, host: str) -> None:
    """Names are compared in lower case."""
    assert parse_host_pattern(text) == host


@pytest.mark.parametrize(
    "text", ["", "a.*", "*.*.b", "*a.b", "http://a", "a/b", "a:80", "a..b", ".a", "a.", "-a", "例子.cn", "a b", 1]
)
def test_what_is_no_host_pattern(text: object) -> None:
    """Schemes, ports, paths, inner stars and unencoded names are refused."""
    with pytest.raises(ValueError, match="is not a host name"):
        parse_host_pattern(text)


def test_app_hosts_may_have_a_port() -> None:
    """An app may be named by host and port, for what does not listen where public_url does."""
    assert parse_authority("App.example.com:8443") == "app.example.com:8443"
    with pytest.raises(ValueError, match="is not a host name"):
        parse_authority("app.example.com:")


@pytest.mark.parametrize(
    ("text", "path", "exact"),
    [
        ("/", "/", False),
        ("/a", "/a", False),
        ("/a/", "/a", False),
        ("= /a", "/a", True),
        ("=/a/", "/a/", True),
        ("/a/b-c_d~1", "/a/b-c_d~1", False),
        ("/.well-known", "/.well-known", False),
    ],
)
def test_route_paths(text: str, path: str, exact: bool) -> None:
    """A final slash means nothing, but for exact paths."""
    parsed = parse_route_path(text)
    assert (parsed.path, parsed.exact) == (path, exact)


@pytest.mark.parametrize(
    "text",
    ["", "a", "//", "/a//b", "/a/../b", "/..", "/.", "/%61", "/a;b", "/a b", "/a?b", "/a#b", "/a\\b", "/中", "=", 1],
)
def test_paths_that_readers_could_disagree_on(text: object) -> None:
    """A rule must mean the same to every reader."""
    with pytest.raises(ValueError, match=r"clean path|must be a string"):
        parse_route_path(text)
