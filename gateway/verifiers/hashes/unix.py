"""Hashes of crypt(3) and of PHP that loop over MD5 or SHA-2: `$1$`, `$5$`, `$6$`, phpass `$P$` and `$H$`, Drupal `$S$`.

They run in Python, some µs a round, so their rounds count the more against the limit.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import partial
from itertools import cycle, islice

from .stored import HashUnusable, StoredHash

_ITOA64 = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PHPASS = re.compile(r"\$[PHS]\$([./0-9A-Za-z])([^$:]{8})([./0-9A-Za-z]{22,86})")
_MD5_CRYPT = re.compile(r"\$1\$([^$:]{0,8})\$([./0-9A-Za-z]{22})")
_SHA_CRYPT = re.compile(r"\$([56])\$(?:rounds=([0-9]{1,9})\$)?([^$:]{0,16})\$([./0-9A-Za-z]{43}|[./0-9A-Za-z]{86})")
_ROUND = 1e-6  # seconds of one of phpass's
_CRYPT_ROUND = 3e-6  # of one of crypt's
_HASHES = {name: partial(getattr(hashlib, name), usedforsecurity=False) for name in ("md5", "sha256", "sha512")}


def _little_endian(data: bytes) -> str:
    """crypt's base64 of up to three bytes: six bits at a time, from the lowest."""
    value = int.from_bytes(data, "little")
    return "".join(_ITOA64[value >> 6 * place & 63] for place in range((len(data) * 8 + 5) // 6))


# --- phpass and Drupal (https://www.openwall.com/phpass/) ---------------------------------------------


def phpass_hash(text: str) -> StoredHash:
    """phpass with MD5, as WordPress (`$P$`) and phpBB (`$H$`) keep it; with SHA-512 and cut to 55 it is Drupal 7's."""
    name, size = ("sha512", 43) if text.startswith("$S$") else ("md5", 22)
    found = _PHPASS.fullmatch(text)
    if not found or len(found[3]) != size:
        raise HashUnusable("is not a phpass or Drupal hash")
    exponent = _ITOA64.index(found[1])
    if not 7 <= exponent <= 30:
        raise HashUnusable("has a number of rounds out of range")
    work = partial(_phpass, name=name, salt=found[2].encode(), rounds=1 << exponent, size=size)
    return StoredHash(work, found[3].encode(), seconds=_ROUND * (1 << exponent))


def _phpass(password: bytes, *, name: str, salt: bytes, rounds: int, size: int) -> bytes:
    new = _HASHES[name]
    digest = new(salt + password).digest()
    for _ in range(rounds):
        digest = new(digest + password).digest()
    whole = "".join(_little_endian(digest[place : place + 3]) for place in range(0, len(digest), 3))
    return whole[:size].encode()


# --- crypt(3) -----------------------------------------------------------------------------------------


def md5_crypt_hash(text: str) -> StoredHash:
    """`$1$SALT$DIGEST`, of FreeBSD and old Linux."""
    if not (found := _MD5_CRYPT.fullmatch(text)):
        raise HashUnusable("is not an MD5 crypt hash")
    return StoredHash(partial(_md5_crypt, salt=found[1].encode()), found[2].encode(), seconds=1000 * _CRYPT_ROUND)


def sha_crypt_hash(text: str) -> StoredHash:
    """`$5$` and `$6$`, with or without `rounds=` (https://www.akkadia.org/drepper/SHA-crypt.txt)."""
    found = _SHA_CRYPT.fullmatch(text)
    name, size = ("sha256", 43) if text.startswith("$5$") else ("sha512", 86)
    if not found or len(found[4]) != size:
        raise HashUnusable("is not a SHA crypt hash")
    rounds = max(1000, int(found[2] or 5000))
    work = partial(_sha_crypt, name=name, salt=found[3].encode(), rounds=rounds)
    return StoredHash(work, found[4].encode(), seconds=rounds * _CRYPT_ROUND)


def _md5_crypt(password: bytes, *, salt: bytes) -> bytes:
    new = _HASHES["md5"]
    data = password + b"$1$" + salt + _repeated(new(password + salt + password).digest(), len(password))
    length = len(password)
    while length:
        data += b"\0" if length & 1 else password[:1]
        length >>= 1
    digest = new(data).digest()
    for turn in range(1000):
        data = password if turn & 1 else digest
        data += salt if turn % 3 else b""
        data += password if turn % 7 else b""
        digest = new(data + (digest if turn & 1 else password)).digest()
    order = [(0, 6, 12), (1, 7, 13), (2, 8, 14), (3, 9, 15), (4, 10, 5)]
    return _permuted(digest, order, last=digest[11:12])


def _sha_crypt(password: bytes, *, name: str, salt: bytes, rounds: int) -> bytes:
    new, size = _HASHES[name], len(password)
    inner = new(password + salt + password).digest()
    data = password + salt + _repeated(inner, size)
    length = size
    while length:
        data += inner if length & 1 else password
        length >>= 1
    digest = new(data).digest()
    p = _repeated(new(password * size).digest(), size)
    s = _repeated(new(salt * (16 + digest[0])).digest(), len(salt))
    for turn in range(rounds):
        data = p if turn & 1 else digest
        data += s if turn % 3 else b""
        data += p if turn % 7 else b""
        digest = new(data + (digest if turn & 1 else p)).digest()
    third = len(digest) // 3
    steps = ((0, 1, 2), (2, 0, 1), (1, 2, 0)) if name == "sha256" else ((0, 1, 2), (1, 2, 0), (2, 0, 1))
    order = [[step * third + place for step in steps[place % 3]] for place in range(third)]
    return _permuted(digest, order, last=digest[3 * third :])


def _permuted(digest: bytes, order: Sequence[Sequence[int]], last: bytes) -> bytes:
    """The digest's bytes in crypt's order, each three the highest first, in its base64."""
    text = "".join(_little_endian(bytes((digest[c], digest[b], digest[a]))) for a, b, c in order)
    return (text + _little_endian(last)).encode()


def _repeated(data: bytes, length: int) -> bytes:
    return bytes(islice(cycle(data), length))
