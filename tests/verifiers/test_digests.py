"""Digests that do not say their format: the layouts of legacy systems, each as its own code makes them."""

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.verifiers.hashes import DigestRules, HashUnusable, read_hash

PASSWORD, SALT = "密码 pass", "x9!k"
P, S = PASSWORD.encode(), SALT.encode()


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


# how the system makes it, and the rules that read it: (stored, column of the salt, rules)
SYSTEMS = {
    "plain MD5": (md5(P), None, DigestRules("md5")),
    "plain MD5 in capitals": (md5(P).upper(), None, DigestRules("md5")),
    "old ASP: the middle 16 digits": (md5(P)[8:24], None, DigestRules("md5", encoding="hex16")),
    "Discuz, ECShop: md5(md5(p) + salt)": (md5(md5(P).encode() + S), SALT, DigestRules("md5", "md5(password) + salt")),
    "md5(salt + MD5(p)), inner in capitals": (
        md5(S + md5(P).upper().encode()),
        SALT,
        DigestRules("md5", "salt + MD5(password)"),
    ),
    "salt in front": (hashlib.sha256(S + P).hexdigest(), SALT, DigestRules("sha256", "salt + password")),
    "salt behind": (hashlib.sha512(P + S).hexdigest(), SALT, DigestRules("sha512", "password+salt")),
    "salt twice": (hashlib.sha1(S + P + S).hexdigest(), SALT, DigestRules("sha1", "salt + password + salt")),
    "Joomla: digest:salt": (
        md5(P + S) + ":" + SALT,
        None,
        DigestRules("md5", "password + salt", stored="digest:salt"),
    ),
    "salt$digest, the salt with a $": (
        "a$b$" + md5(b"a$b" + P),
        None,
        DigestRules("md5", "salt + password", stored="salt$digest"),
    ),
    "ASP.NET membership: base64 of salt and UTF-16": (
        base64.b64encode(hashlib.sha1(S + PASSWORD.encode("utf-16-le")).digest()).decode(),
        base64.b64encode(S).decode(),
        DigestRules("sha1", "salt + password", "base64", salt_encoding="base64", charset="utf-16-le"),
    ),
    "Shiro: two rounds over the bytes": (
        md5(hashlib.md5(S + P).digest()),
        SALT,
        DigestRules("md5", "salt + password", rounds=2),
    ),
    "GBK": (md5(PASSWORD.encode("gbk")), None, DigestRules("md5", charset="gbk")),
    "SM3": (hashlib.new("sm3", P).hexdigest(), None, DigestRules("sm3")),
    "bytes": (hashlib.sha256(S + P).digest(), S, DigestRules("sha256", "salt + password", "raw")),
    "salt in hex": (md5(S + P), S.hex(), DigestRules("md5", "salt + password", salt_encoding="hex")),
}


@pytest.mark.parametrize("system", SYSTEMS)
def test_layouts_of_legacy_systems(system: str) -> None:
    """The right password fits, others do not."""
    stored, salt, rules = SYSTEMS[system]
    read = read_hash(stored, salt, rules)
    assert read is not None
    assert read.matches(PASSWORD)
    assert not read.matches(PASSWORD + "x")
    assert not read.matches("")


def test_what_says_its_format_needs_no_rules() -> None:
    """A table that is being moved to bcrypt holds both."""
    read = read_hash("$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", None, DigestRules("md5"))
    assert read is not None
    assert read.matches("test12345")


@pytest.mark.parametrize(
    ("stored", "salt", "rules"),
    [
        (md5(P)[:31], None, DigestRules("md5")),
        (md5(P), None, DigestRules("sha1")),
        ("z" * 32, None, DigestRules("md5")),
        (PASSWORD, None, DigestRules("md5")),
        (md5(P), None, DigestRules("md5", "salt + password")),
        (md5(P), None, DigestRules("md5", "salt + password", stored="salt:digest")),
        (b"\xff" * 16, None, DigestRules("md5")),
        (md5(P), None, DigestRules("md5", encoding="raw")),
        (b"x:" + bytes(16), None, DigestRules("md5", "salt + password", "raw", stored="salt:digest")),
        ("????", None, DigestRules("md5", encoding="base64")),
        (md5(P), "xyz", DigestRules("md5", "salt + password", salt_encoding="hex")),
        (md5(P), "😀", DigestRules("md5", "salt + password", charset="gbk")),
    ],
)
def test_what_the_rules_do_not_describe_is_refused(stored: str | bytes, salt: str | None, rules: DigestRules) -> None:
    """A fault to tell of, not a wrong password."""
    with pytest.raises(HashUnusable) as caught:
        read_hash(stored, salt, rules)
    assert caught.value.__cause__ is None


@given(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.sampled_from(["md5", "sha1", "sha256", "sha512"]),
    st.booleans(),
)
def test_salt_before_and_behind(password: str, salt: str, name: str, before: bool) -> None:
    """For all passwords and salts."""
    data = (salt + password if before else password + salt).encode()
    layout = "salt + password" if before else "password + salt"
    read = read_hash(hashlib.new(name, data).hexdigest(), salt, DigestRules(name, layout))
    assert read is not None
    assert read.matches(password)
    assert not read.matches(password + "x")
