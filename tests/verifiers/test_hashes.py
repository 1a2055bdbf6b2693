"""Hashes of legacy systems: published examples, what other programs make, and what is refused before it costs."""

import base64
import contextlib
import hashlib
import subprocess
from typing import Any

import argon2
import bcrypt
import pytest
from argon2.low_level import Type, hash_secret
from hypothesis import given
from hypothesis import strategies as st

from gateway.verifiers.hashes import HashUnusable, StoredHash, read_hash
from gateway.verifiers.hashes.stored import MAX_MEMORY, MAX_SECONDS

# https://hashcat.net/wiki/doku.php?id=example_hashes, the test vectors of phpass, Django's and argon2's own tests
PUBLISHED = [
    ("$2a$05$LhayLxezLhK1LhWvKxCyLOj0j1u.Kj0jZ0pEmm134uzrQlFvQJLF6", "hashcat"),
    ("$P$984478476IagS59wHZvyQMArzfx58u.", "hashcat"),
    ("$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345"),
    ("$H$984478476IagS59wHZvyQMArzfx58u.", "hashcat"),
    ("$S$C33783772bRXEx1aCsvY.dqgaaSu76XmVlKrW9Qu8IQlvxHlmzLf", "hashcat"),
    ("$1$28772684$iEwNOgGugqO9.bIz5sk8k/", "hashcat"),
    ("$5$rounds=5000$GX7BopJZJxPc/KEK$le16UF8I2Anb.rOrn22AUPWvzUETDGefUmAV8AZkGcD", "hashcat"),
    (
        "$6$52450745$k5ka2p8bFuSmoVT1tzOyyuaREkkKBcCNqoDKzYiJL9RaE8yMnPgh2XzzF0NDrUhgrcLwg78xs1w5pJiypEdFX/",
        "hashcat",
    ),
    ("pbkdf2_sha256$20000$H0dPx8NeajVu$GiC4k5kqbbR9qWBlsRgDywNqC2vd9kqfk7zdorEnNas=", "hashcat"),
    ("sha1$fe76b$02d5916550edf7fc8c886f044887f4b1abf9b013", "hashcat"),
    ("{SHA}uJ6qx+YUFzQbcQtyd2gpTQ5qJ3s=", "hashcat"),
    ("{SSHA}AZKja92fbuuB9SpRlHqaoXxbTc43Mzc2MDM1Ng==", "hashcat"),
    (
        "{SSHA512}ALtwKGBdRgD+U0fPAy31C28RyKYx7+a8kmfksccsOeLknLHv2DBXYI7TDnTolQMBuPkWDISgZr2cHfnNPFjGZTEyNDU4OTkw",
        "hashcat",
    ),
    ("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password"),
    ("$argon2i$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ", "password"),
]


def check(stored: str | bytes, password: str, **options: Any) -> bool:
    """Whether it is this password, and none of three others."""
    read = read_hash(stored, **options)
    assert read is not None
    assert not read.dummy().matches(password)
    assert not any(read.matches(other) for other in (password + "x", password.swapcase() + "y", ""))
    return read.matches(password)


@pytest.mark.parametrize(("stored", "password"), PUBLISHED)
def test_published_examples(stored: str, password: str) -> None:
    """The right password fits and others do not."""
    assert check(stored, password)


@pytest.mark.parametrize("option", ["-1", "-5", "-6"])
@pytest.mark.parametrize("length", [0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 80])
def test_crypt_is_that_of_openssl(option: str, length: int) -> None:
    """Around the digests' block and output sizes, and for characters of several bytes; openssl reads 256 bytes."""
    for password in ("a" * length + "b", "密" * length + "码"):
        made = subprocess.run(
            ["openssl", "passwd", option, "-salt", "ab.c/X9z", "-stdin"],
            input=password.encode(), capture_output=True, check=True,
        )  # fmt: skip
        assert check(made.stdout.decode().strip(), password)


SALT = b"saltSALTsalt0123"


def pbkdf2(name: str, password: str) -> bytes:
    return hashlib.pbkdf2_hmac(name, password.encode(), SALT, 10)


def django(name: str, password: str) -> str:
    return f"pbkdf2_{name}$10${SALT.decode()}${base64.b64encode(pbkdf2(name, password)).decode()}"


def scrypt(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=16, r=8, p=1, dklen=64)


def ab64(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=").replace("+", ".")


CHEAP = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)

MAKERS = {
    "bcrypt": lambda p: bcrypt.hashpw(p.encode()[:72], bcrypt.gensalt(4)).decode(),
    "bcrypt of PHP": lambda p: "$2y$" + bcrypt.hashpw(p.encode()[:72], bcrypt.gensalt(4)).decode()[4:],
    "bcrypt of Spring": lambda p: "{bcrypt}$2a$" + bcrypt.hashpw(p.encode()[:72], bcrypt.gensalt(4)).decode()[4:],
    "bcrypt of Django": lambda p: "bcrypt$" + bcrypt.hashpw(p.encode()[:72], bcrypt.gensalt(4)).decode(),
    "bcrypt_sha256": lambda p: (
        "bcrypt_sha256$" + bcrypt.hashpw(hashlib.sha256(p.encode()).hexdigest().encode(), bcrypt.gensalt(4)).decode()
    ),
    "argon2id": CHEAP.hash,
    "argon2id of Django": lambda p: "argon2" + CHEAP.hash(p),
    "argon2d": lambda p: hash_secret(p.encode(), SALT, 1, 64, 2, 32, Type.D).decode(),
    "argon2i, old": lambda p: hash_secret(p.encode(), SALT, 1, 64, 1, 24, Type.I, version=16).decode(),
    "pbkdf2_sha256": lambda p: django("sha256", p),
    "pbkdf2_sha1": lambda p: django("sha1", p),
    "pbkdf2 of Werkzeug": lambda p: (
        f"pbkdf2:sha256:10$saltSALTsalt0123${hashlib.pbkdf2_hmac('sha256', p.encode(), SALT, 10).hex()}"
    ),
    "pbkdf2 of passlib": lambda p: (
        f"$pbkdf2-sha512$10${ab64(SALT)}${ab64(hashlib.pbkdf2_hmac('sha512', p.encode(), SALT, 10))}"
    ),
    "scrypt of Werkzeug": lambda p: f"scrypt:16:8:1${SALT.decode()}${scrypt(p, SALT).hex()}",
    "scrypt of Django": lambda p: f"scrypt$16${SALT.decode()}$8$1${base64.b64encode(scrypt(p, SALT)).decode()}",
    "SSHA256": lambda p: "{SSHA256}" + base64.b64encode(hashlib.sha256(p.encode() + SALT).digest() + SALT).decode(),
    "SMD5": lambda p: "{SMD5}" + base64.b64encode(hashlib.md5(p.encode() + SALT).digest() + SALT).decode(),
    "MD5": lambda p: "{md5}" + base64.b64encode(hashlib.md5(p.encode()).digest()).decode(),
    "md5 of Django": lambda p: f"md5$salt${hashlib.md5(b'salt' + p.encode()).hexdigest()}",
}


@pytest.mark.parametrize("maker", MAKERS)
@given(password=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40))
def test_what_libraries_make_is_read(maker: str, password: str) -> None:
    """Any password, in any script."""
    read = read_hash(MAKERS[maker](password))
    assert read is not None
    assert read.matches(password)
    assert not read.matches("another " + password)


@pytest.mark.parametrize("form", ["$2a$", "$2b$", "$2y$"])
def test_long_passwords_are_cut_by_bcrypt_as_they_were(form: str) -> None:
    """72 bytes count, in the middle of a character too; what is longer is the same password, and no error."""
    whole = "密" * 25  # 75 bytes
    stored = form + bcrypt.hashpw(whole.encode()[:72], bcrypt.gensalt(4)).decode()[4:]
    read = read_hash(stored)
    assert read is not None
    assert read.matches(whole)
    assert read.matches("密" * 24 + "anything")
    assert not read.matches("密" * 23 + "码")
    assert not read.matches("密" * 23)
    cut = bcrypt.hashpw(("a" + whole).encode()[:72], bcrypt.gensalt(4)).decode()
    assert read_hash(cut).matches("a" + whole)  # type: ignore[union-attr]


@pytest.mark.parametrize("stored", [None, "", "  ", b"", "!", "!" + 40 * "x", "*", "*LK*", "!$6$salt$" + 86 * "."])
def test_a_locked_or_missing_password_is_nobodys(stored: str | bytes | None) -> None:
    """As crypt's and Django's accounts have them: a no, not a fault."""
    assert read_hash(stored) is None


def test_padding_and_bytes_are_no_matter() -> None:
    """CHAR columns are padded with spaces, BINARY columns come as bytes."""
    assert check("$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0   ", "test12345")
    assert check(b"$P$9IQRaTwmfeRo7ud9Fh4E2PdI0S3r.L0", "test12345")


COSTLY = [
    "$2b$17$" + 53 * ".",
    "$2b$31$" + 53 * ".",
    f"$argon2id$v=19$m={MAX_MEMORY // 1024 + 8},t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$argon2id$v=19$m=65536,t=999999,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$argon2id$v=19$m=65536,t=1,p=255$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "$argon2id$v=19$m=1,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
    "pbkdf2_sha256$999999999$salt$" + base64.b64encode(bytes(32)).decode(),
    "pbkdf2:sha1:2000000$salt$" + bytes(64).hex(),
    "scrypt:1048576:8:1$salt$" + bytes(64).hex(),
    "scrypt:32768:8:200$salt$" + bytes(64).hex(),
    "scrypt:16:999999999:1$salt$" + bytes(64).hex(),
    "$P$Y" + 8 * "a" + 22 * ".",
    "$S$S" + 8 * "a" + 43 * ".",
    "$6$rounds=999999999$salt$" + 86 * ".",
]


@pytest.mark.parametrize("stored", COSTLY)
def test_absurd_parameters_are_refused_unchecked(stored: str) -> None:
    """Whoever can write a row cannot make the gateway hang or swell."""
    with pytest.raises(HashUnusable):
        read_hash(stored)


@pytest.mark.parametrize(
    "stored",
    [
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "hunter2-in-clear",
        "$2b$10$short",
        "$2b$00$" + 53 * ".",
        "$2x$10$" + 53 * ".",
        "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$",
        "$argon2id$v=19$m=64,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
        "$7$unknown",
        "$y$j9T$yescrypt",
        "pbkdf2_sha256$x$salt$AAAA",
        "pbkdf2_sha256$10$salt$???",
        "pbkdf2_sha256$10$salt",
        "pbkdf2_md5$10$salt$AAAA",
        "pbkdf2:sha256:10$salt$zz",
        "scrypt:15:8:1$salt$" + bytes(64).hex(),
        "scrypt:16:8$salt$" + bytes(64).hex(),
        "$P$" + "9" + 30 * "é",
        "$P$.aaaaaaaa" + 22 * ".",
        "$6$salt$short",
        "{SSHA}????",
        "{SSHA}" + base64.b64encode(bytes(20)).decode(),
        "{SHA}" + base64.b64encode(bytes(21)).decode(),
        "{SHA}A",
        "{noop}password",
        "md5$salt$" + 40 * "0",
        "sha1$salt",
        "$2b$10$" + 600 * ".",
        b"\xff\xfe",
    ],
)
def test_what_is_no_hash_is_told_apart_from_a_wrong_password(stored: str | bytes) -> None:
    """And never compared as if it were the password itself; the message holds nothing of it."""
    with pytest.raises(HashUnusable) as caught:
        read_hash(stored)
    assert str(stored)[3:40] not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.text(max_size=120) | st.binary(max_size=80))
def test_any_content_of_a_column_is_read_or_refused(stored: str | bytes) -> None:
    """Nothing else is raised."""
    with contextlib.suppress(HashUnusable):
        read_hash(stored)


@given(st.sampled_from([stored for stored, _ in PUBLISHED] + COSTLY), st.data())
def test_any_change_of_a_hash_is_read_or_refused(stored: str, data: st.DataObject) -> None:
    """And stays within the limits."""
    place = data.draw(st.integers(0, len(stored) - 1))
    changed = stored[:place] + data.draw(st.text(max_size=3)) + stored[place + 1 :]
    try:
        read = read_hash(changed)
    except HashUnusable:
        return
    assert read is None or (read.seconds <= MAX_SECONDS and read.memory <= MAX_MEMORY)


def test_a_password_that_the_charset_cannot_say_is_wrong() -> None:
    """A lone surrogate, or a character that GBK has not: as much work, and a no."""
    worked: list[bytes] = []

    def work(password: bytes) -> bytes:
        worked.append(password)
        return b"same"

    assert not StoredHash(work, b"same", 0.0).matches("\ud800")
    assert not StoredHash(work, b"same", 0.0, charset="gbk").matches("😀")
    assert StoredHash(work, b"same", 0.0, charset="gbk").matches("密")
    assert worked == [b"", b"", "密".encode("gbk")]


def test_a_hash_shows_nothing_of_itself() -> None:
    """In a log or a traceback."""
    for stored, _ in PUBLISHED:
        assert stored[-12:] not in repr(read_hash(stored))
