"""An application that lives elsewhere: targets up, references and cookies down, and nothing dangerous in between."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.core.policy import Access, Policy, Route
from gateway.core.prefixes import Prefixes, split_refresh
from gateway.core.reasons import Reason
from gateway.core.routing import RouteTable
from gateway.core.target import parse_target

RESERVED = b"/_gateway"
BOTH = Prefixes(b"/app", b"/legacy", RESERVED)
STRIP = Prefixes(b"/app", b"", RESERVED)
ADD = Prefixes(b"", b"/legacy", RESERVED)


@pytest.mark.parametrize(
    ("prefixes", "raw", "forwarded"),
    [
        (BOTH, b"/app", b"/legacy"),
        (BOTH, b"/app/", b"/legacy/"),
        (BOTH, b"/app?q=/app/x", b"/legacy?q=/app/x"),
        (BOTH, b"/app/x;jsessionid=1/%2Fb//c?q=%00&r=//", b"/legacy/x;jsessionid=1/%2Fb//c?q=%00&r=//"),
        (BOTH, b"/app//x", b"/legacy//x"),
        (STRIP, b"/app", b"/"),
        (STRIP, b"/app/", b"/"),
        (STRIP, b"/app?q", b"/?q"),
        (STRIP, b"/app/app/x", b"/app/x"),
        (STRIP, b"/app/a//b", b"/a//b"),
        (ADD, b"/", b"/legacy/"),
        (ADD, b"/x?y", b"/legacy/x?y"),
        (Prefixes(b"/a/b", b"/c/d", RESERVED), b"/a/b/e", b"/c/d/e"),
    ],
)
def test_targets_go_up_byte_for_byte_but_for_the_prefix(prefixes: Prefixes, raw: bytes, forwarded: bytes) -> None:
    """Old systems depend on the spelling."""
    assert prefixes.upstream_target(raw) == forwarded


@pytest.mark.parametrize(
    "raw",
    [
        *(b"/app//x", b"/app//", b"/app/%2Fx", b"/app/%2fevil.test/", b"/app/;/x", b"/app/;v=1/x", b"/app/%5Cx"),
        *(b"/%61pp/x", b"/APP/x", b"/app;v=1/x", b"/app%2Fx", b"/application", b"/", b"/x/app", b"//app/x"),
        *(b"/app/..", b"/app/%2e%2e/x", b"/app/.;/x"),
    ],
)
def test_what_cannot_be_stripped_safely_is_refused(raw: bytes) -> None:
    """Another spelling of the prefix, and what would begin with two slashes for some reader."""
    with pytest.raises(GatewayError) as caught:
        STRIP.upstream_target(raw)
    assert (caught.value.status, caught.value.reason) == (400, Reason.AMBIGUOUS_TARGET)


def test_a_route_has_only_what_can_be_stripped() -> None:
    """The table itself refuses, so nobody who asks it (the pages, `explain`) is told of a route that serves nothing."""
    policy = Policy("p", Access.PUBLIC)
    table = RouteTable([Route("app", ("*",), "/app", False, frozenset("*"), policy, "legacy", prefixes=STRIP)])
    assert table.match("h", "GET", parse_target(b"/app/x")).id == "app"
    with pytest.raises(GatewayError) as caught:
        table.match("h", "GET", parse_target(b"/app//x"))
    assert caught.value.reason is Reason.AMBIGUOUS_TARGET


@pytest.mark.parametrize(
    ("prefixes", "said", "public"),
    [
        (BOTH, b"/legacy/x?y#z", b"/app/x?y#z"),
        (BOTH, b"/legacy", b"/app"),
        (BOTH, b"/legacy?x", b"/app?x"),
        (BOTH, b"/legacyx", b"/legacyx"),
        (BOTH, b"/other", b"/other"),
        (BOTH, b"/app/x", b"/app/x"),
        (BOTH, b"//evil.test/legacy", b"//evil.test/legacy"),
        (STRIP, b"/", b"/app/"),
        (STRIP, b"", b"/app"),
        (STRIP, b"/x", b"/app/x"),
        (STRIP, b"/app", b"/app"),
        (STRIP, b"/application", b"/app/application"),
        (STRIP, b"/_gateway/me", b"/_gateway/me"),
        (STRIP, b"//evil.test/", b"//evil.test/"),
        (STRIP, b"/\t/evil.test/", b"/\t/evil.test/"),
        (ADD, b"/legacy", b"/"),
        (ADD, b"/legacy?x", b"/?x"),
        (ADD, b"/legacy/x", b"/x"),
        (ADD, b"/legacy//evil.test/", b"/legacy//evil.test/"),
        (ADD, b"/legacy/\\evil.test/", b"/legacy/\\evil.test/"),
        (ADD, b"/legacy/\t/evil.test/", b"/legacy/\t/evil.test/"),
        (Prefixes(b"/app", b"/app/v1", RESERVED), b"/app/v1/x", b"/app/x"),
        (Prefixes(b"/v1/app", b"/v1", RESERVED), b"/v1/app/x", b"/v1/app/x"),
        (Prefixes(b"/v1/app", b"/v1", RESERVED), b"/v1/x", b"/v1/app/x"),
    ],
)
def test_references_come_down_as_clients_reach_them(prefixes: Prefixes, said: bytes, public: bytes) -> None:
    """Those of the upstream's own paths; what is public already, or another host's, is left alone."""
    assert prefixes.public_path(said) == public


@pytest.mark.parametrize(
    ("prefixes", "said", "public"),
    [
        (BOTH, b"a=1; Path=/legacy/x; HttpOnly", b"a=1; Path=/app/x; HttpOnly"),
        (BOTH, b"a=1;PATH = /legacy ;Secure", b"a=1;PATH = /app ;Secure"),
        (BOTH, b"a=1; Path=/", b"a=1; Path=/app"),
        (BOTH, b"a=1; Path=/legacy/", b"a=1; Path=/app/"),
        (BOTH, b"a=1; Path=/app/x", b"a=1; Path=/app/x"),
        (BOTH, b"a=1; Path=/other", b"a=1; Path=/other"),
        (BOTH, b"a=1; Path=legacy", b"a=1; Path=legacy"),
        (BOTH, b"a=path=/legacy; Domain=up.test", b"a=path=/legacy; Domain=up.test"),
        (BOTH, b"Path=/legacy", b"Path=/legacy"),
        (BOTH, b"a=1;  ; Path=/legacy; Path=/legacy/x", b"a=1;  ; Path=/app; Path=/app/x"),
        (BOTH, b"__Host-a=1; Path=/; Secure", b"__Host-a=1; Path=/; Secure"),
        (STRIP, b"a=1; Path=/", b"a=1; Path=/app"),
        (STRIP, b"a=1; Path=/x", b"a=1; Path=/app/x"),
        (ADD, b"a=1; Path=/legacy", b"a=1; Path=/"),
        (ADD, b"a=1; Path=/legacy/", b"a=1; Path=/"),
        (ADD, b"a=1; Path=/", b"a=1; Path=/"),
        (Prefixes(b"/x", b"/a/b", RESERVED), b"a=1; Path=/a/", b"a=1; Path=/x"),
    ],
)
def test_cookies_come_down_with_public_paths(prefixes: Prefixes, said: bytes, public: bytes) -> None:
    """But for Path byte for byte. A path that covers all of the application covers all of the route."""
    assert prefixes.public_cookie(said) == public


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (b"5; url=/x", (b"5; url=", b"/x")),
        (b"0;URL='/x'", (b"0;URL='", b"/x'")),
        (b"0,url = http://up/x", (b"0,url = ", b"http://up/x")),
        (b"5", (b"5", b"")),
        (b"soon; /x", (b"soon; /x", b"")),
    ],
)
def test_refresh(value: bytes, parts: tuple[bytes, bytes]) -> None:
    """Its URL, if it has one."""
    assert split_refresh(value) == parts


PREFIXES = st.sampled_from([b"", b"/app", b"/legacy", b"/app/v1", b"/a/b"])
CHANGES = st.builds(Prefixes, PREFIXES, PREFIXES, st.just(RESERVED)).filter(lambda each: bool(each.strip or each.add))
SEGMENTS = st.sampled_from([b"/x", b"/a", b"/b", b"/app", b"/legacy", b"/v1", b"/"])
ODD = [
    b"/",
    b"//x",
    b"x",
    b"/..",
    b"/.",
    b"%2F",
    b"%2e",
    b"%5C",
    b";",
    b"/;y",
    b"%3F",
    b"?",
    b"?/..",
    b"#",
    b"\\",
    b"\t",
]
ODD += [b"%", b"%20", b"/_gateway", b"%252F"]
CLEAN = st.lists(SEGMENTS, max_size=4).map(lambda them: re.sub(b"/+", b"/", b"".join(them)))
REST = st.builds(bytes.__add__, CLEAN, st.lists(SEGMENTS | st.sampled_from(ODD), max_size=3).map(b"".join))


def accepted(prefixes: Prefixes, rest: bytes) -> bytes:
    """A target that a route with these prefixes would get."""
    raw = prefixes.strip + rest
    policy = Policy("p", Access.PUBLIC)
    path = prefixes.strip.decode() or "/"
    table = RouteTable([Route("app", ("*",), path, False, frozenset("*"), policy, "legacy")])
    try:
        table.match("h", "GET", parse_target(raw))
    except GatewayError:
        assume(False)
    return raw


def forwarded_or_none(prefixes: Prefixes, raw: bytes) -> bytes | None:
    """The upstream's target, or None for one that is refused."""
    try:
        return prefixes.upstream_target(raw)
    except GatewayError:
        return None


@given(CHANGES, REST)
def test_a_changed_target_is_as_safe_as_before(prefixes: Prefixes, rest: bytes) -> None:
    """Whoever reads the changed target otherwise would have read the public one otherwise, in the same way."""
    raw = accepted(prefixes, rest)
    forwarded = forwarded_or_none(prefixes, raw)
    if forwarded is None:
        return
    assert forwarded.endswith(rest)
    assert not forwarded.startswith(b"//")
    strip, add = len(prefixes.strip), prefixes.add.decode()
    readings = {add + reading[strip:] or "/" for reading in parse_target(raw).readings}
    assert set(parse_target(forwarded).readings) <= readings


@given(CHANGES, st.sampled_from([b"", b"/app", b"/legacy", b"/a/b/", b"/"]), REST)
def test_a_changed_reference_stays_on_its_host(prefixes: Prefixes, start: bytes, rest: bytes) -> None:
    """As a browser reads it (WHATWG URL); and no dot segment is new."""
    said = start + rest
    public = prefixes.public_path(said)
    if public == said:
        return
    as_read = public.replace(b"\t", b"").replace(b"\\", b"/")
    assert as_read.startswith(b"/")
    assert not as_read.startswith(b"//")
    assert public.count(b"..") == said.count(b"..")
    assert public.startswith(prefixes.strip)


@given(CHANGES, REST)
def test_what_goes_up_comes_down_again(prefixes: Prefixes, rest: bytes) -> None:
    """An upstream that redirects to the address it was asked for redirects to the address that the client asked for."""
    raw = accepted(prefixes, rest)
    forwarded = forwarded_or_none(prefixes, raw)
    if forwarded is None:
        return
    public = prefixes.public_path(forwarded)
    if public != forwarded:
        root = not prefixes.add and not rest.startswith(b"/")  # /app went up as /
        assert public == (prefixes.strip + b"/" + rest if root else raw)
    elif prefixes.strip != prefixes.add:  # it looks public, so it is taken for it
        assert forwarded.startswith((prefixes.strip or RESERVED, RESERVED))


def path_matches(path: bytes, cookie_path: bytes) -> bool:
    """RFC 6265 5.1.4."""
    return path == cookie_path or (
        path.startswith(cookie_path) and (cookie_path.endswith(b"/") or path[len(cookie_path) :].startswith(b"/"))
    )


@given(CHANGES, CLEAN, CLEAN)
def test_a_cookie_reaches_the_pages_it_was_meant_for(prefixes: Prefixes, path: bytes, rest: bytes) -> None:
    """Wherever the upstream's Path matches the upstream's path, the public one matches the public path."""
    raw, path = prefixes.strip + rest or b"/", path or b"/"
    cookie = prefixes.public_cookie(b"a=1; Path=" + path).partition(b"Path=")[2]
    if path_matches(prefixes.upstream_target(raw), path) and (cookie != path or path == b"/"):
        assert path_matches(raw, cookie)
