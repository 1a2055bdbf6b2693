"""WeChat's login for websites: a QR code on WeChat's own page, for browsers that are not WeChat's.

Source: WeChat's "Website application login" (developers.weixin.qq.com/doc/oplatform, Website_App/WeChat_Login). The app
is one of the Open Platform, with an AppID, an AppSecret and OpenIds of its own; its codes live ten minutes.
"""

from urllib.parse import quote

from .wechat import WeChat

SCOPE = "snsapi_login"


def qrconnect_url(base: str, app_id: str, redirect_uri: str, state: str) -> str:
    """The page that shows the code, its parameters in the documented order."""
    return (
        f"{base.rstrip('/')}/connect/qrconnect?appid={app_id}&redirect_uri={quote(redirect_uri, safe='')}"
        f"&response_type=code&scope={SCOPE}&state={state}#wechat_redirect"
    )


class WeChatWebsite(WeChat):
    """A website app (a Provider): another page to send browsers to, the same exchange of codes."""

    def authorize_url(self, redirect_uri: str, state: str) -> str:
        """Where to send a browser."""
        return qrconnect_url(self._authorize_base, self._app_id, redirect_uri, state)
