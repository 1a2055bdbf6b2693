"""The authorize page: exact order, error pages by number, and the way back."""

import re

import pytest

from gateway.simulator.authorize import BLANK, Granted, Refused, read_authorize, with_query
from gateway.simulator.wechat import SimApp, WeChatSim

SIM = WeChatSim(
    apps=(
        SimApp("wx1", "s", domains=("app.example.com", "127.0.0.1")),
        SimApp("wxsite", "s", website=True),
    )
)
URI = "https%3A%2F%2Fapp.example.com%2Fcb%3Fa%3D1"
GOOD = f"appid=wx1&redirect_uri={URI}&response_type=code&scope=snsapi_base&state=abc1"


def test_accepts_the_exact_order_and_decodes_once():
    """The documented order is accepted, and redirect_uri is decoded once."""
    granted = read_authorize(GOOD, SIM)
    assert granted == Granted(SIM.apps[0], "https://app.example.com/cb?a=1", "snsapi_base", "abc1")


@pytest.mark.parametrize("extra", ["&connect_redirect=1", "&forcePopup=true", "&uin=1&key=2&pass_ticket=3%3D"])
def test_accepts_known_extras_at_the_end(extra):
    """What SDKs and WeChat's own client append does no harm."""
    assert isinstance(read_authorize(GOOD + extra, SIM), Granted)


@pytest.mark.parametrize(
    "query",
    [
        "",
        f"redirect_uri={URI}&appid=wx1&response_type=code&scope=snsapi_base&state=a",
        f"appid=wx1&redirect_uri={URI}&scope=snsapi_base&response_type=code&state=a",
        f"appid=wx1&redirect_uri={URI}&response_type=code&state=a&scope=snsapi_base",
        f"appid=wx1&redirect_uri={URI}&response_type=token&scope=snsapi_base&state=a",
        f"&{GOOD}",
        f"{GOOD}&state=b",
        f"{GOOD}&unknown=1",
        f"x=1&{GOOD}",
        GOOD.replace(URI, "https://app.example.com/cb?a=1&b=2"),
    ],
)
def test_another_order_is_a_white_page(query):
    """Anything but the documented order, names and encoding is the blank page."""
    assert read_authorize(query, SIM) == BLANK


@pytest.mark.parametrize(
    ("before", "after", "number"),
    [
        ("appid=wx1", "appid=", 10012),
        ("appid=wx1&", "", 10012),
        ("appid=wx1", "appid=wx2", 10016),
        ("appid=wx1", "appid=wxsite", 10016),
        (URI, "", 10011),
        (f"redirect_uri={URI}&", "", 10011),
        ("scope=snsapi_base", "scope=", 10010),
        ("&scope=snsapi_base", "", 10010),
        ("state=abc1", "state=", 10013),
        ("&state=abc1", "", 10013),
        ("snsapi_base", "snsapi_userinfo", 10005),
        ("snsapi_base", "snsapi_login", 10005),
        ("app.example.com", "sub.app.example.com", 10003),
        ("app.example.com", "example.com", 10003),
        ("app.example.com", "app.example.com.evil.com", 10003),
        ("app.example.com", "app.example.com%40evil.com", 10003),
        ("app.example.com", "evil.com%5C%40app.example.com", 10003),
        ("https%3A%2F%2F", "javascript%3A%2F%2F", 10003),
        ("https%3A%2F%2Fapp.example.com", "%2F%2F%5B", 10003),
    ],
)
def test_error_pages_by_number(before, after, number):
    """Each fault has WeChat's own number."""
    assert before in GOOD
    answer = read_authorize(GOOD.replace(before, after), SIM)
    assert isinstance(answer, Refused)
    assert answer.number == number


@pytest.mark.parametrize("state", ["a-b", "a.b", "%E4%B8%AD", "a" * 129])
def test_refuses_a_state_out_of_its_alphabet(state):
    """A state is 1 to 128 letters and digits."""
    answer = read_authorize(GOOD.replace("abc1", state), SIM)
    assert isinstance(answer, Refused)
    assert answer != BLANK


def test_accepts_the_longest_state_and_any_port():
    """128 characters pass, and the domain's port does not count."""
    query = GOOD.replace("abc1", "f" * 128).replace("app.example.com", "APP.example.com%3A8443")
    assert isinstance(read_authorize(query, SIM), Granted)


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://a/cb", "http://a/cb?q=1"),
        ("http://a/cb?x=2", "http://a/cb?x=2&q=1"),
        ("http://a/cb#/f?y", "http://a/cb?q=1#/f?y"),
        ("http://a/cb?x#f", "http://a/cb?x&q=1#f"),
        ("http://a/中\r\nX: y", "http://a/%E4%B8%AD%0D%0AX:%20y?q=1"),
    ],
)
def test_query_goes_before_the_fragment(uri, expected):
    """The answer is added with ? or & before a fragment, and stays one ASCII header line."""
    assert with_query(uri, "q=1") == expected


async def test_sends_the_browser_back_with_code_and_state(wechat):
    """A good request is a 302 to the callback with code and state, and is counted."""
    location = await wechat.location(redirect_uri="http://127.0.0.1:1/cb?x=1#top")
    assert re.fullmatch(r"http://127\.0\.0\.1:1/cb\?x=1&code=0[0-9a-f]{31}&state=abc1#top", location)
    assert (wechat.state.authorizes, wechat.state.codes_issued, list(wechat.state.callbacks)) == (1, 1, [location])


async def test_error_pages_are_html_with_200(wechat):
    """Errors are pages for the user, with 200, and issue no code; a wrong order is an empty page."""
    response = await wechat.get(wechat.authorize_path(redirect_uri="http://evil.example/cb"))
    text = await response.text()
    assert (response.status, "10003" in text, "redirect_uri域名" in text) == (200, True, True)
    response = await wechat.get("/connect/oauth2/authorize?state=a&appid=b")
    assert (response.status, await response.text()) == (200, "")
    assert wechat.state.codes_issued == 0
    assert [error["what"] for error in wechat.state.errors] == ["10003", "blank"]


async def test_wants_wechats_user_agent_when_told(open_wechat):
    """With require_wechat_ua, other browsers see 请在微信客户端打开链接."""
    wechat = await open_wechat(require_wechat_ua=True)
    response = await wechat.get(wechat.authorize_path())
    assert (response.status, "请在微信客户端打开链接" in await response.text()) == (200, True)
    response = await wechat.get(wechat.authorize_path(), headers={"User-Agent": "x MicroMessenger/8.0.34"})
    assert response.status == 302


async def test_refused_and_mutated(wechat):
    """`refuse` brings no code, `state_mutation` another state, `authorize_error` its number."""
    wechat.state.switches.set("refuse", times=1)
    assert await wechat.location() == "http://127.0.0.1:1/cb?state=abc1"
    wechat.state.switches.set("state_mutation", times=1)
    assert (await wechat.location()).endswith("&state=abc0")
    wechat.state.switches.set("authorize_error", 10004, times=1)
    assert "10004" in await (await wechat.get(wechat.authorize_path())).text()
    assert (await wechat.location()).endswith("&state=abc1")


async def test_fast_reopen_gets_the_previous_code(wechat):
    """With `reuse_code_on_fast_reopen` a second visit within seconds brings the old code, later a new one."""
    wechat.state.switches.set("reuse_code_on_fast_reopen")
    first = await wechat.code()
    assert await wechat.code(state="other") == first
    wechat.now[0] += 6
    assert await wechat.code() != first
    assert wechat.state.codes_issued == 2


async def test_client_parameters_on_the_callback(wechat):
    """`append_client_params` adds what WeChat's client adds."""
    wechat.state.switches.set("append_client_params", times=1)
    assert re.search(r"&state=abc1&uin=\w+&key=\w+&pass_ticket=\w+$", await wechat.location())
