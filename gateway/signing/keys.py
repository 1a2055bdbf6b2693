"""The keys that sign X-User: where they come from, how they are named, and what is published of them.

Law: a private member or a shared secret never leaves this module but as a signature.
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import get_default_algorithms

ALGORITHMS = ("ES256", "EdDSA", "RS256", "HS256")
MIN_SECRET = 32  # bytes; RFC 7518 section 3.2: at least the size of the hash
MIN_RSA_BITS = 2048  # RFC 7518 section 3.3

_EXPECTED = {
    "ES256": "an EC key on P-256",
    "EdDSA": "an Ed25519 key",
    "RS256": f"an RSA key of at least {MIN_RSA_BITS} bits",
}
# The members of each key type that RFC 7638 (and RFC 8037 for OKP) names by; all of them are public.
_PUBLIC_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
_IMPLEMENTATIONS = get_default_algorithms()


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key. `kid` names it, `public` is its JWK, None for a shared secret."""

    algorithm: str
    kid: str
    public: Mapping[str, str] | None
    sign: Callable[[bytes], bytes] = field(repr=False)


class KeyRing:
    """Asymmetric keys: the first signs, all are published, so that a rotation breaks nobody."""

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        if not keys:
            raise ValueError("at least one signing key is needed")
        if len({key.kid for key in keys}) < len(keys):
            raise ValueError("the same signing key is listed twice")
        self._keys = tuple(keys)
        self._jwks = _json({"keys": [dict(key.public) for key in keys if key.public]})

    def for_audience(self, audience: str) -> SigningKey:
        """The key that signs for `audience`."""
        return self._keys[0]

    def jwks(self) -> bytes:
        """The JWK set (RFC 7517); the same bytes as long as the keys are the same."""
        return self._jwks


class SecretRing:
    """HS256: every audience has a secret of its own, so that no backend can speak to another. None is published."""

    def __init__(self, secrets_by_audience: Mapping[str, bytes]) -> None:
        self._keys = {audience: shared_secret(secret) for audience, secret in secrets_by_audience.items()}
        if len({key.kid for key in self._keys.values()}) < len(self._keys):
            raise ValueError("two audiences share one HS256 secret: each could then forge tokens for the other")

    def for_audience(self, audience: str) -> SigningKey:
        """The secret that signs for `audience`. Raises ValueError if it has none."""
        if (key := self._keys.get(audience)) is None:
            raise ValueError(f"no HS256 secret for the audience {audience!r}")
        return key

    def jwks(self) -> bytes:
        """An empty JWK set."""
        return b'{"keys":[]}'


def load_private_pem(data: bytes, algorithm: str) -> SigningKey:
    """The signing key in an unencrypted PKCS#8 PEM. Raises ValueError, which says what would be right."""
    if algorithm not in _EXPECTED:
        raise ValueError(f"{algorithm} has no PEM keys; the algorithms that do: {', '.join(_EXPECTED)}")
    if b"-----BEGIN " not in data:
        raise ValueError("is not a PEM file: expected -----BEGIN PRIVATE KEY-----")
    if b"PRIVATE KEY-----" not in data:
        raise ValueError("holds no private key: expected -----BEGIN PRIVATE KEY-----")
    try:
        private = load_pem_private_key(data, password=None)
    except TypeError:
        raise ValueError("is encrypted: expected a key without a passphrase") from None
    except Exception:  # the library's messages may quote the key
        raise ValueError("is not a readable private key (PKCS#8 PEM)") from None
    if not _fits(private, algorithm):
        raise ValueError(f"is not the right kind of key: {algorithm} needs {_EXPECTED[algorithm]}")
    return _asymmetric(private, algorithm)


def shared_secret(secret: bytes) -> SigningKey:
    """The HS256 key of one audience. Raises ValueError if it is shorter than 32 bytes."""
    if len(secret) < MIN_SECRET:
        raise ValueError(f"an HS256 secret needs at least {MIN_SECRET} bytes, this one has {len(secret)}")
    name = hmac.new(secret, b"gateway/kid", hashlib.sha256).digest()
    return SigningKey("HS256", _base64url(name)[:22], None, lambda message: hmac.digest(secret, message, "sha256"))


def generate_pem(algorithm: str) -> bytes:
    """A new private key as PKCS#8 PEM; for HS256 a new secret as one line of url-safe base64."""
    private: EllipticCurvePrivateKey | Ed25519PrivateKey | RSAPrivateKey
    match algorithm:
        case "ES256":
            private = generate_private_key(SECP256R1())
        case "EdDSA":
            private = Ed25519PrivateKey.generate()
        case "RS256":
            private = generate_rsa(public_exponent=65537, key_size=MIN_RSA_BITS)
        case "HS256":
            return secrets.token_urlsafe(MIN_SECRET).encode() + b"\n"
        case _:
            raise ValueError(f"unknown algorithm {algorithm!r}; known: {', '.join(ALGORITHMS)}")
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _fits(private: object, algorithm: str) -> bool:
    match algorithm:
        case "ES256":
            return isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1)
        case "EdDSA":
            return isinstance(private, Ed25519PrivateKey)
        case _:
            return isinstance(private, RSAPrivateKey) and private.key_size >= MIN_RSA_BITS


def _asymmetric(private: Any, algorithm: str) -> SigningKey:
    implementation = _IMPLEMENTATIONS[algorithm]
    jwk = implementation.to_jwk(private.public_key(), as_dict=True)
    members = {name: str(jwk[name]) for name in _PUBLIC_MEMBERS[jwk["kty"]]}
    kid = _base64url(hashlib.sha256(_json(members)).digest())  # RFC 7638
    public = members | {"use": "sig", "alg": algorithm, "kid": kid}
    return SigningKey(algorithm, kid, public, lambda message: implementation.sign(message, private))


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
