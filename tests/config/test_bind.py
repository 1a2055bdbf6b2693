"""The [bind] table: each method has what it needs, and people can read what they must."""

from typing import Any

import pytest

SMS = """
[bind]
methods = ["password", "sms"]
[bind.sms]
sender = "http"
sender_url = "https://sms.example.com/send"
resolver_url = "http://127.0.0.1:9000/phone"
"""


def test_both_methods(folder: Any) -> None:
    """Password and SMS with their services."""
    folder.text += SMS
    bind = folder.load().settings.bind
    assert bind.methods == ("password", "sms")
    assert bind.sms.resolver == "http"
    assert (bind.sms.code_ttl, bind.sms.resend_after, bind.ticket_ttl) == (300, 60, 300)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('verifier = "http"\nurl = "http://127.0.0.1:9000/verify"', 'verifier = "http"', "bind.password.url"),
        ('verifier = "http"', 'verifier = "file"', "bind.password.file"),
        ('sender_url = "https://sms.example.com/send"', "", "bind.sms.sender_url"),
        ('resolver_url = "http://127.0.0.1:9000/phone"', "", "bind.sms.resolver_url"),
        ("https://sms.example.com/send", "sms.example.com", "bind.sms.sender_url"),
        ("https://sms.example.com/send", "https://u:p@sms.example.com/", "bind.sms.sender_url"),
        ('sender = "http"', 'sender = "aliyun"', "bind.sms.aliyun"),
        ('sender = "http"', 'sender = "tencent"', "bind.sms.tencent"),
        ('sender = "http"', 'sender = "smtp"', "bind.sms.sender"),
        ('sender = "http"', 'sender = "log"', "bind.sms.sender"),
        ('sender = "http"', 'sender = "http"\ncountries = ["CN", "XX"]', "bind.sms.countries[1]"),
        ('sender = "http"', 'sender = "http"\ncountries = ["CN", "CN"]', "bind.sms.countries"),
        ('sender = "http"', 'sender = "http"\ncountries = []', "bind.sms.countries"),
        ('sender = "http"', 'sender = "http"\ncodes_per_network = 59', "bind.sms.codes_per_network"),
        ('sender = "http"', 'sender = "http"\nsender_secret = { env = "WEAK" }', "bind.sms.sender_secret"),
        ('sender = "http"', 'sender = "http"\nresolver = "sql"', "bind.sms.sql"),
        ('sender = "http"', 'sender = "http"\nresolver = "file"', "bind.sms.resolver_file"),
        ('verifier = "http"', 'verifier = "sql"', "bind.password.sql"),
    ],
)
def test_services_are_whole(folder: Any, old: str, new: str, key: str) -> None:
    """Each choice needs its keys, as the message says."""
    folder.env["WEAK"] = "secret"
    folder.text += SMS
    folder.set(old, new)
    assert folder.problem().key == key


@pytest.mark.parametrize(("section", "message"), [("[bind.password]", "[bind.password]"), ("[bind.sms]", "[bind.sms]")])
def test_methods_have_their_tables(folder: Any, section: str, message: str) -> None:
    """A method that is offered is configured."""
    folder.text += SMS
    start = folder.text.index(section)
    end = folder.text.find("\n[", start)
    folder.text = folder.text[:start] + (folder.text[end:] if end > 0 else "")
    problem = folder.problem()
    assert problem.key == "bind.methods"
    assert message in problem.message


def test_bound_routes_need_a_way_to_bind(folder: Any) -> None:
    """Without one nobody could ever pass; where nobody needs to be bound, none is needed."""
    folder.set('[bind.password]\nverifier = "http"\nurl = "http://127.0.0.1:9000/verify"', "")
    problem = folder.problem()
    assert problem.key == "routes[0].policy"
    assert "[bind.password]" in problem.message
    folder.write("policies/page.toml", 'access = "wechat"')
    assert folder.load().settings.bind.password is None


def test_plain_http_to_another_machine_is_a_warning(folder: Any) -> None:
    """Passwords would travel readable."""
    folder.set("http://127.0.0.1:9000/verify", "http://legacy.internal/verify")
    [warning] = folder.load().warnings
    assert "bind.password.url" in warning


def test_a_missing_users_file_is_a_warning(folder: Any) -> None:
    """The file may be written later."""
    folder.set('verifier = "http"', 'verifier = "file"\nfile = "users.toml"')
    [warning] = folder.load().warnings
    assert str(folder.path / "users.toml") in warning
    folder.write("users.toml", "")
    assert folder.load().warnings == ()


def add_route(folder: Any, name: str, path: str, policy: str) -> None:
    folder.text += (
        f'[[routes]]\nid = "{name}"\npath = "{path}"\npolicy = "{policy}"\nupstream = "legacy"\naudience = "x"\n'
    )


@pytest.mark.parametrize("key", ["privacy_url", "register_url", "help_url"])
def test_pages_that_people_need_before_they_sign_in(folder: Any, key: str) -> None:
    """A page behind the login could never be read by those who need it."""
    folder.set("[bind.password]", f'[bind]\n{key} = "/open/privacy.html?x=1#top"\n[bind.password]')
    problem = folder.problem()
    assert problem.key == f"bind.{key}"
    assert "route 'app'" in problem.message
    add_route(folder, "open", "/open", "public")
    assert folder.load().settings.bind.methods == ("password",)


def test_pages_without_a_route(folder: Any) -> None:
    """A link of ours leads somewhere; the gateway's own pages and other sites are fine."""
    folder.set('id = "app"\n', 'id = "app"\npath = "/app"\n')
    folder.set("[bind.password]", '[bind]\nhelp_url = "/help"\n[bind.password]')
    assert "leads nowhere" in folder.problem().message
    folder.set('"/help"', '"/_gateway/me"')
    folder.load()
    folder.set('"/_gateway/me"', '"https://help.example.com/#top"')
    folder.load()


@pytest.mark.parametrize("url", ["//evil.example", "/\\\\evil", "help", "javascript:alert(1)", "/a b", "https://u@h/"])
def test_what_is_no_page(folder: Any, url: str) -> None:
    """Links stay on this site or are http(s) URLs."""
    folder.set("[bind.password]", f'[bind]\nhelp_url = "{url}"\n[bind.password]')
    assert folder.problem().key == "bind.help_url"


@pytest.mark.parametrize("table", ["[bind.password]", "[bind.sms]"])
def test_a_service_answers_within_30_seconds(folder: Any, table: str) -> None:
    """A person waits in front of the form."""
    folder.text += SMS
    folder.set(table, f'{table}\ntimeout = "30s"')
    folder.load()
    folder.set('timeout = "30s"', 'timeout = "30001ms"')
    problem = folder.problem()
    assert problem.key == f"{table[1:-1]}.timeout"
    assert '"30s"' in problem.message


NOTICE = """
[bind.notice]
controller = "Example Ltd."
contact = "privacy@example.com"
"""


def test_a_notice_speaks_one_language_or_several(folder: Any) -> None:
    """A text for all, or a table by language; what is left out is ours to say."""
    folder.text += NOTICE + 'purpose = "To know you."\nrights = { zh-Hans = "撤回", en = "Withdraw" }\n'
    notice = folder.load().settings.bind.notice
    assert notice.purpose == {"": "To know you."}
    assert notice.rights == {"zh-Hans": "撤回", "en": "Withdraw"}
    assert notice.data is None


@pytest.mark.parametrize(
    ("text", "key", "word"),
    [
        ('controller = "x"', "bind.notice.contact", "required"),
        (NOTICE + "purpose = 1", "bind.notice.purpose", "text"),
        (NOTICE + "purpose = {}", "bind.notice.purpose", "text"),
        (NOTICE + 'purpose = ""', "bind.notice.purpose", "say something"),
        (NOTICE + 'purpose = "a\\u0007b"', "bind.notice.purpose", "printable"),
        (NOTICE + 'purpose = { fr = "Pour" }', "bind.notice.purpose", "zh-Hans, zh-Hant, en"),
        (NOTICE + 'data = "' + "x" * 4001 + '"', "bind.notice.data", "4000"),
    ],
)
def test_a_notice_is_whole(folder: Any, text: str, key: str, word: str) -> None:
    """Who and how to reach them are required; texts say something, in languages of the pages."""
    folder.text += text if text.startswith("\n") else f"\n[bind.notice]\n{text}\n"
    problem = folder.problem()
    assert problem.key == key
    assert word in problem.message


def test_there_is_one_privacy_notice(folder: Any) -> None:
    """The gateway's own page and an address elsewhere would contradict each other."""
    folder.text += '\n[bind]\nprivacy_url = "https://example.com/privacy"' + NOTICE
    assert folder.problem().key == "bind.notice"


def test_a_hook_has_a_url(folder: Any) -> None:
    """`url` is required; the secret is random like every other."""
    folder.text += "\n[bind.hook]\n"
    assert folder.problem().key == "bind.hook.url"
    folder.text += 'url = "https://legacy.example.com/hook"\nsecret = { env = "WEAK" }\n'
    folder.env["WEAK"] = "secret"
    assert folder.problem().key == "bind.hook.secret"
    folder.text = folder.text.replace('secret = { env = "WEAK" }\n', "")
    assert folder.load().settings.bind.hook.timeout == 5.0


@pytest.mark.parametrize(("value", "right"), [("redirect", True), ("page", True), ("json", False)])
def test_success_is_a_redirect_or_a_page(folder: Any, value: str, right: bool) -> None:
    """Nothing else."""
    folder.text += f'\n[bind]\nsuccess = "{value}"\n'
    if right:
        assert folder.load().settings.bind.success == value
    else:
        assert folder.problem().key == "bind.success"


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("failures = 2", "failures"),
        ("delay_after = 0", "delay_after"),
        ('delay = "500ms"', "delay"),
        ('delay = "30s"\nmax_delay = "10s"', "max_delay"),
        ('lock = "59s"', "lock"),
        ('lock = "25h"', "lock"),
        ("failures = 60\nfailures_per_account = 59", "failures_per_account"),
        ("failures_per_wechat = 4", "failures_per_wechat"),
        ("failures_in_all = 99", "failures_in_all"),
        ('floor = "0ms"', "floor"),
        ('floor = "6s"', "floor"),
    ],
)
def test_locks_are_neither_sharp_nor_blunt(folder: Any, line: str, key: str) -> None:
    """No value locks people out for a slip of the finger, for ever, or not at all."""
    folder.text += f"\n[bind.lockout]\n{line}\n"
    problem = folder.problem()
    assert problem.key == f"bind.lockout.{key}"


def test_locks_are_on_without_a_table(folder: Any) -> None:
    """The defaults protect who configures nothing."""
    lockout = folder.load().settings.bind.lockout
    assert (lockout.failures, lockout.delay_after, lockout.delay, lockout.max_delay, lockout.lock) == (
        10,
        6,
        1,
        60,
        1800,
    )
    assert (lockout.failures_per_account, lockout.failures_per_wechat, lockout.failures_in_all) == (50, 30, 10_000)
    assert lockout.floor == 0.3
