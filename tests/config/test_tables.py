"""The tables of gateway.toml: defaults, and what each key refuses."""

import ipaddress
from typing import Any

import pytest

from gateway.config import Tcp, Unix


def develop(folder: Any) -> None:
    folder.set("[server]", "[server]\ndevelopment = true")


def test_defaults(folder: Any) -> None:
    """What may be left out has a sensible value; paths and urls are absolute."""
    loaded = folder.load()
    settings = loaded.settings
    assert settings.server.listen == (Tcp("127.0.0.1", 8080),)
    assert settings.server.admin == Tcp("127.0.0.1", 8081)
    assert settings.server.secure
    assert settings.server.policies == folder.path / "policies"
    assert settings.state.url == f"sqlite:{folder.path}/data/state.db"
    assert settings.bindings.url == f"sqlite:{folder.path}/data/bindings.db"
    assert (settings.session.idle, settings.session.absolute) == (7 * 86400, 30 * 86400)
    assert settings.apps[0].hosts == ("app.example.com",)
    assert settings.apps[0].authorize_base == "https://open.weixin.qq.com"
    assert settings.identity.issuer == "https://app.example.com"
    assert settings.upstreams[0].servers == (Tcp("127.0.0.1", 9000),)
    assert loaded.warnings == ()


def test_settings_do_not_change(folder: Any) -> None:
    """Settings are frozen, lists are tuples."""
    settings = folder.load().settings
    with pytest.raises(ValueError, match="frozen"):
        settings.server.prefix = "/x"
    assert isinstance(settings.routes, tuple)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:0", Tcp("127.0.0.1", 0)),
        ("[::1]:8080", Tcp("::1", 8080)),
        ("[0:0::1]:8080", Tcp("::1", 8080)),
        ("0.0.0.0:80", Tcp("0.0.0.0", 80)),
        ("localhost:8080", Tcp("localhost", 8080)),
    ],
)
def test_listen_addresses(folder: Any, text: str, address: Tcp) -> None:
    """IPv4, IPv6 in brackets, localhost."""
    folder.set("[server]", f'[server]\nlisten = ["{text}"]')
    assert folder.load().settings.server.listen == (address,)


def test_unix_sockets(folder: Any) -> None:
    """Relative ones start at the configuration's folder."""
    folder.set("[server]", '[server]\nlisten = ["unix:gateway.sock", "unix:/run/gateway.sock"]')
    assert [str(it) for it in folder.load().settings.server.listen] == [
        f"unix:{folder.path}/gateway.sock",
        "unix:/run/gateway.sock",
    ]
    assert Unix(folder.path).loopback


@pytest.mark.parametrize(
    "text",
    ["", ":8080", "8080", "127.0.0.1", "::1:8080", "[::1]", "example.com:80", "1.2.3.4:65536", "1.2.3:1", "unix:"],
)
def test_what_is_no_address(folder: Any, text: str) -> None:
    """Everything else is refused."""
    folder.set("[server]", f'[server]\nlisten = ["{text}"]')
    assert folder.problem().key == "server.listen[0]"


def test_listeners_do_not_collide(folder: Any) -> None:
    """Each needs an address of its own; port 0 is a new one each time."""
    folder.set("[server]", '[server]\nlisten = ["127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:8081"]')
    assert folder.problem().key == "server.admin"


@pytest.mark.parametrize("table", ['listen = ["0.0.0.0:8080"]', 'admin = "192.0.2.1:8081"', 'listen = ["[::]:1"]'])
def test_development_is_on_loopback_only(folder: Any, table: str) -> None:
    """What allows plain http must not be reachable."""
    develop(folder)
    folder.set("development = true", f"development = true\n{table}")
    assert "loopback" in folder.problem().message


def test_development_allows_plain_http_and_says_so(folder: Any) -> None:
    """The simulator speaks plain http; every start warns."""
    develop(folder)
    folder.set("https://app.example.com", "http://127.0.0.1:8080")
    folder.set(
        'id = "main"', 'id = "main"\nauthorize_base = "http://127.0.0.1:8090/"\napi_base = "http://[::1]:8090/x/"'
    )
    loaded = folder.load()
    assert not loaded.settings.server.secure
    assert loaded.settings.apps[0].authorize_base == "http://127.0.0.1:8090"
    assert loaded.settings.apps[0].api_base == "http://[::1]:8090/x"
    assert loaded.settings.apps[0].hosts == ("127.0.0.1",)
    assert any("server.development is true" in warning for warning in loaded.warnings)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('public_url = "https:', 'public_url = "http:', "server.public_url"),
        ('id = "main"', 'id = "main"\napi_base = "http://127.0.0.1:8090"', "apps[0].api_base"),
        ('id = "main"', 'id = "main"\nauthorize_base = "http://127.0.0.1:8090"', "apps[0].authorize_base"),
    ],
)
def test_plain_http_outside_development(folder: Any, old: str, new: str, key: str) -> None:
    """What people and secrets travel over is https."""
    folder.set(old, new)
    problem = folder.problem()
    assert problem.key == key
    assert "must be https" in problem.message


def test_log_sender_outside_development(folder: Any) -> None:
    """Codes are never written to a log that matters."""
    folder.text += '[bind]\nmethods = ["sms"]\n[bind.sms]\nsender = "log"\nresolver_url = "http://127.0.0.1/p"\n'
    problem = folder.problem()
    assert problem.key == "bind.sms.sender"
    assert "server.development" in problem.message


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://App.Example.com/", "https://app.example.com"),
        ("https://app.example.com:443", "https://app.example.com"),
        ("https://app.example.com:8443", "https://app.example.com:8443"),
        ("https://[2001:db8::1]", "https://[2001:db8::1]"),
    ],
)
def test_public_url_is_an_origin_in_one_spelling(folder: Any, text: str, url: str) -> None:
    """Lower case, no default port, no slash."""
    folder.set("https://app.example.com", text)
    settings = folder.load().settings
    assert settings.server.public_url == url
    assert settings.identity.issuer == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "app.example.com",
        "ftp://a",
        "https://",
        "https://a/b",
        "https://a?b",
        "https://a?",
        "https://a#",
        "https://u:p@a",
        "https://a:0",
        "https://a:99999",
        "https://a b",
        "https://a\\\\b",
        "https://例子.cn",
        "https://[::1",
    ],
)
def test_what_is_no_public_url(folder: Any, url: str) -> None:
    """Paths, queries, credentials and broken URLs are refused."""
    folder.set("https://app.example.com", url)
    assert "server.public_url" in [problem.key for problem in folder.problems()]


@pytest.mark.parametrize("prefix", ["", "/", "gateway", "/a/", "/a//b", "/../a", "/a%20", "= /a"])
def test_what_is_no_prefix(folder: Any, prefix: str) -> None:
    """The prefix is a clean path of its own."""
    folder.set("[server]", f'[server]\nprefix = "{prefix}"')
    assert folder.problem().key == "server.prefix"


def test_trusted_proxies(folder: Any) -> None:
    """Networks and single addresses are named; everybody is not a proxy."""
    folder.set("[server]", '[server]\ntrusted_proxies = ["10.0.0.0/8", "::1"]')
    assert folder.load().settings.server.trusted_proxies == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("::1/128"),
    )
    folder.set('"10.0.0.0/8", "::1"', '"0.0.0.0/0", "::/0", "10.0.0.1/8", "proxy"')
    assert [problem.key for problem in folder.problems()] == [f"server.trusted_proxies[{index}]" for index in range(4)]


def test_an_open_admin_listener_is_a_warning(folder: Any) -> None:
    """Containers need it; the operator must know."""
    folder.set("[server]", '[server]\nadmin = "0.0.0.0:8081"')
    [warning] = folder.load().warnings
    assert "server.admin" in warning


def test_admin_tokens_are_a_warning(folder: Any) -> None:
    """They open nothing yet, and nobody should wait for them to."""
    folder.write("admin.token", "kT3vQ9xWb2LrZ8nHc5YdM1sG")
    folder.set("[server]", '[admin]\ntokens = [{ file = "admin.token" }]\n[server]')
    [warning] = folder.load().warnings
    assert warning.startswith("admin.tokens: ")


@pytest.mark.parametrize(
    ("app_id", "message"),
    [
        ("wx520c15f417810387", "is the documentation's example"),
        ("wx4A1C9E07B2D35F68", "is not like WeChat's AppIDs"),
        ("gh_4a1c9e07b2d3", "is not like WeChat's AppIDs"),
    ],
)
def test_an_app_id_that_cannot_be_yours_is_a_warning(folder: Any, app_id: str, message: str) -> None:
    """A copied example, and another number of WeChat's console, are told at the start and not by the first visitor."""
    folder.set("wx4a1c9e07b2d35f68", app_id)
    [warning] = folder.load().warnings
    assert warning.startswith(f"apps[0].app_id: {app_id} {message}")


@pytest.mark.parametrize(
    "url", ["sqlite:", "data/x.db", "sqlite::memory:", "sqlite://host/x.db", "sqlite:x.db?mode=ro", "mongodb://h"]
)
def test_what_is_no_database(folder: Any, url: str) -> None:
    """A database is a file that lasts."""
    folder.text = f'bindings.url = "{url}"\n' + folder.text
    assert folder.problem().key == "bindings.url"


def test_databases_are_two_files(folder: Any) -> None:
    """State may be lost, bindings may not: they do not share a file, however it is spelled."""
    folder.text = f'bindings.url = "sqlite:x.db"\nstate.url = "sqlite://{folder.path}/x.db"\n' + folder.text
    assert folder.problem().key == "state.url"


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("session = { idle = '31d' }", "session.idle"),
        ("session = { idle = '2h', absolute = '1h' }", "session.idle"),
        ("bindings = { cache_ttl = '61s' }", "bindings.cache_ttl"),
        ("bindings = { per_user = -1 }", "bindings.per_user"),
        ("bindings = { on_conflict = 'merge' }", "bindings.on_conflict"),
        ("bind.ticket_ttl = '16m'", "bind.ticket_ttl"),
        ("bind.failures_per_address = 59", "bind.failures_per_address"),
        ("bind.methods = []", "bind.methods"),
        ("bind.methods = ['password', 'password']", "bind.methods"),
        ("bind.methods = ['face']", "bind.methods[0]"),
        ("identity.ttl = '301s'", "identity.ttl"),
        ("identity.algorithm = 'none'", "identity.algorithm"),
        ("log.level = 'loud'", "log.level"),
        ("limits.head_timeout = '0s'", "limits.head_timeout"),
        ("server.drain_timeout = '1ms'", "server.drain_timeout"),
    ],
)
def test_bounds(folder: Any, table: str, key: str) -> None:
    """Durations, counts and choices have bounds."""
    name = table.partition(".")[0]
    if f"[{name}]" in folder.text:
        folder.set(f"[{name}]", f"[{name}]\n{table.partition('.')[2]}")
    else:
        folder.text = f"{table}\n{folder.text}"
    assert folder.problem().key == key


@pytest.mark.parametrize(
    "header",
    [
        *("X User", "", "1X", "用户", "Host", "cookie", "Set_Cookie", "Authorization", "Connection", "TE", "Sec-X"),
        *("Content-Length", "transfer_encoding", "Upgrade", "Forwarded", "X-Forwarded-For", "X_Real_IP", "Proxy-X"),
    ],
)
def test_headers_that_cannot_carry_identity(folder: Any, header: str) -> None:
    """A header with a meaning of its own is not for identity, in no spelling."""
    folder.set("[identity]", f'[identity]\nheader = "{header}"')
    assert folder.problem().key == "identity.header"


def test_apps_do_not_share_hosts(folder: Any) -> None:
    """A host logs in through one app; leaving hosts out means public_url's."""
    second = '[[apps]]\nid = "second"\napp_id = "wx0f1e2d3c4b5a6978"\nsecret = { env = "WECHAT_SECRET" }\n'
    folder.text += second
    assert folder.problem().key == "apps[1].hosts"
    folder.text += 'hosts = ["B.example.com", "app.example.com:8443"]\n'
    assert folder.load().settings.apps[1].hosts == ("b.example.com", "app.example.com:8443")


def test_a_public_url_without_app_is_a_warning(folder: Any) -> None:
    """Nobody could log in where the world is sent."""
    folder.set('id = "main"', 'id = "main"\nhosts = ["other.example.com"]')
    [warning] = folder.load().warnings
    assert "app.example.com" in warning


@pytest.mark.parametrize(
    "files", ['{ "../x" = "a" }', '{ "MP_verify_a.html" = "a" }', '{ "MP_verify_a.txt" = "two\\nlines" }']
)
def test_domain_files(folder: Any, files: str) -> None:
    """Only WeChat's own names are served at the root."""
    folder.set('id = "main"', f'id = "main"\ndomain_verification = {files}')
    assert folder.problem().key == "apps[0].domain_verification"


@pytest.mark.parametrize("name", ["apps", "upstreams", "routes"])
def test_ids_are_unique(folder: Any, name: str) -> None:
    """Each table of a kind has an id of its own."""
    start = folder.text.index(f"[[{name}]]")
    table = folder.text[start:].split("\n[", 1)[0]
    folder.text = f"{folder.text}\n{table}\n"
    assert f"{name}[1].id" in [problem.key for problem in folder.problems()]


def test_wechat_answers_within_6_seconds(folder: Any) -> None:
    """Copies of a callback wait no longer for the one that exchanges the code."""
    folder.set('id = "main"', 'id = "main"\ntimeout = "6s"')
    assert folder.load().settings.apps[0].timeout == 6
    folder.set('timeout = "6s"', 'timeout = "6001ms"')
    problem = folder.problem()
    assert problem.key == "apps[0].timeout"
    assert '"6s"' in problem.message
