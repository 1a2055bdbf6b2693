"""Which browser this is, as its user agent says, and what becomes of one that is not WeChat's.

Law: a user agent is a hint about which page to show, never a control. Who claims to be WeChat must still bring a code.
"""

import re
from enum import StrEnum

_READ = 1024  # characters of a user agent


class Outside(StrEnum):
    """What a browser outside WeChat gets where it would be sent to WeChat."""

    QR = "qr"  # a page with the address as a QR code, to open in WeChat
    HANDOVER = "handover"  # a code that lets the WeChat which scans it log this browser in
    WEBSITE = "wechat_website"  # WeChat's own login for websites, through another app
    REFUSE = "refuse"
    WECHAT = "wechat"  # to WeChat all the same, whose page then asks for WeChat


class Client(StrEnum):
    """Programs that people tell apart, though their user agents hold each other's words."""

    WECOM = "wecom"
    MINI_PROGRAM = "mini_program"
    WECHAT_MAC = "wechat_mac"
    WECHAT_WINDOWS = "wechat_windows"
    WECHAT_LINUX = "wechat_linux"
    WECHAT_PHONE = "wechat_phone"
    OTHER_PHONE = "other_phone"
    OTHER = "other"
    UNKNOWN = "unknown"  # no browser that we know of


# In this order: WeCom says MicroMessenger and WindowsWechat too, old WeChat for Mac says WindowsWechat.
_CLIENTS = (
    (Client.WECOM, re.compile(r"wxwork(local)?/", re.IGNORECASE)),
    (Client.MINI_PROGRAM, re.compile(r"miniProgram|MiniProgramEnv")),
    (Client.WECHAT_MAC, re.compile(r"MacWechat")),
    (Client.WECHAT_LINUX, re.compile(r"UnifiedPCLinuxWechat")),
    (Client.WECHAT_WINDOWS, re.compile(r"WindowsWechat")),
    (Client.WECHAT_PHONE, re.compile(r"MicroMessenger", re.IGNORECASE)),
    (Client.OTHER_PHONE, re.compile(r"Mozilla/.*(?:iPhone|iPod|Android.*Mobile|OpenHarmony.*Phone)")),
    (Client.OTHER, re.compile(r"Mozilla/")),
)
_OUTSIDE = frozenset({Client.WECOM, Client.OTHER_PHONE, Client.OTHER})  # WeCom logs in through apps of its own


def client_of(user_agent: str) -> Client:
    """The program that this user agent names."""
    text = user_agent[:_READ]
    return next((client for client, pattern in _CLIENTS if pattern.search(text)), Client.UNKNOWN)


def may_be_wechat(user_agent: str) -> bool:
    """Whether WeChat's authorize page may serve this browser: unless it plainly is another one."""
    return client_of(user_agent) not in _OUTSIDE
