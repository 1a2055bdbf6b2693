"""Which browser a user agent names, in the order in which they hold each other's words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.outside import Client, client_of, may_be_wechat

AGENTS = [
    (
        "Mozilla/5.0 (Linux; Android 13; 23049RAD8C Build/TKQ1.221114.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Version/4.0 Chrome/116.0.0.0 Mobile Safari/537.36 XWEB/1160083 MMWEBSDK/20230303 MMWEBID/4466 "
        "MicroMessenger/8.0.34.2340(0x2800225F) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64",
        Client.WECHAT_PHONE,
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 16_5_1 like Mac OS X) Mobile/15E148 MicroMessenger/8.0.50",
        Client.WECHAT_PHONE,
    ),
    ("Mozilla/5.0 (iPhone) MicroMessenger/8.0.50(0x18003234) miniProgram/wx7696c66d2245d107", Client.MINI_PROGRAM),
    ("Mozilla/5.0 (Linux; Android 13) MicroMessenger/8.0.34 WeChat/arm64 MiniProgramEnv/android", Client.MINI_PROGRAM),
    (
        "Mozilla/5.0 (Windows NT 10.0) Chrome/132.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781 "
        "WindowsWechat(0x63090a13) UnifiedPCWindowsWechat(0xf2541022) XWEB/16467 Flue",
        Client.WECHAT_WINDOWS,
    ),
    (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        "MicroMessenger/6.8.0(0x16080000) MacWechat/3.3(0x13030013) NetType/WIFI WindowsWechat",
        Client.WECHAT_MAC,
    ),
    (
        "Mozilla/5.0 (Macintosh) MacWechat/3.8.7(0x13080712) UnifiedPCMacWechat(0xf2641c1d) XWEB/25300",
        Client.WECHAT_MAC,
    ),
    ("Mozilla/5.0 (X11; Linux x86_64) Chrome/132.0 UnifiedPCLinuxWechat(0xf2640814) XWEB/13639", Client.WECHAT_LINUX),
    ("wechatdevtools/1.06.2304272 MicroMessenger/8.0.5", Client.WECHAT_PHONE),
    ("Mozilla/5.0 (iPhone) Mobile/15E148 wxwork/4.1.30 MicroMessenger/7.0.1 Language/zh wwmver/3.26", Client.WECOM),
    ("Mozilla/5.0 (Windows NT 10.0) Language/zh wxwork/4.1.10 (MicroMessenger/6.2) WindowsWechat", Client.WECOM),
    ("Mozilla/5.0 (Linux; Android 13) wxworklocal/2.6 MicroMessenger/7.0.1", Client.WECOM),
    ("Mozilla/5.0 (Linux; Android 13; Pixel 7) Chrome/140.0.0.0 Mobile Safari/537.36", Client.OTHER_PHONE),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1",
        Client.OTHER_PHONE,
    ),
    ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) Chrome/140.0.0.0 Safari/537.36", Client.OTHER),
    ("curl/8.5.0", Client.UNKNOWN),
    ("", Client.UNKNOWN),
]


@pytest.mark.parametrize(("agent", "client"), AGENTS)
def test_client_of(agent: str, client: Client) -> None:
    """Documented user agents; WeCom and old WeChat for Mac hold the words of others and are asked for first."""
    assert client_of(agent) is client


@pytest.mark.parametrize(("agent", "client"), AGENTS)
def test_may_be_wechat(agent: str, client: Client) -> None:
    """Unless it plainly is another browser, or WeCom, which has apps of its own: what is odd goes to WeChat."""
    assert may_be_wechat(agent) is (client not in (Client.WECOM, Client.OTHER, Client.OTHER_PHONE))


@given(st.text(max_size=3000))
def test_any_text_is_some_client(agent: str) -> None:
    """Whatever is sent, there is an answer, and only the first 1024 characters count."""
    assert client_of(agent) is client_of(agent[:1024])
