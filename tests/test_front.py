"""The porter: our own pages come first."""

import pytest

from gateway.core.errors import GatewayError
from gateway.core.policy import Access, Policy, Route
from gateway.core.routing import RouteTable
from gateway.core.target import parse_target
from gateway.front import PAGES, own_routes

EVERYTHING = Route("app", ("*",), "/", False, frozenset("*"), Policy("p", Access.BOUND), "legacy", "legacy")
GREEDY = Route("greedy", ("a",), "/_gateway/login", True, frozenset("*"), Policy("p", Access.PUBLIC), "legacy")
TABLE = RouteTable([*own_routes("/_gateway", ["MP_verify_abc.txt"]), EVERYTHING, GREEDY])


@pytest.mark.parametrize(
    ("method", "target", "upstream"),
    [
        ("GET", "/_gateway/login", PAGES),
        ("POST", "/_gateway/bind?x", PAGES),
        ("GET", "/_gateway", PAGES),
        ("GET", "/_gateway/nothing/here", PAGES),
        ("GET", "/MP_verify_abc.txt", PAGES),
        ("HEAD", "/MP_verify_abc.txt", PAGES),
        ("GET", "/MP_verify_other.txt", "legacy"),
        ("GET", "/sub/MP_verify_abc.txt", "legacy"),
        ("GET", "/_gatewayx", "legacy"),
        ("GET", "/", "legacy"),
    ],
)
def test_own_pages_win_before_all_routes(method: str, target: str, upstream: str) -> None:
    """Even before a longer path of a named host; domain files at the exact root only."""
    route = TABLE.match("a", method, parse_target(target.encode()))
    assert route.upstream == upstream
    assert route.own == (upstream == PAGES)


@pytest.mark.parametrize(
    "target", ["/%5fgateway/login", "//_gateway/login", "/x/../_gateway/login", "/_gateway%2Flogin"]
)
def test_no_other_spelling_of_an_own_page_goes_to_the_legacy_system(target: str) -> None:
    """It is refused, or one of ours under every reading."""
    try:
        route = TABLE.match("a", "GET", parse_target(target.encode()))
    except GatewayError as refusal:
        assert refusal.status == 400  # noqa: PT017 - either outcome is right
    else:
        assert route.own


def test_a_domain_file_is_for_reading() -> None:
    """GET and HEAD only; with any other method it is a path like others."""
    assert TABLE.match("a", "POST", parse_target(b"/MP_verify_abc.txt")).upstream == "legacy"
