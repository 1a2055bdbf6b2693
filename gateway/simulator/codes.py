"""One-time codes: issued by the authorize pages, spent once within five or ten minutes at the token endpoint."""

import hashlib
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass

CODE_TTL = 300  # seconds
WEBSITE_TTL = 600  # of codes for website apps
WEBSITE_SCOPE = "snsapi_login"
CAPACITY = 100_000

INVALID_CODE = 40029
CODE_USED = 40163


@dataclass(slots=True)
class Code:
    """What a code stands for."""

    value: str
    app_id: str
    user: str
    scope: str
    issued: float
    used: bool = False

    @property
    def ttl(self) -> int:
        """Seconds that it may be spent within."""
        return WEBSITE_TTL if self.scope == WEBSITE_SCOPE else CODE_TTL


class CodeBook:
    """The codes of all apps; the oldest are forgotten beyond CAPACITY."""

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self._random = random
        self._codes: dict[str, Code] = {}
        self._latest: dict[tuple[str, str], Code] = {}

    def issue(self, app_id: str, user: str, scope: str, now: float) -> Code:
        """A fresh code."""
        code = Code("0" + self._random(16).hex()[1:], app_id, user, scope, now)
        self._codes[code.value] = self._latest[app_id, user] = code
        if len(self._codes) > CAPACITY:
            del self._codes[next(iter(self._codes))]
        return code

    def previous(self, app_id: str, user: str, since: float) -> Code | None:
        """The code this user was last given, spent or not, if that was not before `since`."""
        code = self._latest.get((app_id, user))
        return code if code is not None and code.issued >= since else None

    def spend(self, value: str, app_id: str, now: float) -> Code | int:
        """Use up a code: what it stands for, or WeChat's errcode."""
        code = self._codes.get(value)
        if code is None or code.app_id != app_id or now - code.issued > code.ttl:
            return INVALID_CODE
        if code.used:
            return CODE_USED
        code.used = True
        return code

    def clear(self) -> None:
        """Forget all codes."""
        self._codes.clear()
        self._latest.clear()


def openid(app_id: str, user: str) -> str:
    """The OpenId of a user towards an app: 28 characters, `o` first, always the same."""
    return "o" + _digest(app_id, user)[:27]


def virtual_openid(code: Code) -> str:
    """The OpenId of a snapshot page: looks like any other and is another each time."""
    return "o" + _digest("snapshot", code.app_id, code.user, code.value)[:27]


def union_id(user: str) -> str:
    """The UnionId of a user: the same for every app."""
    return "o6_" + _digest("union", user)[:25]


def code_hash(code: str) -> str:
    """How the counters name a code: SHA-256, hex."""
    return hashlib.sha256(code.encode()).hexdigest()


def _digest(*parts: str) -> str:
    return urlsafe_b64encode(hashlib.sha256("\0".join(parts).encode()).digest()).decode()
