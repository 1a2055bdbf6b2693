"""The demo as data: accounts of the legacy application, the phone's menu, and what the phone page says will happen."""

from collections.abc import Sequence

from gateway.simulator.legacy_accounts import Account
from gateway.simulator.scene import Hint, MenuLink

DEMO_ACCOUNTS = (
    Account("1001", "xiaoming", "longjing", "13800138000", "王小明"),
    Account("1002", "xiaohong", "puer", "13800138001", "李小红"),
    Account("1003", "alice", "earlgrey", "13800138002", "Alice Chen", ("member", "admin")),
)


def demo_menu(gateway: str) -> tuple[MenuLink, ...]:
    """The menu of a gateway at `gateway`, an origin such as http://127.0.0.1:8080."""
    return (
        MenuLink("我的订单", f"{gateway}/orders", "orders"),
        MenuLink("个人中心", f"{gateway}/", "my page"),
        MenuLink("公开页面", f"{gateway}/public", "public"),
    )


def demo_hints(accounts: Sequence[Account] = DEMO_ACCOUNTS) -> tuple[Hint, ...]:
    """What will happen, and the `accounts` to bind with."""
    known = "，".join(_unbroken(f"{account.username} / {account.password}") for account in accounts)
    return (
        Hint("点菜单「我的订单」，微信悄悄登录，您什么也看不到。", "Tap a menu entry: WeChat signs you in silently."),
        Hint(
            f"第一次会请您绑定账号（账号/密码）：{known}。",
            "The first time, bind one of these accounts (name / password), once.",
        ),
        Hint("绑定后直接回到订单，店里叫得出您的名字。", "Then you are on the page you asked for, greeted by name."),
        Hint("回来再点一次，这些都不会再出现。", "Come back and tap again: none of this shows any more."),
    )


def _unbroken(text: str) -> str:
    return text.replace(" ", "\N{NO-BREAK SPACE}")
