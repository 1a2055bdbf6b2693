"""Who is redirected: browsers that navigate, and nobody else."""

import pytest

from gateway.core.navigation import is_navigation, is_preflight

HTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("method", "fields", "expected"),
    [
        ("GET", {"Sec-Fetch-Mode": "navigate"}, True),
        ("HEAD", {"Sec-Fetch-Mode": "Navigate "}, True),
        ("GET", {"Sec-Fetch-Mode": "navigate", "Accept": "application/json"}, True),
        ("GET", {"Sec-Fetch-Mode": "cors", "Accept": HTML}, False),
        ("GET", {"Sec-Fetch-Mode": "", "Accept": HTML}, False),
        ("GET", {"Accept": HTML}, True),
        ("GET", {"Accept": "application/json, TEXT/HTML;q=0.5"}, True),
        ("GET", {"Accept": "application/json"}, False),
        ("GET", {"Accept": "*/*"}, False),
        ("GET", {"Accept": "application/json ,\ttext/html , */*"}, True),
        ("GET", {"Accept": "text/htmlx"}, False),
        ("GET", {"Accept": "xtext/html"}, False),
        ("GET", {"Accept": "*/*;a=text/html"}, False),
        ("GET", {"Accept": "*/*," * 100 + "text/html"}, True),
        ("GET", {"Accept": "," * 60_000 + "text/html"}, False),
        ("GET", {}, False),
        ("POST", {"Sec-Fetch-Mode": "navigate", "Accept": HTML}, False),
        ("get", {"Accept": HTML}, False),
        ("GET", {"Accept": HTML, "X-Requested-With": "XMLHttpRequest"}, False),
        ("GET", {"Accept": HTML, "X-Requested-With": ""}, False),
        ("GET", {"Sec-Fetch-Mode": "navigate", "X-Requested-With": "fetch"}, False),
    ],
)
def test_only_navigations_are_redirected(method: str, fields: dict[str, str], expected: bool) -> None:
    """GET or HEAD, no X-Requested-With, Sec-Fetch-Mode navigate or, without that field, an Accept with HTML."""
    assert is_navigation(method, fields.get) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({"Accept": HTML}, True), ({"Accept": "application/json"}, False), ({"Sec-Fetch-Mode": "cors"}, False)],
)
def test_wechat_on_android_navigates(fields: dict[str, str], expected: bool) -> None:
    """Android's WebView sends its application's name in X-Requested-With always: that alone marks no script."""
    assert is_navigation("GET", (fields | {"X-Requested-With": "com.tencent.mm"}).get) is expected


ASKS = {"Origin": "https://a.test", "Access-Control-Request-Method": "PUT"}


@pytest.mark.parametrize(
    ("method", "fields", "has_body", "expected"),
    [
        ("OPTIONS", {**ASKS, "Accept": "*/*", "User-Agent": "a"}, False, True),
        ("OPTIONS", {**ASKS, "Cookie": "a=1"}, False, False),
        ("OPTIONS", {**ASKS, "authorization": "Basic YTpi"}, False, False),
        ("OPTIONS", {**ASKS, "X_HTTP_Method": "GET"}, False, False),
        ("OPTIONS", ASKS, False, True),
        ("OPTIONS", {**ASKS, "Origin": "null"}, False, True),
        ("OPTIONS", {**ASKS, "Access-Control-Request-Headers": "x-a"}, False, True),
        ("OPTIONS", ASKS, True, False),
        ("GET", ASKS, False, False),
        ("POST", ASKS, False, False),
        ("OPTIONS", {"Origin": "https://a.test"}, False, False),
        ("OPTIONS", {"Access-Control-Request-Method": "PUT"}, False, False),
        ("OPTIONS", {**ASKS, "Origin": ""}, False, False),
        ("OPTIONS", {**ASKS, "Access-Control-Request-Method": ""}, False, False),
        ("OPTIONS", {**ASKS, "Access-Control-Request-Method": "PUT, GET"}, False, False),
    ],
)
def test_what_is_a_preflight(method: str, fields: dict[str, str], has_body: bool, expected: bool) -> None:
    """OPTIONS with an origin and the method that is asked for, without a body; nothing less."""
    names = [name.encode() for name in fields]
    assert is_preflight(method, fields.get, names, has_body=has_body) is expected
