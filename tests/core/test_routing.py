"""Which route wins, and that a request whose readings differ has none."""

import re
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.core import routing
from gateway.core.errors import GatewayError
from gateway.core.policy import Access, Policy, Route
from gateway.core.reasons import Reason
from gateway.core.routing import MAX_MEMO_KEY, MEMO_SIZE, RouteTable
from gateway.core.target import parse_target

POLICY = Policy("any", Access.BOUND)


def rule(name: str, path: str, *hosts: str, methods: str = "*", own: bool = False) -> Route:
    exact = path.startswith("= ")
    return Route(
        id=name,
        hosts=hosts or ("*",),
        path=path.removeprefix("= "),
        exact=exact,
        methods=frozenset(methods.split()),
        policy=POLICY,
        upstream="legacy",
        own=own,
    )


def route(table: RouteTable, target: str, host: str = "a.test", method: str = "GET") -> str | Reason:
    try:
        return table.match(host, method, parse_target(target.encode())).id
    except GatewayError as error:
        return error.reason


TABLE = RouteTable(
    [
        rule("app", "/"),
        rule("public", "/public"),
        rule("admin", "/public/deep/admin"),
        rule("health", "= /public/health"),
        rule("exact-folder", "= /folder/"),
        rule("shop", "/", "shop.test"),
        rule("shops", "/", "*.shop.test"),
        rule("eu", "/", "*.eu.shop.test"),
        rule("six", "/", "[2001:db8::1]"),
        rule("own", "/_gateway", own=True),
    ]
)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/", "app"),
        ("/public", "public"),
        ("/public/", "public"),
        ("/public?x", "public"),
        ("/public/x/y/z", "public"),
        ("/publicx", "app"),
        ("/public/deep", "public"),
        ("/public/deep/admin/x", "admin"),
        ("/public/deep/administrator", "public"),
        ("/public/health", "health"),
        ("/public/health/x", "public"),
        ("/folder/", "exact-folder"),
        ("/_gateway/login", "own"),
        ("/_gatewayx", "app"),
    ],
)
def test_the_longest_path_on_whole_segments_wins(target: str, expected: str) -> None:
    """A prefix matches whole segments, an exact rule itself only, and before a prefix of the same length."""
    assert route(TABLE, target) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("a.test", "app"),
        ("shop.test", "shop"),
        ("SHOP.test.:8443", "shop"),
        ("x.shop.test", "shops"),
        ("y.x.shop.test", "shops"),
        ("eu.shop.test", "shops"),
        ("x.eu.shop.test:80", "eu"),
        ("notshop.test", "app"),
        ("[2001:db8::1]", "six"),
        ("[2001:DB8::1]:80", "six"),
        ("", "app"),
        ("x." * 200 + "shop.test", "app"),
    ],
)
def test_hosts_go_from_exact_over_the_longest_suffix_to_any(host: str, expected: str) -> None:
    """Letter case, a port and a final dot do not matter; `*.suffix` needs a label before the suffix."""
    assert route(TABLE, "/", host) == expected


def test_a_host_class_without_a_match_passes_on_to_the_next() -> None:
    """If no rule of the exact host matches, the suffix hosts and then "*" are tried."""
    table = RouteTable([rule("one", "/a", "x.test"), rule("two", "/b", "*.test"), rule("three", "/")])

    assert [route(table, path, "x.test") for path in ("/a", "/b", "/c")] == ["one", "two", "three"]


def test_own_pages_come_before_all_hosts() -> None:
    """No host's rule, however exact, takes the gateway's own prefix away."""
    table = RouteTable([rule("own", "/_gateway", "other.test", own=True), rule("x", "/_gateway/login", "x.test")])

    assert route(table, "/_gateway/login", "x.test") == "own"


def test_a_rule_of_other_methods_is_passed_over() -> None:
    """The next shorter rule gets the request; 405 only if some rule matched but for its methods."""
    table = RouteTable([rule("read", "/a/b", methods="GET"), rule("write", "/a", methods="POST PUT")])

    assert route(table, "/a/b/c", method="GET") == "read"
    assert route(table, "/a/b/c", method="HEAD") == "read"
    assert route(table, "/a/b/c", method="PUT") == "write"
    assert route(table, "/a/b/c", method="DELETE") is Reason.METHOD_NOT_ALLOWED
    assert route(table, "/x", method="DELETE") is Reason.NO_ROUTE


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (rule("first", "/a"), rule("second", "/a")),
        (rule("first", "/a", methods="GET POST"), rule("second", "/a", methods="POST")),
        (rule("first", "/a", methods="HEAD"), rule("second", "/a", methods="GET")),
        (rule("first", "/a", "x.test", "y.test"), rule("second", "/a", "z.test", "Y.test")),
        (rule("first", "= /a"), rule("second", "= /a")),
        (rule("first", "/a", own=True), rule("second", "/a", "z.test", own=True)),
    ],
)
def test_rules_that_say_the_same_are_refused(one: Route, other: Route) -> None:
    """Two rules of one host, path, kind and method would leave the winner to chance."""
    with pytest.raises(ValueError, match=r"'first' and 'second'|'second' and 'first'"):
        RouteTable([one, other])


def test_rules_that_differ_in_kind_host_or_method_stand_together() -> None:
    """Exact and prefix, other hosts, and other methods are no duplicates."""
    RouteTable(
        [rule("a", "/a", methods="GET"), rule("b", "/a", methods="POST"), rule("c", "= /a"), rule("d", "/a", "x")]
    )


@pytest.mark.parametrize("path", ["", "a", "/a/", "/a//b", "/a/../b", "/a;b", "/a%2fb", "/a?b", "/a b", "/中", "/a."])
def test_a_path_that_readers_could_disagree_on_is_no_rule(path: str) -> None:
    """What would make every request ambiguous is refused when the table is built."""
    with pytest.raises(ValueError, match="'bad'"):
        RouteTable([rule("bad", path)])


@pytest.mark.parametrize(
    "target",
    [
        "/public%2fadmin",
        "/publi%63/x",
        "/public%3b/x",
        "/public;/x",
        "/public%20/x",
        "/public./x",
        "/public/deep%2fadmin",
        "/public/deep//admin",
        "/public//deep/admin",
        "/public/deep;x/admin",
        "/public/deep/admin;x",
        "/public/deep/admin%3f/..x",
        "/public/%64eep/admin",
        "/public/%2564eep/admin",
        "/public/deep/%c1%a1dmin",
        "/public/deep/%ef%bd%81dmin",
        "/public/deep/admin%23",
        "/PUBLIC/x",
        "/public/deep/ADMIN",
        "/public/deep/adm%c4%b1n",
        "/public/health/",
        "/_GATEWAY/login",
        "/_gateway%2flogin",
    ],
)
def test_readings_under_different_routes_are_refused(target: str) -> None:
    """What one reader sees under a lax route and another under a strict one goes nowhere."""
    assert route(TABLE, target) is Reason.AMBIGUOUS_TARGET


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/public/a%20b;jsessionid=1//c%2Fd", "public"),
        ("/c/%D6%D0%CE%C4", "app"),
        ("/%61dmin", "app"),
        ("/public/deep%23/x", "public"),
        ("/public/UPPER/", "public"),
    ],
)
def test_readings_under_one_route_pass(target: str, expected: str) -> None:
    """An odd spelling is only refused if it could make a difference."""
    assert route(TABLE, target) == expected


def test_a_reading_without_a_route_disagrees_with_one_that_has_one() -> None:
    """Half a match is no match, and neither is one by another method."""
    table = RouteTable([rule("a", "/a"), rule("b", "/a/b", methods="POST"), rule("c", "/c", methods="POST")])

    assert route(table, "/%61/x") is Reason.AMBIGUOUS_TARGET
    assert route(table, "/%63/x") is Reason.AMBIGUOUS_TARGET
    assert route(table, "/x%20y") is Reason.NO_ROUTE
    assert route(table, "/c/x%20y") is Reason.METHOD_NOT_ALLOWED


def test_spellings_that_the_table_itself_tells_apart_are_no_ambiguity() -> None:
    """Who writes a rule for each letter case, or for a folder and its index, means both."""
    table = RouteTable([rule("lower", "/docs"), rule("upper", "/Docs"), rule("index", "= /docs")])

    assert [route(table, path) for path in ("/docs", "/docs/", "/docs/x", "/Docs/x")] == [
        "index",
        "lower",
        "lower",
        "upper",
    ]
    assert route(table, "/DOCS/x") is Reason.NO_ROUTE


@pytest.mark.parametrize(("target", "status"), [("/public%2fx", 400), ("/none", 404), ("/public", 405)])
def test_a_request_without_a_route_has_its_status(target: str, status: int) -> None:
    """Ambiguous is 400, unknown 404, known but for its method 405."""
    table = RouteTable([rule("public", "/public", methods="POST")])
    with pytest.raises(GatewayError) as refused:
        table.match("a.test", "POST" if status == 400 else "GET", parse_target(target.encode()))

    assert refused.value.status == status


def test_explain_shows_what_match_decides_by() -> None:
    """A verdict for each reading: what was passed over, what won, and who disputes it."""
    read, write, app = rule("read", "/a/b", methods="GET"), rule("write", "/a", methods="POST"), rule("app", "/")
    table = RouteTable([read, write, app])

    as_sent, decoded = table.explain("x", "POST", parse_target(b"/a/b%2Fc"))
    (other_case,) = table.explain("x", "POST", parse_target(b"/A"))

    assert (as_sent.reading, as_sent.passed_over, as_sent.outcome) == ("/a/b%2Fc", (), write)
    assert (decoded.reading, decoded.passed_over, decoded.outcome) == ("/a/b/c", (read,), write)
    assert (other_case.outcome, other_case.rivals) == (Reason.AMBIGUOUS_TARGET, (write,))


def test_the_cost_does_not_depend_on_the_number_of_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look-up asks only the rules on the path and its parents, on the host and its suffixes."""
    asked: list[str] = []
    monkeypatch.setattr(routing, "_serves", lambda rule, method: asked.append(rule.id) or True)
    table = RouteTable(
        [rule("app", "/"), *(rule(f"r{number}", f"/r{number}/x", f"h{number}.test") for number in range(2000))]
    )

    table.match("h7.test", "GET", parse_target(b"/r7/x/y"))

    assert set(asked) == {"r7"}


def test_the_memo_cannot_be_flooded() -> None:
    """Strangers' paths fill a bounded memory, and long ones none at all."""
    table = RouteTable([rule("app", "/")])
    for number in range(MEMO_SIZE + 100):
        table.match("a.test", "GET", parse_target(b"/%d" % number))
    table.match("a.test", "GET", parse_target(b"/" + b"x" * MAX_MEMO_KEY))

    assert table._remembered.cache_info().currsize == MEMO_SIZE
    assert table._remembered.cache_info().misses == MEMO_SIZE + 100


# --- the law, against upstreams that do what they please -------------------------------------------------


def decode(path: bytes) -> bytes:
    return unquote_to_bytes(path)


def decode_segments(path: bytes) -> bytes:
    return b"/".join(unquote_to_bytes(segment).replace(b"/", b"%2F") for segment in path.split(b"/"))


def cut_parameters(path: bytes) -> bytes:
    return re.sub(rb";[^/]*", b"", path)


def cut_query(path: bytes) -> bytes:
    return re.split(rb"[?#]", path)[0]


def cut_nul(path: bytes) -> bytes:
    return path.split(b"\0")[0]


def drop_controls(path: bytes) -> bytes:
    return re.sub(rb"[\x00-\x1f\x7f]", b"", path)


def merge_slashes(path: bytes) -> bytes:
    return re.sub(rb"/+", b"/", path)


def turn_backslashes(path: bytes) -> bytes:
    return path.replace(b"\\", b"/")


def trim_segments(path: bytes) -> bytes:
    return b"/".join(s if s in (b".", b"..") else s.rstrip(b" .") for s in path.split(b"/"))


def read_overlong(path: bytes) -> bytes:
    return path.replace(b"\xc0\xae", b".").replace(b"\xc0\xaf", b"/").replace(b"\xc1\xa1", b"a")


def read_full_width(path: bytes) -> bytes:
    return path.replace("．".encode(), b".").replace("／".encode(), b"/").replace("ａ".encode(), b"a")


def read_iis_escapes(path: bytes) -> bytes:
    return re.sub(rb"%u00([0-9a-fA-F]{2})", lambda match: bytes([int(match[1], 16)]), path)


def resolve_dots(path: bytes) -> bytes:
    kept: list[bytes] = []
    for segment in path.split(b"/")[1:]:
        if segment == b"..":
            del kept[-1:]
        elif segment != b".":
            kept.append(segment)
    return b"/" + b"/".join(kept)


UPSTREAM_STEPS: list[Callable[[bytes], bytes]] = [
    decode,
    decode_segments,
    cut_parameters,
    cut_query,
    cut_nul,
    drop_controls,
    merge_slashes,
    turn_backslashes,
    trim_segments,
    read_overlong,
    read_full_width,
    read_iis_escapes,
    resolve_dots,
    bytes.lower,
]
PIECES = [
    *["/", "/", "/", "//", ".", "..", ";", ";x=", "\\", "?", "public", "PUBLIC", "admin", "dmin", "a", "x"],
    *["%2f", "%2F", "%252f", "%5c", "%2e", "%252e", "%20", "%00", "%09", "%3b", "%3f", "%23", "%25", "%61", "%2561"],
    *["%u002e", "%c0%ae", "%c0%af", "%c1%a1", "%ef%bc%8e", "%ef%bc%8f", "%ef%bd%81", "%E4%B8%AD"],
]
PROPERTY_TABLE = RouteTable(
    [rule("app", "/"), rule("public", "/public"), rule("admin", "/public/admin"), rule("exact", "= /public/x")]
)


def naively_routed(path: bytes) -> str:
    """The route of a path as an upstream resolved it, by the plainest code there is."""
    segments = path.lower().split(b"/")
    while segments and segments[-1] == b"":
        segments.pop()
    if segments == [b"", b"public", b"x"]:
        return "exact"
    if segments[:3] == [b"", b"public", b"admin"]:
        return "admin"
    return "public" if segments[:2] == [b"", b"public"] else "app"


@given(
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.lists(st.sampled_from(UPSTREAM_STEPS), max_size=7),
    st.sampled_from(["/", "/public/", "/public/admin/", "/public/x"]),
)
def test_a_forwarded_target_has_one_route_under_every_reading(
    rest: str, steps: list[Callable[[bytes], bytes]], start: str
) -> None:
    """Whatever an upstream makes of the bytes that it gets, it ends under the route that was decided on."""
    raw = (start + rest).encode()
    decided = route(PROPERTY_TABLE, raw.decode())
    assume(not isinstance(decided, Reason))

    seen = raw.partition(b"?")[0]
    for step in steps:
        seen = step(seen)

    assert naively_routed(seen) == decided
