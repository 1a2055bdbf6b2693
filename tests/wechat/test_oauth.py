"""WeChat's OAuth as pure functions: nothing but a proper reply becomes an identity."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.wechat.interface import ExchangeFailed, Failure, WeChatIdentity
from gateway.wechat.oauth import authorize_url, classify, parse_token_reply
from gateway.wechat.website import qrconnect_url

OPENID = "o9AgO5Kd5ggOC-bXrbNODIiE3bGY"
REPLY = {"access_token": "T", "expires_in": 7200, "refresh_token": "R", "openid": OPENID, "scope": "snsapi_base"}


def body_of(**changes: Any) -> bytes:
    return json.dumps(REPLY | changes).encode()


def failure_of(body: bytes) -> ExchangeFailed:
    with pytest.raises(ExchangeFailed) as caught:
        parse_token_reply(body)
    return caught.value


def test_the_authorize_url_has_wechats_order() -> None:
    """WeChat matches the URL by a pattern: appid, redirect_uri, response_type, scope, state, #wechat_redirect."""
    url = authorize_url("https://open.weixin.qq.com/", "wx1", "https://a.test/_gateway/callback", "snsapi_base", "ab12")
    assert url == (
        "https://open.weixin.qq.com/connect/oauth2/authorize?appid=wx1"
        "&redirect_uri=https%3A%2F%2Fa.test%2F_gateway%2Fcallback&response_type=code"
        "&scope=snsapi_base&state=ab12#wechat_redirect"
    )


def test_the_website_logins_url() -> None:
    """The documented order, snsapi_login, #wechat_redirect."""
    url = qrconnect_url("https://open.weixin.qq.com/", "wx1", "https://a.test/_gateway/callback", "ab12")
    assert url == (
        "https://open.weixin.qq.com/connect/qrconnect?appid=wx1"
        "&redirect_uri=https%3A%2F%2Fa.test%2F_gateway%2Fcallback&response_type=code"
        "&scope=snsapi_login&state=ab12#wechat_redirect"
    )


def test_a_redirect_uri_stays_one_parameter() -> None:
    """A query of its own, an ampersand or a fragment are encoded once."""
    target = "https://a.test/cb?x=1&y=%20#z"
    parts = urlsplit(authorize_url("https://open.weixin.qq.com", "wx1", target, "snsapi_base", "ab"))
    assert parse_qsl(parts.query) == [
        ("appid", "wx1"),
        ("redirect_uri", target),
        ("response_type", "code"),
        ("scope", "snsapi_base"),
        ("state", "ab"),
    ]


def test_a_good_reply_is_an_identity() -> None:
    """Successful replies carry no errcode; 0 and null mean the same."""
    assert parse_token_reply(body_of()) == WeChatIdentity(OPENID)
    assert parse_token_reply(body_of(errcode=0)) == WeChatIdentity(OPENID)
    assert parse_token_reply(body_of(errcode="0")) == WeChatIdentity(OPENID)
    assert parse_token_reply(body_of(errcode=None, unionid="o6_bmasdasdsad6_2sgVt7hMZOPfL")) == WeChatIdentity(
        OPENID, "o6_bmasdasdsad6_2sgVt7hMZOPfL"
    )


@pytest.mark.parametrize("union_id", [None, 1, [], {}, "", "a b", "x" * 129, "a\r\nb"])
def test_an_odd_union_id_is_none(union_id: Any) -> None:
    """It is a secondary key only: its absence refuses nobody."""
    assert parse_token_reply(body_of(unionid=union_id)).union_id is None


@pytest.mark.parametrize("flag", [1, "1", True, "true", 2, [0], {"a": 1}])
def test_any_odd_flag_is_a_snapshot(flag: Any) -> None:
    """A virtual identity must never be bound, however its flag is spelled."""
    assert parse_token_reply(body_of(is_snapshotuser=flag)).snapshot is True


@pytest.mark.parametrize("flag", [None, 0, "0", False, ""])
def test_a_false_flag_is_no_snapshot(flag: Any) -> None:
    """Real users may carry the flag as 0."""
    assert parse_token_reply(body_of(is_snapshotuser=flag)).snapshot is False


@pytest.mark.parametrize(
    ("errcode", "failure"),
    [
        (-1, Failure.OUTAGE),
        (40001, Failure.CONFIG),
        (40013, Failure.CONFIG),
        (40125, Failure.CONFIG),
        (40164, Failure.CONFIG),
        (48001, Failure.CONFIG),
        (40029, Failure.RESTART),
        (40163, Failure.RESTART),
        (41008, Failure.RESTART),
        (42003, Failure.RESTART),
        (40226, Failure.REFUSED),
        (50002, Failure.REFUSED),
        (45009, Failure.QUOTA),
        (45011, Failure.QUOTA),
        (99999, Failure.OUTAGE),
        (10**30, Failure.OUTAGE),
    ],
)
def test_errors_are_told_apart_by_number(errcode: int, failure: Failure) -> None:
    """As a number or as its text, even beside an openid; the message decides nothing."""
    assert classify(errcode) is failure
    assert failure_of(body_of(errcode=errcode, errmsg="ok")).failure is failure
    if abs(errcode) < 10**9:
        failed = failure_of(json.dumps({"errcode": str(errcode), "errmsg": "invalid code"}).encode())
        assert (failed.failure, failed.errcode) == (failure, errcode)


@pytest.mark.parametrize(
    ("errmsg", "rid"),
    [
        ("code been used, rid: 6206378a-793424c0-2e4091cc", "6206378a-793424c0-2e4091cc"),
        ("code been used, hints: [ req_id: plAv90053th21 ]", "plAv90053th21"),
        ("invalid code", ""),
        ("rid: evil\r\nline", "evil"),
        ("rid: " + "a" * 100, ""),
        (None, ""),
        (["rid: 1"], ""),
    ],
)
def test_the_rid_is_found(errmsg: Any, rid: str) -> None:
    """WeChat's support asks for it; it is short and harmless in a log."""
    failed = failure_of(json.dumps({"errcode": 40163, "errmsg": errmsg}).encode())
    assert (failed.rid, failed.errcode) == (rid, 40163)


@pytest.mark.parametrize(
    "openid",
    [None, 1, True, [], [OPENID], {}, "", "a b", "o\r\nx", "o\x00x", "x" * 129, "ｏ9", OPENID + "\n", "../o"],
)
def test_an_odd_openid_is_garbage(openid: Any) -> None:
    """An openid is 1 to 128 letters, digits, hyphens and underscores."""
    failed = failure_of(body_of(openid=openid))
    assert (failed.failure, failed.errcode) == (Failure.OUTAGE, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b'"oabc"',
        b"{}",
        b"<html>502</html>",
        b'{"openid":"oabc"',
        b'{"openid":"oabc"} x',
        b'{"openid":"oabc","openid":"odef"}',
        b'{"openid":"oabc","errcode":0,"errcode":40029}',
        b'{"openid":"oabc","a":{"b":1,"b":2}}',
        b'{"openid":"o\xffabc"}',
        b'{"openid":"oabc","errcode":[]}',
        b'{"openid":"oabc","errcode":true}',
        b'{"openid":"oabc","errcode":0.0}',
        b'{"openid":"oabc","errcode":"x"}',
        b'{"openid":"oabc","errcode":"\xef\xbc\x90"}',
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"openid":"oabc","expires_in":' + b"9" * 6000 + b"}",
    ],
)
def test_whatever_else_is_garbage(body: bytes) -> None:
    """Not JSON, not an object, duplicate keys, broken text in the openid, nested too deep: an outage."""
    failed = failure_of(body)
    assert (failed.failure, failed.errcode) == (Failure.OUTAGE, None)


def test_raw_controls_and_broken_text_elsewhere_do_no_harm() -> None:
    """Nicknames carry both; the identity beside them is good."""
    assert parse_token_reply(b'{"openid":"oabc","nickname":"\x01\xff\xe5\n"}') == WeChatIdentity("oabc")


def test_an_identity_and_a_failure_show_no_openid() -> None:
    """Neither may carry it into a log or a traceback."""
    assert OPENID not in repr(parse_token_reply(body_of(unionid=OPENID)))
    assert OPENID not in repr(failure_of(body_of(errcode=40029)))


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(
        lambda value: json.dumps({"openid": value, "errcode": value}).encode()
    )
)
def test_any_body_is_an_identity_or_a_failure(body: bytes) -> None:
    """Total: no other exception for any bytes."""
    try:
        identity = parse_token_reply(body)
    except ExchangeFailed:
        return
    assert identity.openid
