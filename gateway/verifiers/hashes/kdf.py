"""Slow hashes of C libraries: bcrypt, argon2, PBKDF2 and scrypt, in the spellings of Django, Werkzeug and passlib."""

import base64
import binascii
import hashlib
import re
from functools import partial

import bcrypt
from argon2.low_level import Type, hash_secret_raw

from .stored import HashUnusable, StoredHash

_BCRYPT = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")
_BCRYPT_BYTES = 72  # the algorithm's key; what is longer was cut off by the systems that made these hashes
_ARGON2 = re.compile(
    r"\$argon2(id|i|d)\$(?:v=(16|19)\$)?m=([0-9]{1,9}),t=([0-9]{1,6}),p=([0-9]{1,3})"
    r"\$([A-Za-z0-9+/]{11,128})\$([A-Za-z0-9+/]{6,172})"
)
_ARGON2_TYPES = {"id": Type.ID, "i": Type.I, "d": Type.D}
_MAX_LANES = 16  # threads
_NUMBER = re.compile(r"[1-9][0-9]{0,9}")
_ROUND = {"sha1": 0.4e-6, "sha256": 0.5e-6, "sha512": 0.8e-6}  # seconds of one of PBKDF2's iterations


def bcrypt_hash(text: str) -> StoredHash:
    """`$2a$`, `$2b$` and `$2y$`, which are one for whoever hashed with a library of this century."""
    if not (found := _BCRYPT.fullmatch(text)) or not 4 <= int(found[1]) <= 31:
        raise HashUnusable("is not a bcrypt hash")
    salt, digest = text[:29].encode(), text[29:].encode()

    def work(password: bytes) -> bytes:
        return bcrypt.hashpw(password[:_BCRYPT_BYTES], salt)[29:]

    return StoredHash(work, digest, seconds=2.0 ** int(found[1]) * 50e-6)


def bcrypt_sha256_hash(text: str) -> StoredHash:
    """Django's: bcrypt over SHA-256 in hex."""
    inner = bcrypt_hash(text.partition("$")[2])
    return StoredHash(lambda password: inner.work(_hex_sha256(password)), inner.digest, inner.seconds)


def _hex_sha256(password: bytes) -> bytes:
    return hashlib.sha256(password).hexdigest().encode()


def argon2_hash(text: str) -> StoredHash:
    """The PHC string of argon2id, argon2i or argon2d (RFC 9106)."""
    if not (found := _ARGON2.fullmatch(text)):
        raise HashUnusable("is not an argon2 hash")
    memory, times, lanes = int(found[3]), int(found[4]), int(found[5])
    if not (1 <= lanes <= _MAX_LANES and times >= 1 and memory >= 8 * lanes):
        raise HashUnusable("has argon2 parameters out of range")
    digest = _base64(found[7])
    work = partial(
        hash_secret_raw,
        salt=_base64(found[6]),
        time_cost=times,
        memory_cost=memory,
        parallelism=lanes,
        hash_len=len(digest),
        type=_ARGON2_TYPES[found[1]],
        version=int(found[2] or 16),
    )
    return StoredHash(work, digest, seconds=times * memory * 0.7e-6, memory=memory * 1024)


def django_pbkdf2(text: str) -> StoredHash:
    """`pbkdf2_sha256$ITERATIONS$SALT$BASE64`."""
    name, rounds, salt, digest = _fields(text, "$", 4)
    return _pbkdf2(name.removeprefix("pbkdf2_"), rounds, salt.encode(), _base64(digest))


def werkzeug_pbkdf2(text: str) -> StoredHash:
    """`pbkdf2:sha256:ITERATIONS$SALT$HEX`."""
    method, salt, digest = _fields(text, "$", 3)
    _, name, rounds = _fields(method, ":", 3)
    return _pbkdf2(name, rounds, salt.encode(), _hex(digest))


def passlib_pbkdf2(text: str) -> StoredHash:
    """`$pbkdf2-sha256$ITERATIONS$SALT$DIGEST`, both in base64 with a dot for the plus."""
    _, name, rounds, salt, digest = _fields(text, "$", 5)
    name = name.removeprefix("pbkdf2").removeprefix("-") or "sha1"
    return _pbkdf2(name, rounds, _base64(salt.replace(".", "+")), _base64(digest.replace(".", "+")))


def _pbkdf2(name: str, rounds: str, salt: bytes, digest: bytes) -> StoredHash:
    if name not in _ROUND or not _NUMBER.fullmatch(rounds) or not 16 <= len(digest) <= 64:
        raise HashUnusable("is not a PBKDF2 hash")
    blocks = -(-len(digest) // hashlib.new(name).digest_size)

    def work(password: bytes) -> bytes:
        return hashlib.pbkdf2_hmac(name, password, salt, int(rounds), len(digest))

    return StoredHash(work, digest, seconds=int(rounds) * blocks * _ROUND[name])


def django_scrypt(text: str) -> StoredHash:
    """`scrypt$N$SALT$R$P$BASE64`."""
    _, cost, salt, block, lanes, digest = _fields(text, "$", 6)
    return _scrypt(cost, block, lanes, salt.encode(), _base64(digest))


def werkzeug_scrypt(text: str) -> StoredHash:
    """`scrypt:N:R:P$SALT$HEX`."""
    method, salt, digest = _fields(text, "$", 3)
    _, cost, block, lanes = _fields(method, ":", 4)
    return _scrypt(cost, block, lanes, salt.encode(), _hex(digest))


def _scrypt(cost: str, block: str, lanes: str, salt: bytes, digest: bytes) -> StoredHash:
    if not all(map(_NUMBER.fullmatch, (cost, block, lanes))) or not 16 <= len(digest) <= 64:
        raise HashUnusable("is not a scrypt hash")
    n, r, p = int(cost), int(block), int(lanes)
    if n < 2 or n & (n - 1):
        raise HashUnusable("has scrypt parameters out of range")
    memory = 128 * r * (n + p + 2)

    def work(password: bytes) -> bytes:
        return hashlib.scrypt(password, salt=salt, n=n, r=r, p=p, maxmem=memory + (1 << 20), dklen=len(digest))

    return StoredHash(work, digest, seconds=n * r * p * 0.5e-6, memory=memory)


def _fields(text: str, separator: str, count: int) -> list[str]:
    if len(fields := text.split(separator)) != count:
        raise HashUnusable("does not have the parts of its format")
    return fields


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise HashUnusable("is not in base64 where its format says so") from None


def _hex(text: str) -> bytes:
    try:
        return binascii.unhexlify(text)
    except (binascii.Error, ValueError):
        raise HashUnusable("is not in hexadecimal digits where its format says so") from None
