"""[bind.password.ldap] and [bind.password.form]: what is right loads, what is wrong is told."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config import Tcp
from gateway.config.addresses import Unix

HTTP = 'verifier = "http"\nurl = "http://127.0.0.1:9000/verify"\n'
LDAP = """verifier = "ldap"
[bind.password.ldap]
urls = ["ldaps://ldap.corp.example"]
base = "dc=corp,dc=example"
bind_dn = "cn=gateway"
bind_password = { env = "LDAP" }
"""
FORM = """verifier = "form"
[bind.password.form]
url = "https://legacy.example.com/login"
post_url = "/do"
success = { status = [302] }
failure = { status = ["200-299"], text = "wrong" }
profile = { user_id = 'id=([0-9]+)' }
"""


@pytest.fixture
def ldap(folder: Any) -> Any:
    folder.env["LDAP"] = "a directory's password"
    folder.set(HTTP, LDAP)
    return folder


@pytest.fixture
def form(folder: Any) -> Any:
    folder.set(HTTP, FORM)
    return folder


def test_a_directory(ldap: Any) -> None:
    """Servers of each kind, each with its own port."""
    ldap.set(
        '"ldaps://ldap.corp.example"', '"ldaps://LDAP.corp.example", "ldap://127.0.0.1:1389", "ldapi://%2Frun%2Fx"'
    )
    ldap.set("base =", 'claims = { name = "cn", groups = ["memberOf"] }\nbase =')
    table = ldap.load().settings.bind.password.ldap
    assert table.urls == (Tcp("ldap.corp.example", 636), Tcp("127.0.0.1", 1389), Unix(Path("/run/x")))
    assert [url.tls for url in table.urls[:2]] == [True, False]
    assert table.claims == {"name": "cn", "groups": ("memberOf",)}
    assert table.bind_password.get_secret_value() == "a directory's password"
    assert "a directory's password" not in repr(table)


@pytest.mark.parametrize(
    ("old", "new", "key", "word"),
    [
        ("ldaps://ldap.corp.example", "ldap://ldap.corp.example", "urls", "would send passwords readable"),
        ("ldaps://ldap.corp.example", "https://ldap.corp.example", "urls[0]", "is no directory"),
        ("ldaps://ldap.corp.example", "ldaps://h/dc=x??sub", "urls[0]", "is no directory"),
        ("ldaps://ldap.corp.example", "ldaps://u@h", "urls[0]", "is no directory"),
        ("ldaps://ldap.corp.example", "ldaps://h:0", "urls[0]", "has no port"),
        ("ldaps://ldap.corp.example", "ldapi:///run/slapd", "urls[0]", "is no directory"),
        ('["ldaps://ldap.corp.example"]', "[]", "urls", "write at least one"),
        ("base =", "start_tls = true\nbase =", "urls", "needs no StartTLS"),
        ('base = "dc=corp,dc=example"\n', "", "base", "is required"),
        ("base =", 'filter = "uid={username}"\nbase =', "filter", "needs a ("),
        ("base =", 'filter = "(uid=x)"\nbase =', "filter", "does not contain {username}"),
        ("base =", "filter = 1\nbase =", "filter", "must be a string"),
        ("base =", 'scope = "base"\nbase =', "scope", "subtree"),
        ("base =", 'bind_as = "admin"\nbase =', "bind_as", "does not contain {username}"),
        ("base =", 'bind_as = "{username}@c"\nbase =', "bind_as", "takes the place of bind_dn"),
        ('bind_password = { env = "LDAP" }\n', "", "bind_password", "set both or neither"),
        ('bind_dn = "cn=gateway"\n', "", "bind_password", "set both or neither"),
        ("base =", 'user_id = "a b"\nbase =', "user_id", "an attribute's name"),
        ("base =", 'claims = { groups = ["a", "b"] }\nbase =', "claims.groups", "must be one attribute"),
        ("base =", 'claims = { name = "a b" }\nbase =', "claims.name", "must be one attribute"),
        ("base =", "claims = { name = 1 }\nbase =", "claims.name", "must be one attribute"),
        ("base =", 'timeout = "31s"\nbase =', "timeout", '"30s"'),
        ("base =", 'tls = { ca = "none.pem" }\nbase =', "tls.ca", "cannot be read"),
    ],
)
def test_what_is_wrong_with_a_directory(ldap: Any, old: str, new: str, key: str, word: str) -> None:
    """With the key and what would be right."""
    ldap.set(old, new)
    problem = ldap.problem()
    assert problem.key == f"bind.password.ldap.{key}"
    assert word in problem.message


def test_start_tls_guards_plain_connections(ldap: Any) -> None:
    """And TLS without anybody to speak it to is told."""
    ldap.set("ldaps://ldap.corp.example", "ldap://ldap.corp.example")
    ldap.set("base =", "start_tls = true\nbase =")
    assert ldap.load().settings.bind.password.ldap.start_tls
    ldap.set("start_tls = true", "tls = {}")
    ldap.set("ldap://ldap.corp.example", "ldap://127.0.0.1")
    assert "means nothing without ldaps://" in ldap.problem().message


def test_a_login_form(form: Any) -> None:
    """The smallest one, and what it has without being told."""
    table = form.load().settings.bind.password.form
    assert (table.username_field, table.password_field, table.names) == ("username", "password", "as_typed")
    assert table.failure.status == (range(200, 300),)
    assert table.timeout == 10


@pytest.mark.parametrize(
    ("old", "new", "key", "word"),
    [
        ("https://legacy", "http://legacy", "url", "would send passwords readable"),
        ("https://legacy.example.com/login", "ftp://h/", "url", "http"),
        ('"/do"', '"//evil.example"', "post_url", "a path on the form's own site"),
        ('"/do"', '"https://evil.example/"', "post_url", "a path on the form's own site"),
        ("success = { status = [302] }", "success = {}", "success", "needs something that is there"),
        (
            "success = { status = [302] }",
            'success = { without_text = "x" }',
            "success",
            "needs something that is there",
        ),
        (
            "success = { status = [302] }",
            'success = { location = "(" }',
            "success.location",
            "is no regular expression",
        ),
        ("success = { status = [302] }\n", "", "success", "is required"),
        ('["200-299"], text = "wrong"', "[302]", "failure", "is the same as success"),
        ("'id=([0-9]+)'", "'id=[0-9]+'", "profile.user_id", "needs one group"),
        ("'id=([0-9]+)'", "'(a)(b)'", "profile.user_id", "needs one group"),
        ("'id=([0-9]+)'", "'('", "profile.user_id", "is no regular expression"),
        ("'id=([0-9]+)'", "'(a)', claims = { n = 'b' }", "profile.claims", "needs one group"),
        ("post_url", 'charset = "klingon"\npost_url', "charset", "no character encoding"),
        ("post_url", 'token_cookie = "a"\npost_url', "token_field", "where token_cookie goes"),
        ("post_url", 'token_header = "X-A"\npost_url', "token_field", "where token_cookie goes"),
        ("post_url", 'token_cookie = "a"\ntoken_header = "X A"\npost_url', "token_header", "the name of a header"),
    ],
)
def test_what_is_wrong_with_a_form(form: Any, old: str, new: str, key: str, word: str) -> None:
    """With the key and what would be right."""
    form.set(old, new)
    problems = [each for each in form.problems() if each.key == f"bind.password.form.{key}"]
    assert len(problems) == 1, form.problems()
    assert word in problems[0].message


def test_tls_to_a_form_without_it(form: Any) -> None:
    """Plain http is for loopback, where TLS means nothing."""
    form.set("https://legacy.example.com/login", "http://127.0.0.1:9000/login")
    form.load()
    form.set("post_url", "tls = {}\npost_url")
    assert "means nothing without https" in form.problem().message


@pytest.mark.parametrize("name", ["ldap", "form", "sql"])
def test_a_verifier_needs_its_table(folder: Any, name: str) -> None:
    """As the message says."""
    folder.set(HTTP, f'verifier = "{name}"\n')
    problem = folder.problem()
    assert problem.key == f"bind.password.{name}"
    assert problem.message == f'is required by verifier = "{name}": write a table [bind.password.{name}]'
