"""Hashes of passwords as legacy systems keep them: told apart by how they begin, or read by rules."""

from collections.abc import Callable

from .digest import DigestRules, django_digest, ldap_hash
from .kdf import (
    argon2_hash,
    bcrypt_hash,
    bcrypt_sha256_hash,
    django_pbkdf2,
    django_scrypt,
    passlib_pbkdf2,
    werkzeug_pbkdf2,
    werkzeug_scrypt,
)
from .stored import HashUnusable, StoredHash
from .unix import md5_crypt_hash, phpass_hash, sha_crypt_hash

__all__ = ["DigestRules", "HashUnusable", "StoredHash", "read_hash"]

_MAX_HASH = 512  # characters
_NOBODYS = ("!", "*")  # how the entries of accounts that are locked or have no password begin, in crypt's and Django's

_WRAPPED = ("{bcrypt}", "{argon2}", "{CRYPT}", "{crypt}", "{ARGON2}", "bcrypt$$", "argon2$")
_READERS: dict[str, Callable[[str], StoredHash]] = {
    "$2a$": bcrypt_hash,
    "$2b$": bcrypt_hash,
    "$2y$": bcrypt_hash,
    "bcrypt_sha256$$": bcrypt_sha256_hash,
    "$argon2": argon2_hash,
    "pbkdf2_sha256$": django_pbkdf2,
    "pbkdf2_sha1$": django_pbkdf2,
    "pbkdf2:": werkzeug_pbkdf2,
    "$pbkdf2": passlib_pbkdf2,
    "scrypt$": django_scrypt,
    "scrypt:": werkzeug_scrypt,
    "$P$": phpass_hash,
    "$H$": phpass_hash,
    "$S$": phpass_hash,
    "$1$": md5_crypt_hash,
    "$5$": sha_crypt_hash,
    "$6$": sha_crypt_hash,
    "md5$": django_digest,
    "sha1$": django_digest,
}


def read_hash(
    stored: str | bytes | None, salt: str | bytes | None = None, digest: DigestRules | None = None
) -> StoredHash | None:
    """What `stored` says, None if it is nobody's password. What says nothing of its format is read by `digest`.

    Raises HashUnusable for anything that cannot be checked.
    """
    if isinstance(stored, bytes) and not (digest and digest.encoding == "raw"):
        try:
            stored = stored.decode("ascii")
        except UnicodeDecodeError:
            raise HashUnusable("is of bytes that are no text") from None
    if stored is None or stored in ("", b""):
        return None
    if len(stored) > _MAX_HASH:
        raise HashUnusable(f"has more than {_MAX_HASH} characters")
    if isinstance(stored, str):
        text = stored.strip()  # CHAR columns are padded
        if text.startswith(_NOBODYS) or not text:
            return None
        if reader := _reader(text):
            return reader
        stored = text
    if digest is None:
        raise HashUnusable("is of no format that shows by itself; [bind.password.sql.digest] describes others")
    return digest.read(stored, salt)


def _reader(text: str) -> StoredHash | None:
    for wrapping in _WRAPPED:
        if text.startswith(wrapping):
            text = text[len(wrapping) - wrapping.endswith("$") :]
            break
    for prefix, reader in _READERS.items():
        if text.startswith(prefix):
            return reader(text)
    return ldap_hash(text) if text.startswith("{") else None
