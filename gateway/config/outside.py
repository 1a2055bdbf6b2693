"""What an app says about browsers outside WeChat, held against the other apps."""

from collections.abc import Iterable, Iterator
from typing import Any

from gateway.core.outside import Outside

from .addresses import host_of
from .apps import App

WEBSITE = "wechat_website"


def hosts_of(app: App, public_url: str) -> tuple[str, ...]:
    """The hosts that log in through `app`. A website app has none unless it lists them: others send people to it."""
    return app.hosts or (() if app.provider == WEBSITE else (host_of(public_url),))


def website_of(app: App) -> str | None:
    """The app of the website login that stands in for `app` outside WeChat."""
    return app.outside_app if app.outside == Outside.WEBSITE.value else None


def check_outside(app: App, tables: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Key and message of what does not fit. `tables`: all of [[apps]], right or wrong."""
    if app.provider == WEBSITE:
        for key in ("scope", "outside", "outside_app"):
            if key in app.model_fields_set:
                yield key, "means nothing for the website login, which has a scope and a page of its own: leave it out"
        return
    if app.outside != Outside.WEBSITE.value:
        if app.outside_app is not None:
            yield "outside_app", f'is for outside = "{WEBSITE}": leave it out'
        return
    if app.outside_app is None:
        yield "outside_app", f'is required with outside = "{WEBSITE}": the id of the app that has this provider'
        return
    providers = {raw.get("id"): raw.get("provider") for raw in tables if isinstance(raw, dict)}
    if providers.get(app.outside_app) != WEBSITE:
        yield (
            "outside_app",
            f'{app.outside_app!r} is no app with provider = "{WEBSITE}": write an [[apps]] table for it',
        )
