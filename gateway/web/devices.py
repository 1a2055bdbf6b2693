"""Which family of device a user agent names: a hint for "my sessions", never a security check."""

import re

# Old WeChat for Mac says WindowsWechat too, so it is asked first; every phone's says Mobile and more.
_FAMILIES = (
    ("Mac", re.compile(r"MacWechat")),
    ("Windows", re.compile(r"WindowsWechat")),
    ("Linux", re.compile(r"UnifiedPCLinuxWechat")),
    ("iPad", re.compile(r"iPad")),
    ("iPhone", re.compile(r"iPhone|iPod")),
    ("HarmonyOS", re.compile(r"OpenHarmony|HarmonyOS")),
    ("Android", re.compile(r"Android")),
    ("Windows", re.compile(r"Windows NT")),
    ("Mac", re.compile(r"Macintosh")),
    ("Linux", re.compile(r"Linux")),
)
_CLIENTS = (
    ("WeCom", re.compile(r"wxwork(local)?/")),
    ("Mini Program", re.compile(r"miniProgram|MiniProgramEnv")),
)
_READ = 1024  # characters of a user agent


def device_family(user_agent: str) -> str:
    """For example "iPhone", "Windows (WeCom)", "Android (Mini Program)" or "Other"."""
    text = user_agent[:_READ]
    family = next((name for name, pattern in _FAMILIES if pattern.search(text)), "Other")
    client = next((name for name, pattern in _CLIENTS if pattern.search(text)), None)
    return f"{family} ({client})" if client else family
