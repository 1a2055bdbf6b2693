"""Fast hashes, salted or not, as legacy systems have them: MD5 and SHA of password and salt, in LDAP's or any layout.

A fast hash protects nobody whose table was stolen; it is checked here because it is what the legacy system has.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from .stored import HashUnusable, StoredHash

ALGORITHMS = {"md5": 16, "sha1": 20, "sha224": 28, "sha256": 32, "sha384": 48, "sha512": 64, "sm3": 32}  # bytes
_LDAP = re.compile(r"\{(S?)(MD5|SHA|SHA1|SHA256|SHA384|SHA512)\}([A-Za-z0-9+/]+={0,2})", re.IGNORECASE)
_STORED = re.compile(r"(salt|digest)(?:(.{1,8})(salt|digest))?", re.DOTALL)
_ROUND = 1e-6  # seconds


def _new(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


def ldap_hash(text: str) -> StoredHash:
    """`{SSHA}`, `{SHA256}`, `{SMD5}` and their like: base64 of the digest with the salt behind (RFC 2307)."""
    if not (found := _LDAP.fullmatch(text)):
        raise HashUnusable("is not an LDAP hash")
    name = found[2].lower().replace("sha1", "sha").replace("sha", "sha1") if len(found[2]) < 5 else found[2].lower()
    try:
        data = base64.b64decode(found[3], validate=True)
    except binascii.Error:
        raise HashUnusable("is not in base64 behind its scheme") from None
    size = ALGORITHMS[name]
    if len(data) < size or (len(data) > size) != bool(found[1]):
        raise HashUnusable("does not have the length of its scheme")
    return StoredHash(lambda password: _new(name, password + data[size:]), data[:size], seconds=_ROUND)


def django_digest(text: str) -> StoredHash:
    """`md5$SALT$HEX` and `sha1$SALT$HEX`, over salt and password."""
    name, salt, digest = (*text.split("$"), "", "")[:3]
    if text.count("$") != 2 or len(digest) != 2 * ALGORITHMS[name]:
        raise HashUnusable("is not a salted digest of Django's")
    return StoredHash(lambda password: _new(name, salt.encode() + password), _unhex(digest), seconds=_ROUND)


@dataclass(frozen=True, slots=True)
class DigestRules:
    """How a legacy system makes digests that do not say it themselves.

    `layout`: what is hashed, joined by plus signs: `salt`, `password`, or `md5(password)`, that is its digest in hex
    (in capitals: `MD5(password)`). `rounds`: each further one hashes the digest's bytes. `encoding`: hex, base64,
    raw, or hex16, the middle half of MD5's digits. `stored`: what the column holds, `digest`, or also the salt, like
    `salt:digest`. `salt_encoding`: how the salt is written: text, hex or base64.
    """

    algorithm: str
    layout: str = "password"
    encoding: str = "hex"
    rounds: int = 1
    stored: str = "digest"
    salt_encoding: str = "text"
    charset: str = "utf-8"

    def read(self, stored: str | bytes, salt: str | bytes | None) -> StoredHash:
        """The hash in `stored`, with the salt of a column of its own, if there is one. Raises HashUnusable."""
        stored, salt = self._parted(stored, salt)
        parts = [self._part(term.strip(), salt) for term in self.layout.split("+")]
        algorithm, cut = self.algorithm, self.encoding == "hex16"

        def work(password: bytes) -> bytes:
            digest = b"".join(part(password) for part in parts)
            for _ in range(self.rounds):
                digest = _new(algorithm, digest)
            return digest[4:12] if cut else digest

        digest = self._digest(stored)
        if len(digest) != (8 if cut else ALGORITHMS[algorithm]):
            raise HashUnusable(f"is not a digest of {algorithm} in {self.encoding}")
        return StoredHash(work, digest, seconds=_ROUND * (self.rounds + 1), charset=self.charset)

    def _parted(self, stored: str | bytes, salt: str | bytes | None) -> tuple[str | bytes, str | bytes | None]:
        found = _STORED.fullmatch(self.stored)
        if found is None or found[2] is None:
            return stored, salt
        if isinstance(stored, bytes):
            raise HashUnusable("is of bytes, not a text of salt and digest")
        # a salt may contain the separator, a digest does not
        first, separator, second = stored.rpartition(found[2]) if found[1] == "salt" else stored.partition(found[2])
        if not separator:
            raise HashUnusable("is not of the form that `stored` says")
        return (second, first) if found[1] == "salt" else (first, second)

    def _part(self, term: str, salt: str | bytes | None) -> Callable[[bytes], bytes]:
        if term == "password":
            return lambda password: password
        if term == "salt":
            return partial(_constant, self._salt(salt))
        name = term.partition("(")[0]
        if name.isupper():
            return lambda password: _new(name.lower(), password).hex().upper().encode()
        return lambda password: _new(name, password).hex().encode()

    def _salt(self, salt: str | bytes | None) -> bytes:
        if salt is None:
            raise HashUnusable("has no salt")
        if self.salt_encoding == "text":
            try:
                return salt if isinstance(salt, bytes) else salt.encode(self.charset)
            except UnicodeEncodeError:
                raise HashUnusable("has a salt that the charset cannot say") from None
        return _decoded(salt, self.salt_encoding)

    def _digest(self, stored: str | bytes) -> bytes:
        if self.encoding == "raw":
            if isinstance(stored, str):
                raise HashUnusable("is a text, not the bytes of a digest")
            return stored
        return _decoded(stored, "hex" if self.encoding == "hex16" else self.encoding)


def _constant(value: bytes, password: bytes) -> bytes:
    return value


def _decoded(text: str | bytes, encoding: str) -> bytes:
    data = text.encode(errors="replace") if isinstance(text, str) else text
    if encoding == "hex":
        return _unhex(data)
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error:
        raise HashUnusable("is not in base64") from None


def _unhex(text: str | bytes) -> bytes:
    try:
        return binascii.unhexlify(text)
    except ValueError:  # binascii.Error is one
        raise HashUnusable("is not in hexadecimal digits") from None
