"""Routes and policies: references, duplicates, and what a policy may ask."""

from typing import Any

import pytest

from gateway.core.edits import FieldEdits
from gateway.core.policy import Access, Challenge, Cors, Policy, Preflight, Requirement, Route
from gateway.core.prefixes import Prefixes

PUBLIC = '[[routes]]\nid = "public"\npath = "/public/"\npolicy = "public"\nupstream = "legacy"\n'


def test_routes_are_the_rule_books_values(folder: Any) -> None:
    """Names become the things they name, spellings become one."""
    folder.text += PUBLIC + 'hosts = ["*.Example.com"]\nmethods = ["GET", "POST"]\n'
    loaded = folder.load()
    assert loaded.routes[1] == Route(
        id="public",
        hosts=("*.example.com",),
        path="/public",
        exact=False,
        methods=frozenset({"GET", "POST"}),
        policy=Policy("public", Access.PUBLIC),
        upstream="legacy",
        upgrade=frozenset({b"websocket"}),
    )
    assert loaded.routes[0].audience == "legacy"
    assert loaded.routes[0].policy is loaded.policies["page"]


@pytest.mark.parametrize(
    ("old", "new", "key", "message"),
    [
        ('upstream = "legacy"', 'upstream = "legcy"', "upstream", "did you mean 'legacy'?"),
        ('policy = "page"', 'policy = "x"', "policy", "there is: page, public"),
        ('audience = "legacy"', "", "audience", "is required"),
        ('audience = "legacy"', 'audience = "a b"', "audience", "not possible"),
        ('id = "app"', 'id = "app"\npath = "/_gateway/me"', "path", "lies under /_gateway"),
        ('id = "app"', 'id = "app"\npath = "= /_gateway"', "path", "lies under /_gateway"),
        ('id = "app"', 'id = "app"\nmethods = ["get"]', "methods[0]", "in capitals"),
        ('id = "app"', 'id = "app"\nmethods = ["*", "GET"]', "methods", "leave out the others"),
        ('id = "app"', 'id = "app"\nhosts = ["a", "A"]', "hosts", "the same twice"),
        (
            'id = "app"',
            'id = "app"\nstrip_prefix = "/app"',
            "strip_prefix",
            "must be the route's path /, or the beginning",
        ),
        ('id = "app"', 'id = "app"\npath = "/apple"\nstrip_prefix = "/app"', "strip_prefix", "by whole segments"),
        ('id = "app"', 'id = "app"\npath = "/a"\nstrip_prefix = "/a/b"', "strip_prefix", "must be the route's path /a"),
        ('id = "app"', 'id = "app"\npath = "/a"\nstrip_prefix = "/a/"', "strip_prefix", "without trailing slash"),
        ('id = "app"', 'id = "app"\npath = "/a/*"', "path", "leave the * out"),
        ('id = "app"', 'id = "app"\nadd_prefix = "/"', "add_prefix", "without trailing slash"),
        ('id = "app"', 'id = "app"\nadd_prefix = "//a"', "add_prefix", "not a clean path"),
        ('id = "app"', 'id = "app"\nadd_prefix = "/a/../b"', "add_prefix", "not a clean path"),
        ('id = "app"', 'id = "app"\nupgrade = ["foo", "FOO"]', "upgrade", "the same twice"),
        *(
            ('id = "app"', f'id = "app"\nupgrade = [{text}]', "upgrade[0]", 'write "websocket"')
            for text in (
                '"h2c"',
                '"H2C"',
                '"HTTP/2.0"',
                '"TLS/1.3"',
                '"*"',
                '"a, b"',
                '"a b"',
                '"a/b/c"',
                '"é"',
                '""',
                "1",
            )
        ),
    ],
)
def test_what_a_route_refuses(folder: Any, old: str, new: str, key: str, message: str) -> None:
    """References lead somewhere, and an identity has an audience."""
    folder.set(old, new)
    problem = folder.problem()
    assert problem.key == f"routes[0].{key}"
    assert message in problem.message


@pytest.mark.parametrize(
    ("keys", "strip", "add"),
    [
        ('path = "/app/x"\nstrip_prefix = "/app"', b"/app", b""),
        ('path = "/app/"\nstrip_prefix = "/app"\nadd_prefix = "/legacy"', b"/app", b"/legacy"),
        ('path = "= /app"\nstrip_prefix = "/app"', b"/app", b""),
        ('add_prefix = "/legacy/v1"', b"", b"/legacy/v1"),
    ],
)
def test_prefixes(folder: Any, keys: str, strip: bytes, add: bytes) -> None:
    """What is stripped, what is added, and where our own pages are."""
    folder.set('id = "app"', f'id = "app"\n{keys}')
    folder.set("[server]", '[server]\nprefix = "/own"')
    assert folder.load().routes[0].prefixes == Prefixes(strip, add, b"/own")


@pytest.mark.parametrize(
    ("text", "protocols"), [("[]", set()), ('["Foo/1.2", "WebSocket"]', {b"foo/1.2", b"websocket"})]
)
def test_protocols_are_compared_in_lower_case(folder: Any, text: str, protocols: set[bytes]) -> None:
    """RFC 9110 7.8; an empty list allows none."""
    folder.set('id = "app"', f'id = "app"\nupgrade = {text}')
    assert folder.load().routes[0].upgrade == protocols


def test_a_path_beside_the_prefix_is_fine(folder: Any) -> None:
    """Whole segments count."""
    folder.set('id = "app"', 'id = "app"\npath = "/_gateways"')
    assert folder.load().routes[0].path == "/_gateways"


def test_rules_that_say_the_same(folder: Any) -> None:
    """Two rules for one place are a problem at the second."""
    folder.text += PUBLIC + PUBLIC.replace('"public"', '"again"', 1).replace("/public/", "/public")
    problem = folder.problem()
    assert problem.key == "routes[2].path"
    assert "'public' and 'again' say the same" in problem.message


def test_a_reference_to_a_wrong_table_is_no_second_problem(folder: Any) -> None:
    """One mistake is told once: a wrong upstream or policy file still has its name."""
    folder.set('servers = ["http://127.0.0.1:9000"]', "servers = 1")
    folder.write("policies/page.toml", "access = 1")
    assert [problem.key for problem in folder.problems()] == ["upstreams[0].servers", "access"]


POLICY = """
access = "bound"
on_anonymous = "login"
on_unbound = "403"
max_age = "8h"
require = [{ claim = "roles", values = ["admin", "clerk"] }]
claims = ["name", "roles"]
headers = { "X-User-Name" = "name" }
expose_openid = true
keep_fragment = true
cors = { origins = ["https://App.example.com:443"] }
preflight = "forward"
max_body = "0"
response_timeout = "1500ms"
idle_timeout = "1h"
tunnel_timeout = "90s"
[request_headers]
set = { X-Env = "pro duction" }
remove = ["X_Debug"]
[response_headers]
remove = ["Server"]
"""


def test_every_key_of_a_policy(folder: Any) -> None:
    """A policy file becomes the rule book's value."""
    folder.write("policies/page.toml", POLICY)
    assert folder.load().policies["page"] == Policy(
        name="page",
        access=Access.BOUND,
        on_anonymous=Challenge.REDIRECT,
        on_unbound=Challenge.REFUSE,
        max_age=8 * 3600,
        require=(Requirement("roles", ("admin", "clerk")),),
        claims=("name", "roles"),
        headers=(("X-User-Name", "name"),),
        expose_openid=True,
        keep_fragment=True,
        cors=Cors(("https://app.example.com",)),
        preflight=Preflight.FORWARD,
        request_headers=FieldEdits((b"X-Env: pro duction\r\n",), frozenset((b"x-env", b"x-debug"))),
        response_headers=FieldEdits((), frozenset((b"server",))),
        max_body=None,
        response_timeout=1.5,
        idle_timeout=3600,
        tunnel_timeout=90,
    )


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("", "access", "is required"),
        ('access = "bound"\non_anonymous = "403"', "on_anonymous", "must be 'auto', 'login' or '401'"),
        ('access = "bound"\non_anonymous = 401', "on_anonymous", "must be 'auto', 'login' or '401', not 401"),
        ('access = "bound"\nclaims = ["sub"]', "claims", "the gateway's own claim"),
        ('access = "bound"\nclaims = ["a b"]', "claims[0]", "not possible"),
        ('access = "bound"\nrequire = [{ claim = "roles", values = [] }]', "require[0].values", "at least one"),
        ('access = "bound"\nheaders = { "x_user" = "name" }', "headers.x_user", "identity.header"),
        ('access = "bound"\nheaders = { "X-Forwarded-For" = "name" }', "headers", "meaning of its own"),
        ('access = "bound"\nheaders = { "X-Name" = "a", "x_name" = "b" }', "headers", "two spellings"),
        ('access = "bound"\ncors = { origins = ["*"] }', "cors.origins[0]", "must be a URL"),
        ('access = "bound"\nmax_body = 5', "max_body", "not a size"),
        ('access = "public"\nclaims = ["name"]', "claims", "means nothing with access"),
        ('access = "public"\non_anonymous = "401"', "on_anonymous", "means nothing with access"),
        ('access = "public"\nexpose_openid = true', "expose_openid", "means nothing with access"),
        ('access = "optional"\non_anonymous = "login"', "on_anonymous", "means nothing with access"),
        ('access = "wechat"\non_unbound = "bind"', "on_unbound", "means nothing with access"),
        ('access = "public"\npreflight = "forward"', "preflight", "means nothing with access"),
        ('access = "bound"\npreflight = "allow"', "preflight", "must be 'decide' or 'forward'"),
    ],
)
def test_what_a_policy_refuses(folder: Any, text: str, key: str, message: str) -> None:
    """Also in a file that no route names."""
    folder.write("policies/other.toml", text)
    problem = folder.problem()
    assert problem.file == str(folder.path / "policies/other.toml")
    assert problem.key == key
    assert message in problem.message


@pytest.mark.parametrize(
    "name",
    [
        *("Host", "content-length", "Content_Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Upgrade", "TE"),
        *("Trailer", "Expect", "Cookie", "cookie2", "Set-Cookie", "Proxy-Authorization", "Proxy-Connection", "Proxy"),
        *("Forwarded", "X-Forwarded-For", "x_forwarded_prefix", "X-Real-IP", "X-Request-Id", "X-Original-URL", "Via"),
        *("HTTP2-Settings", "Content-Encoding", "Content-Range", "Date"),
    ],
)
@pytest.mark.parametrize("form", ['set = {{ "{}" = "a" }}', 'remove = ["{}"]'])
def test_fields_of_a_request_that_nobody_edits(folder: Any, name: str, form: str) -> None:
    """Those that say where a message ends, where it goes, and whom it comes from."""
    folder.write("policies/page.toml", f'access = "bound"\n[request_headers]\n{form.format(name)}')
    problem = folder.problem()
    assert problem.key == f"request_headers.{form.partition(' ')[0]}"
    assert f"{name!r} is the gateway's own business" in problem.message


@pytest.mark.parametrize(
    "name",
    [
        *("Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Keep-Alive", "Trailer", "X-Request-Id"),
        *("Set-Cookie", "set_cookie", "Location", "Content-Location", "Refresh", "Date", "Content-Encoding"),
    ],
)
def test_fields_of_a_response_that_nobody_edits(folder: Any, name: str) -> None:
    """Those that say where a message ends, and those that the gateway writes."""
    folder.write("policies/page.toml", f'access = "bound"\n[response_headers]\nremove = ["{name}"]')
    assert f"{name!r} is the gateway's own business" in folder.problem().message


@pytest.mark.parametrize(
    ("table", "key", "message"),
    [
        ('request_headers]\nset = { "X-A" = "" }', "request_headers.set.X-A", "must be 1 to 1024 visible ASCII"),
        ('request_headers]\nset = { "X-A" = "a\\r\\nX-User: b" }', "request_headers.set.X-A", "visible ASCII"),
        ('request_headers]\nset = { "X-A" = "中" }', "request_headers.set.X-A", "visible ASCII"),
        ('request_headers]\nset = { "X-A" = " a" }', "request_headers.set.X-A", "spaces only between them"),
        ('request_headers]\nset = { "X A" = "a" }', "request_headers.set", "is not a header name"),
        ('request_headers]\nset = { "X:" = "a" }', "request_headers.set", "is not a header name"),
        ('request_headers]\nset = { "" = "a" }', "request_headers.set", "is not a header name"),
        ('request_headers]\nset = { "X-A" = "a", "x_a" = "b" }', "request_headers.set", "two spellings"),
        ('request_headers]\nremove = ["X-A", "x.a"]', "request_headers.remove", "two spellings"),
        ('request_headers]\nset = { "X-A" = "a" }\nremove = ["x_a"]', "request_headers.remove", "stands under set too"),
        ('request_headers]\nset = { "Authorization" = "Basic eA==" }', "request_headers.set", "policies hold none"),
        ('request_headers]\nset = { "x_user" = "a" }', "request_headers.set.x_user", "carries identity"),
        ('request_headers]\nset = { "X.Name" = "a" }', "request_headers.set.'X.Name'", "carries identity"),
        ('request_headers]\nremove = ["X-A", "X-USER"]', "request_headers.remove[1]", "carries identity"),
        ('request_headers]\nadd = { "X-A" = "a" }', "request_headers.add", "unknown key"),
    ],
)
def test_what_header_edits_refuse(folder: Any, table: str, key: str, message: str) -> None:
    """Names and values that are none, and those of identity headers of any policy."""
    folder.write("policies/named.toml", 'access = "bound"\nheaders = { "X-Name" = "name" }')
    folder.write("policies/page.toml", f'access = "bound"\n[{table}')
    problem = folder.problem()
    assert problem.key == key
    assert message in problem.message


def test_what_header_edits_allow(folder: Any) -> None:
    """Credentials may be dropped, an upstream's echo of the identity too, and caching is an operator's word."""
    folder.write(
        "policies/page.toml",
        'access = "bound"\n[request_headers]\nremove = ["Authorization", "Accept-Encoding", "X-HTTP-Method-Override"]\n'
        '[response_headers]\nset = { "Cache-Control" = "no-store" }\nremove = ["X-User", "WWW-Authenticate"]',
    )
    folder.load()


def test_policy_files(folder: Any) -> None:
    """Hidden files and other kinds are not policies; names that no route could write are refused."""
    folder.write("policies/.page.toml", "x")
    folder.write("policies/page.toml~", "x")
    folder.load()
    folder.write("policies/My Page.toml", 'access = "bound"')
    assert "is not a policy's name" in folder.problem().message


def test_a_policy_folder_that_is_not_there(folder: Any) -> None:
    """The folder is named, and so is the route that misses its policy."""
    folder.set("[server]", '[server]\npolicies = "elsewhere"')
    first, second = folder.problems()
    assert first.key == "routes[0].policy"
    assert second.file == str(folder.path / "elsewhere")


def test_a_routes_own_patience(folder: Any) -> None:
    """It comes before the policy's, and changes no other route's."""
    folder.write("policies/public.toml", 'access = "public"\nresponse_timeout = "7s"')
    folder.text += PUBLIC + 'response_timeout = "90s"\n' + PUBLIC.replace("public", "other", 2)
    assert [route.policy.response_timeout for route in folder.load().routes] == [None, 90, 7]
