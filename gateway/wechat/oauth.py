"""WeChat's side of OAuth as pure functions: the authorize URL, the reply to a code, and what its error numbers mean.

Source: WeChat's "Web page authorization" (developers.weixin.qq.com/doc/service/guide/h5/auth.html) and its published
table of return codes. Replies are JSON under `text/plain`, errors come with HTTP status 200 and an `errcode`.
"""

import json
import re
from typing import Any
from urllib.parse import quote

from .interface import ExchangeFailed, Failure, WeChatIdentity

BUSY = -1  # the one errcode that may go away by asking again

_BY_ERRCODE: dict[int, Failure] = {
    # the code is dead (invalid, used, missing, expired) or the consent is: a new dance gives a new one
    **dict.fromkeys((40029, 40030, 40163, 41008, 42002, 42003, 42007, 50001, 61009, 61010), Failure.RESTART),
    # secret, app id, address, API permission, or a call that we made wrongly
    **dict.fromkeys((40001, 40002, 40013, 40125, 40164, 41002, 41004, 43001, 43002, 43003), Failure.CONFIG),
    **dict.fromkeys((48001, 48004, 61003, 61004, 61006, 61007, 61011), Failure.CONFIG),
    # this user is restricted or of high risk
    **dict.fromkeys((40226, 50002), Failure.REFUSED),
    # by the day, by the minute
    **dict.fromkeys((45009, 45011), Failure.QUOTA),
}
_OPENID = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_RID = re.compile(r"\b(?:rid|req_id): ?([0-9A-Za-z-]{1,64})\b")


def authorize_url(base: str, app_id: str, redirect_uri: str, scope: str, state: str) -> str:
    """The page that asks WeChat who holds the phone. WeChat matches the order of the parameters by a pattern."""
    return (
        f"{base.rstrip('/')}/connect/oauth2/authorize?appid={app_id}&redirect_uri={quote(redirect_uri, safe='')}"
        f"&response_type=code&scope={scope}&state={state}#wechat_redirect"
    )


def classify(errcode: int) -> Failure:
    """What is to be done about an error number. BUSY, as any unknown one, is an outage."""
    return _BY_ERRCODE.get(errcode, Failure.OUTAGE)


def parse_token_reply(body: bytes) -> WeChatIdentity:
    """The identity in the body of a reply to `sns/oauth2/access_token`.

    Raises ExchangeFailed: by its errcode if there is one, as an outage for whatever else is no identity.
    """
    reply = _object(body)
    errcode = _errcode(reply.get("errcode"))
    if errcode != 0:
        raise ExchangeFailed(classify(errcode), errcode, _rid(reply.get("errmsg")))
    openid = reply.get("openid")
    if not isinstance(openid, str) or not _OPENID.fullmatch(openid):
        raise _garbage("no openid")
    union_id = reply.get("unionid")
    if not isinstance(union_id, str) or not _OPENID.fullmatch(union_id):
        union_id = None
    snapshot = reply.get("is_snapshotuser") not in (None, 0, "0", "")
    return WeChatIdentity(openid, union_id, snapshot)


def _object(body: bytes) -> dict[str, Any]:
    # Nicknames carry raw control characters and broken UTF-8; what was broken must not become an openid, so: replace.
    try:
        reply = json.loads(body.decode("utf-8", "replace"), strict=False, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise _garbage("not JSON") from None
    if not isinstance(reply, dict):
        raise _garbage("not a JSON object")
    return reply


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(members := dict(pairs)) < len(pairs):
        raise ValueError("duplicate keys")
    return members


def _errcode(value: object) -> int:
    """Successful replies carry none."""
    if value is None:
        return 0
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    raise _garbage("errcode is no number")


def _rid(errmsg: object) -> str:
    """The call's id, for WeChat's support: `code been used, rid: 6206378a-793424c0-2e4091cc`; `req_id` in old ones."""
    found = _RID.search(errmsg[:512]) if isinstance(errmsg, str) else None
    return found[1] if found else ""


def _garbage(what: str) -> ExchangeFailed:
    return ExchangeFailed(Failure.OUTAGE, message=f"not a reply of WeChat's: {what}")
