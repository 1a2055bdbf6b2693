"""What the painted WeChat is told before it opens: its apps, the people who may hold the phone, the menu."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class SimApp:
    """A registered official account. `domains`: hosts (without port) that its callbacks may have, matched exactly."""

    app_id: str
    secret: str = field(repr=False)
    domains: tuple[str, ...] = ("127.0.0.1", "localhost")
    scopes: tuple[str, ...] = ("snsapi_base",)
    website: bool = False  # an Open Platform app: only qrconnect serves it, the page inside WeChat answers 10016


@dataclass(frozen=True, slots=True)
class SimUser:
    """Somebody who may hold the phone. `key` names them in the cookie and makes their OpenId."""

    key: str
    name: str
    colour: str = "#576b95"


@dataclass(frozen=True, slots=True)
class MenuLink:
    """An entry of the official account's menu bar."""

    name: str
    url: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class Hint:
    """A line on the phone page that says what will happen, or a demo account."""

    text: str
    caption: str = ""


DEFAULT_USERS = (
    SimUser("xiaoming", "小明", "#1485ee"),
    SimUser("xiaohong", "小红", "#e64340"),
    SimUser("alice", "Alice", "#8a5cd1"),
)


@dataclass(frozen=True, slots=True)
class WeChatSim:
    """One painted WeChat.

    `default_user`: the key of who holds the phone when nobody was picked; empty offers the phone page first.
    `require_wechat_ua`: refuse browsers that do not say MicroMessenger. `clock` is Unix seconds; `random`
    gives that many bytes; `sleep` takes seconds.
    """

    apps: tuple[SimApp, ...]
    menu: tuple[MenuLink, ...] = ()
    users: tuple[SimUser, ...] = DEFAULT_USERS
    default_user: str = ""
    account_name: str = "云杉茶庄"
    hints: tuple[Hint, ...] = ()
    require_wechat_ua: bool = False
    clock: Callable[[], float] = field(default=time.time, repr=False)
    random: Callable[[int], bytes] = field(default=secrets.token_bytes, repr=False)
    sleep: Callable[[float], Awaitable[None]] = field(default=asyncio.sleep, repr=False)

    def app(self, app_id: str) -> SimApp | None:
        """The app of that id."""
        return next((app for app in self.apps if app.app_id == app_id), None)

    def user(self, key: str) -> SimUser | None:
        """The person of that key."""
        return next((user for user in self.users if user.key == key), None)
