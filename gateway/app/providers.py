"""From [[apps]] to who calls WeChat for each. Starts nothing."""

from collections.abc import Mapping

from gateway.config import Settings
from gateway.config.outside import WEBSITE
from gateway.telemetry.metrics import Metrics
from gateway.wechat.interface import Provider
from gateway.wechat.website import WeChatWebsite
from gateway.wechat.wechat import WeChat


def providers_of(settings: Settings, metrics: Metrics) -> Mapping[str, Provider]:
    """By app."""
    return {
        app.id: (WeChatWebsite if app.provider == WEBSITE else WeChat)(
            app.id,
            app.app_id,
            app.secret.get_secret_value(),
            app.scope,
            app.authorize_base,
            app.api_base,
            timeout=app.timeout,
            on_call=metrics.wechat_call,
        )
        for app in settings.apps
    }
