"""From settings to what browsers outside WeChat get."""

from collections.abc import Mapping

from gateway.config import Settings
from gateway.config.outside import WEBSITE, website_of
from gateway.core.outside import Outside


def outside_of(settings: Settings) -> Mapping[str, Outside]:
    """By app. A website app's login page is WeChat's own, made for such browsers."""
    return {app.id: Outside.WECHAT if app.provider == WEBSITE else Outside(app.outside) for app in settings.apps}


def websites_of(settings: Settings) -> Mapping[str, str]:
    """By app: the website app that stands in for it."""
    return {app.id: website for app in settings.apps if (website := website_of(app))}
