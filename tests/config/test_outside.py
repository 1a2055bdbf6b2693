"""What an app may say about browsers outside WeChat."""

from typing import Any

import pytest

SITE = """
[[apps]]
id = "site"
provider = "wechat_website"
app_id = "wx7d0b3a95c61e82f4"
secret = { env = "WECHAT_SECRET" }
"""
NAMED = 'outside = "wechat_website"\noutside_app = "site"\n'


def with_app(folder: Any, keys: str = "", tables: str = "") -> None:
    """Add keys to the app, tables behind all."""
    folder.set('id = "main"\n', f'id = "main"\n{keys}')
    folder.text += tables


def test_the_default_is_a_code(folder: Any) -> None:
    """Who says nothing gets a page that helps."""
    (app,) = folder.load().settings.apps
    assert (app.outside, app.outside_app) == ("qr", None)


def test_in_development_any_browser_plays_the_phone(folder: Any) -> None:
    """Unless the app says something else."""
    folder.set("[server]\n", "[server]\ndevelopment = true\n")
    assert folder.load().settings.apps[0].outside == "wechat"
    with_app(folder, 'outside = "qr"\n')
    assert folder.load().settings.apps[0].outside == "qr"


@pytest.mark.parametrize("outside", ["qr", "handover", "refuse", "wechat"])
def test_the_words(folder: Any, outside: str) -> None:
    """Each is taken as it is."""
    with_app(folder, f'outside = "{outside}"\n')
    assert folder.load().settings.apps[0].outside == outside


def test_the_website_login_is_another_app(folder: Any) -> None:
    """It needs no hosts, and warns about the one thing that surprises."""
    with_app(folder, NAMED, SITE)
    loaded = folder.load()
    assert [(app.id, app.hosts) for app in loaded.settings.apps] == [("main", ("app.example.com",)), ("site", ())]
    assert [warning.partition(":")[0] for warning in loaded.warnings] == ["bindings.per_user = 1"]
    folder.text += "[bindings]\nper_user = 2\n"
    assert folder.load().warnings == ()


@pytest.mark.parametrize(
    ("keys", "tables", "key", "part"),
    [
        ('outside = "qrcode"\n', "", "apps[0].outside", "must be 'qr' or 'handover'"),
        ('outside = "wechat_website"\n', "", "apps[0].outside_app", "is required"),
        (NAMED, "", "apps[0].outside_app", "is no app with provider"),
        (NAMED.replace('"site"', '"main"'), "", "apps[0].outside_app", "is no app with provider"),
        ('outside_app = "site"\n', SITE, "apps[0].outside_app", "leave it out"),
        (NAMED, SITE + 'scope = "snsapi_userinfo"\n', "apps[1].scope", "means nothing"),
        (NAMED, SITE + 'outside = "qr"\n', "apps[1].outside", "means nothing"),
    ],
)
def test_what_does_not_fit(folder: Any, keys: str, tables: str, key: str, part: str) -> None:
    """One problem, at its key, with what would be right."""
    with_app(folder, keys, tables)
    problem = folder.problem()
    assert problem.key == key
    assert part in problem.message


def test_a_website_app_that_nobody_names(folder: Any) -> None:
    """Allowed, with hosts of its own or without; without, a warning."""
    with_app(folder, "", SITE)
    assert [warning.partition(":")[0] for warning in folder.load().warnings] == ["apps[1]"]
    folder.text += 'hosts = ["desk.example.com"]\n'
    assert folder.load().warnings == ()


def test_a_policy_refuses_handed_over_sessions(folder: Any) -> None:
    """`handover = false` reaches the rule book; on a public page it means nothing."""
    assert folder.load().policies["page"].handover is True
    folder.write("policies/page.toml", 'access = "bound"\nhandover = false\n')
    assert folder.load().policies["page"].handover is False
    folder.write("policies/page.toml", 'access = "public"\nhandover = false\n')
    assert folder.problem().key == "handover"
