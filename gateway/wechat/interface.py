"""What the doors know of a WeChat app: an address to send people to, and an exchange of codes."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class WeChatIdentity:
    """What a code was exchanged for. `snapshot`: a virtual identity, never a session (is_snapshotuser)."""

    openid: str = field(repr=False)
    union_id: str | None = field(default=None, repr=False)
    snapshot: bool = False


class Failure(StrEnum):
    """Why there is no identity, by what is to be done about it."""

    RESTART = "restart"  # the code is dead: dance again, at most twice
    CONFIG = "config"  # our secret, app id or address is wrong: 502 and an alarm
    REFUSED = "refused"  # WeChat refuses this user
    QUOTA = "quota"  # too many calls: later
    OUTAGE = "outage"  # no answer, or not one of WeChat's: later


class ExchangeFailed(Exception):
    """`errcode` and `rid` are WeChat's own, for the log; `errcode` is None if there was none."""

    def __init__(self, failure: Failure, errcode: int | None = None, rid: str = "", message: str = "") -> None:
        super().__init__(message or f"{failure} errcode={errcode} rid={rid}")
        self.failure = failure
        self.errcode = errcode
        self.rid = rid


class Provider(Protocol):
    """One app at one provider."""

    app: str  # the app's id in gateway.toml

    def authorize_url(self, redirect_uri: str, state: str) -> str:
        """Where to send a browser. `state` is hex, at most 128 characters."""

    async def exchange(self, code: str) -> WeChatIdentity:
        """Spend `code`. Raises ExchangeFailed."""

    async def close(self) -> None:
        """Release connections."""
