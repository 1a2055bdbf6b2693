"""Secrets: where they come from, which are too weak, and that they never show."""

import os
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)


def develop(folder: Any) -> None:
    folder.set("[server]", "[server]\ndevelopment = true")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ('"4f1c2b7a9d0e8c6b5a3f1e2d7c9b8a60"', "may not stand in this file"),
        ('{ env = "WECHAT_SECRET", file = "identity.pem" }', "must come from one place"),
        ("{}", "must come from one place"),
        ('{ fil = "x" }', "must come from one place"),
        ("{ file = 1 }", "must come from a named place"),
        ('{ env = "" }', "must come from a named place"),
        ("17", "must come from one place"),
        ('{ env = "UNSET" }', "the environment variable UNSET is not set"),
        ('{ env = "BLANK" }', "is empty"),
        ('{ file = "missing" }', "No such file"),
        ('{ file = "policies" }', "Is a directory"),
        ('{ file = "pipe" }', "is not a regular file"),
        ('{ file = "blank" }', "is empty"),
        ('{ file = "big" }', "larger than 64 KB"),
        ('{ file = "latin" }', "UTF-8"),
    ],
)
def test_references_that_lead_nowhere(folder: Any, written: str, message: str) -> None:
    """A secret has exactly one place, and something is there."""
    folder.env["BLANK"] = " "
    folder.write("blank", "\n")
    folder.write("big", "x" * 70_000)
    folder.write("latin", b"\xff" * 32)
    os.mkfifo(folder.path / "pipe")
    folder.set('{ env = "WECHAT_SECRET" }', written)
    problem = folder.problem()
    assert problem.key == "apps[0].secret"
    assert message in problem.message


def test_a_file_is_read_through_links_without_its_last_newline(folder: Any) -> None:
    """Symbolic links are followed; one newline at the end, LF or CRLF, is not part of the secret."""
    for name, ending in (("a", "\n"), ("b", "\r\n"), ("c", "")):
        folder.write(name, "0123456789abcdef0123456789abcdef" + ending)
        (folder.path / "link").unlink(missing_ok=True)
        (folder.path / "link").symlink_to(name)
        folder.text = folder.text.replace('{ env = "WECHAT_SECRET" }', '{ file = "link" }')
        assert folder.load().settings.apps[0].secret.get_secret_value() == "0123456789abcdef0123456789abcdef"


def test_a_file_that_all_can_read_is_a_warning(folder: Any) -> None:
    """Kubernetes mounts secrets so; group access is the operator's choice."""
    (folder.path / "cookie.key").chmod(0o644)
    (folder.path / "identity.pem").chmod(0o640)
    [warning] = folder.load().warnings
    assert "cookie.key" in warning
    assert "chmod" in warning


def test_inline_secrets_in_development(folder: Any) -> None:
    """Development allows a secret in the file."""
    develop(folder)
    folder.set('{ env = "WECHAT_SECRET" }', '"demo"')
    assert folder.load().settings.apps[0].secret.get_secret_value() == "demo"


@pytest.mark.parametrize(
    "secret", ["APPSECRET", "changeme", "your-app-secret", "secret", "0" * 32, "short1", "has space in it 1"]
)
def test_weak_app_secrets(folder: Any, secret: str) -> None:
    """Placeholders and what cannot be an AppSecret refuse to start."""
    folder.env["WECHAT_SECRET"] = secret
    assert folder.problem().key == "apps[0].secret"


@pytest.mark.parametrize("secret", ["APPSECRET", "changeme"])
def test_placeholders_are_refused_in_development_too(folder: Any, secret: str) -> None:
    """A placeholder works nowhere."""
    develop(folder)
    folder.env["WECHAT_SECRET"] = secret
    assert "placeholder" in folder.problem().message


@pytest.mark.parametrize(
    "key",
    [
        b"short",
        urlsafe_b64encode(bytes(32)),
        urlsafe_b64encode(bytes(range(32))),
        urlsafe_b64encode(b"changeme" * 4),
        urlsafe_b64encode(b"correct horse battery staple abc"),
        urlsafe_b64encode(bytes(range(9)) * 3 + b"12345"[:5])[:40],
        b"+" * 43,
        b"\xff" * 43,
    ],
)
def test_weak_cookie_keys(folder: Any, key: bytes) -> None:
    """A cookie key is 32 bytes that look random."""
    folder.write("cookie.key", key)
    problem = folder.problem()
    assert problem.key == "secrets.cookie_keys[0]"
    assert "gateway keys generate" in problem.message


@pytest.mark.parametrize("padding", ["", "=", "=\n"])
def test_cookie_keys_are_decoded(folder: Any, padding: str) -> None:
    """With or without padding and a newline."""
    key = bytes.fromhex("9f3c1b7ae25d804466f1c07be98a3d52d4170e6fb8a9c3125577eb01fd2c9948")
    folder.write("cookie.key", urlsafe_b64encode(key).decode().rstrip("=") + padding)
    assert folder.load().settings.secrets.cookie_keys[0].get_secret_value() == key


@pytest.mark.parametrize("token", ["short", "aaaaaaaaaaaaaaaaaaaaaaaa", "my-secret-token", "with spaces in the token"])
def test_weak_admin_tokens(folder: Any, token: str) -> None:
    """A token has at least 16 varied characters."""
    folder.env["TOKEN"] = token
    folder.text += '[admin]\ntokens = [{ env = "TOKEN" }]\n'
    assert folder.problem().key == "admin.tokens[0]"


RSA = generate_rsa(65537, 2048)
KEYS = {
    "ES256": generate_private_key(SECP256R1()),
    "EdDSA": Ed25519PrivateKey.generate(),
    "RS256": RSA,
}


@pytest.mark.parametrize("algorithm", list(KEYS))
@pytest.mark.parametrize("kind", list(KEYS))
def test_signing_keys_are_of_the_right_kind(
    folder: Any, make_pem: Callable[[object], bytes], algorithm: str, kind: str
) -> None:
    """Each algorithm takes its own kind of key and no other."""
    folder.write("identity.pem", make_pem(KEYS[kind]))
    folder.set("[identity]", f'[identity]\nalgorithm = "{algorithm}"')
    if algorithm == kind:
        [key] = folder.load().settings.identity.keys
        assert key.secret.get_secret_value() == make_pem(KEYS[kind]).rstrip(b"\n")
    else:
        problem = folder.problem()
        assert problem.key == "identity.keys[0]"
        assert algorithm in problem.message


@pytest.mark.parametrize(
    ("algorithm", "pem"),
    [
        ("ES256", b"not pem"),
        ("ES256", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"),
        (
            "ES256",
            KEYS["ES256"].private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()),
        ),
        ("ES256", KEYS["ES256"].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"x"))),
        (
            "ES256",
            generate_private_key(SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        ),
        ("RS256", generate_rsa(65537, 1024).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())),
        ("HS256", b"x" * 31),
        ("HS256", b"x" * 32),
    ],
)
def test_signing_keys_that_cannot_sign(folder: Any, algorithm: str, pem: bytes) -> None:
    """No PEM, broken, not PKCS#8, encrypted, another curve, too short: refused."""
    folder.write("identity.pem", pem)
    folder.set("[identity]", f'[identity]\nalgorithm = "{algorithm}"')
    assert folder.problem().key == "identity.keys[0]"


HS256 = "0123456789-abcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ('[{ env = "A" }]', None),
        ('[{ env = "A", audience = "legacy" }]', None),
        ('[{ env = "A", audience = "legacy" }, { env = "B", audience = "other" }]', None),
        ('[{ env = "A", audience = "other" }]', "identity.keys"),
        ('[{ env = "A", audience = "legacy" }, { env = "A", audience = "other" }]', "identity.keys[1]"),
        ('[{ env = "A", audience = "legacy" }, { env = "B", audience = "legacy" }]', "identity.keys[1]"),
        ('[{ env = "A", audience = "legacy" }, { env = "B" }]', "identity.keys[1]"),
        ('[{ env = "A", audience = 1 }]', "identity.keys[0]"),
    ],
)
def test_one_secret_an_audience(folder: Any, keys: str, key: str | None) -> None:
    """HS256: every audience in use has one secret of its own, that nobody shares."""
    folder.env |= {"A": HS256, "B": HS256[::-1]}
    folder.set('keys = [{ file = "identity.pem" }]', f'algorithm = "HS256"\nkeys = {keys}')
    if key is None:
        assert folder.load().settings.identity.algorithm == "HS256"
    else:
        assert folder.problem().key == key


def test_published_keys_are_for_everybody(folder: Any) -> None:
    """Only HS256 secrets belong to an audience; and no key is listed twice."""
    folder.set('[{ file = "identity.pem" }]', '[{ file = "identity.pem", audience = "a" }]')
    assert "only HS256" in folder.problem().message
    folder.set('[{ file = "identity.pem", audience = "a" }]', '[{ file = "identity.pem" }, { file = "identity.pem" }]')
    assert folder.problem().key == "identity.keys[1]"


def test_secrets_never_show(folder: Any) -> None:
    """Neither in the settings' text nor in a report."""
    develop(folder)
    canary = "canary-7d1f0a52c8b94e36"
    folder.set('{ env = "WECHAT_SECRET" }', f'"{canary}"')
    loaded = folder.load()
    cookie_key = loaded.settings.secrets.cookie_keys[0].get_secret_value()
    shown = repr(loaded) + str(loaded.settings) + str(loaded.settings.model_dump_json())
    assert canary not in shown
    assert repr(cookie_key) not in shown
    assert "PRIVATE KEY" not in shown
    folder.set("development = true", "development = false")
    folder.set("version = 1", "version = 3")
    assert canary not in " ".join(str(problem) for problem in folder.problems())
