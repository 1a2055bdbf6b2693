"""The rules of WeChat's authorize page: the raw query in its exact order, and the numbered error pages. Pure.

WeChat matches the query by a regular expression; another order is a white page. The numbers are those of
open.weixin.qq.com's error pages, which only the user ever sees.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, urlsplit

from gateway.simulator.codes import WEBSITE_SCOPE
from gateway.simulator.scene import SimApp, WeChatSim

# uin, key and pass_ticket are appended by WeChat's own client.
_EXTRAS = "component_appid|agentid|forcePopup|forceSnapShot|connect_redirect|uin|key|pass_ticket"
_QUERY = re.compile(
    r"(?!&)(?:(?:^|&)appid=(?P<appid>[^&#]*))?"
    r"(?:(?:^|&)redirect_uri=(?P<redirect_uri>[^&#]*))?"
    r"(?:^|&)response_type=code"
    r"(?:&scope=(?P<scope>[^&#]*))?"
    r"(?:&state=(?P<state>[^&#]*))?"
    rf"(?P<extras>(?:&(?:{_EXTRAS})=[^&#]*)*)"
)
_STATE = re.compile(r"[A-Za-z0-9]{1,128}")
_SCOPES = ("snsapi_base", "snsapi_userinfo")

ERROR_TEXTS = {
    10003: "redirect_uri域名与后台配置不一致",
    10004: "此公众号被封禁",
    10005: "此公众号并没有这些scope的权限",
    10006: "必须关注此测试号",
    10009: "操作太频繁了，请稍后重试",
    10010: "scope不能为空",
    10011: "redirect_uri不能为空",
    10012: "appid不能为空",
    10013: "state不能为空",
    10015: "公众号未授权第三方平台，请检查授权状态",
    10016: "不支持微信开放平台的Appid，请使用公众号Appid",
}


@dataclass(frozen=True, slots=True)
class Granted:
    """A query that WeChat accepts."""

    app: SimApp
    redirect_uri: str
    scope: str
    state: str


@dataclass(frozen=True, slots=True)
class Refused:
    """What the user sees instead. No number and no text: the blank white page."""

    number: int | None
    text: str


BLANK = Refused(None, "")


def read_authorize(raw_query: str, sim: WeChatSim, *, website: bool = False) -> Granted | Refused:
    """Judge `raw_query`, exactly as it stood on the wire. `website`: at qrconnect, which serves website apps only."""
    match = _QUERY.fullmatch(raw_query)
    if match is None:
        return BLANK
    app_id, redirect_uri, scope, state = (
        unquote(match[name] or "") for name in ("appid", "redirect_uri", "scope", "state")
    )
    app = sim.app(app_id)
    number = (
        (not app_id and 10012)
        or ((app is None or app.website != website) and 10016)
        or (not redirect_uri and 10011)
        or (not scope and 10010)
        or (not state and 10013)
    )
    if number or app is None:
        return refused(number or 10016)
    if not _host_allowed(redirect_uri, app.domains):
        return refused(10003)
    if scope not in ((WEBSITE_SCOPE,) if website else _SCOPES) or not (website or scope in app.scopes):
        return refused(10005)
    if not _STATE.fullmatch(state):
        return Refused(None, "state只能是a-zA-Z0-9，最多128字节")
    return Granted(app, redirect_uri, scope, state)


def refused(number: int) -> Refused:
    """The error page of that number."""
    return Refused(number, ERROR_TEXTS.get(number, "系统错误"))


def _host_allowed(uri: str, domains: tuple[str, ...]) -> bool:
    """Whether the host of `uri` is exactly one of `domains`; any port."""
    if "\\" in uri:
        return False
    try:
        parts = urlsplit(uri)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and host in {domain.lower() for domain in domains}


def with_query(uri: str, query: str) -> str:
    """`uri` with `query` added before its fragment, as ASCII fit for a Location header."""
    base, mark, fragment = uri.partition("#")
    added = f"{base}{'&' if '?' in base else '?'}{query}{mark}{fragment}"
    return quote(added, safe="%!#$&'()*+,/:;=?@[]~")
