"""Sealed values and keyed hashes under keys that rotate. Each purpose has keys of its own.

A value sealed for one purpose does not open for another, so a state cookie is never a session.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


def derive(master: bytes, purpose: str) -> bytes:
    """A 32-byte key of `purpose` from a 32-byte master key (HKDF, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"gateway/" + purpose.encode()).derive(master)


class Sealer:
    """Seals with the first master key, opens with all. Fernet: AES-CBC under HMAC-SHA256, one error path."""

    def __init__(self, masters: Sequence[bytes], purpose: str) -> None:
        self._box = MultiFernet([Fernet(base64.urlsafe_b64encode(derive(master, purpose))) for master in masters])

    def seal(self, value: bytes, *, now: int) -> str:
        """`value` as a cookie-safe token stamped with `now` (Unix seconds)."""
        return self._box.encrypt_at_time(value, now).decode("ascii")

    def open(self, token: str | bytes) -> bytes | None:
        """What was sealed, or None for anything that these keys did not seal for this purpose, letter by letter."""
        try:
            raw = token.encode("ascii") if isinstance(token, str) else token
            if base64.urlsafe_b64encode(base64.urlsafe_b64decode(raw)) != raw:
                return None  # base64 has many spellings of one value
            return self._box.decrypt(raw)
        except (InvalidToken, ValueError, TypeError):
            return None


class KeyedHash:
    """HMAC-SHA256 names for values that must not be stored or shown themselves."""

    def __init__(self, masters: Sequence[bytes], purpose: str) -> None:
        self._keys = [derive(master, purpose) for master in masters]

    def name(self, *parts: str) -> str:
        """The value's name under the first key, 43 url-safe characters. Parts are length-prefixed."""
        return _name(self._keys[0], parts)

    def names(self, *parts: str) -> list[str]:
        """Its names under every key, the current first: for looking up what an older key named."""
        return [_name(key, parts) for key in self._keys]

    def matches(self, name: str, *parts: str) -> bool:
        """Whether `name` is one of the value's names, in constant time."""
        return any(hmac.compare_digest(name.encode(), known.encode()) for known in self.names(*parts))


def _name(key: bytes, parts: Sequence[str]) -> str:
    digest = hmac.new(key, digestmod=hashlib.sha256)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    return base64.urlsafe_b64encode(digest.digest()).rstrip(b"=").decode("ascii")


def token_hash(token: str) -> str:
    """The name under which a random token (a ticket, a sid) is stored: plain SHA-256, the token has the entropy."""
    return base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode("ascii")
