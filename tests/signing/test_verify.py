"""The check of a token: every forgery of RFC 8725 is refused."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt import PyJWK

from gateway.signing import InvalidToken, KeyRing, SigningKey, generate_pem, load_private_pem, verify

NOW = 1_800_000_000
KEY = load_private_pem(generate_pem("ES256"), "ES256")
OTHER = load_private_pem(generate_pem("ES256"), "ES256")
DEEP = base64.urlsafe_b64encode(b"[" * 9000).decode() + ".e30.c2ln"
JWKS = KeyRing([KEY]).jwks()
SECRET = b"0123456789abcdef0123456789abcdef"
CLAIMS = {"iss": "https://gw", "aud": "legacy", "sub": "42", "iat": NOW, "nbf": NOW, "exp": NOW + 120}
HEADER = {"alg": "ES256", "kid": KEY.kid, "typ": "JWT"}


def encoded(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def forge(header: dict[str, Any], claims: dict[str, Any], sign: Callable[[bytes], bytes]) -> str:
    message = encoded(json.dumps(header).encode()) + b"." + encoded(json.dumps(claims).encode())
    return (message + b"." + encoded(sign(message))).decode()


def check(token: str, now: float = NOW, **keys: Any) -> dict[str, Any]:
    return verify(token, audience="legacy", issuer="https://gw", now=now, **(keys or {"jwks": JWKS}))


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda message: hmac.digest(secret, message, hashlib.sha256)


def public_pem(key: SigningKey) -> bytes:
    public = PyJWK(dict(key.public or {})).key
    return bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


def test_a_good_token_gives_its_claims() -> None:
    """The JWK set may be bytes or parsed."""
    token = forge(HEADER, CLAIMS, KEY.sign)
    assert check(token) == CLAIMS
    assert check(token, jwks=json.loads(JWKS)) == CLAIMS


@pytest.mark.parametrize(
    ("header", "sign"),
    [
        (HEADER, OTHER.sign),
        (HEADER, lambda message: b""),
        (HEADER | {"alg": "none"}, lambda message: b""),
        (HEADER | {"alg": "None"}, lambda message: b""),
        (HEADER | {"alg": "HS256"}, hs256(public_pem(KEY))),
        (HEADER | {"alg": "HS256"}, hs256(JWKS)),
        (HEADER | {"alg": "ES384"}, KEY.sign),
        (HEADER | {"kid": OTHER.kid}, OTHER.sign),
        (HEADER | {"kid": "../../dev/null"}, KEY.sign),
        (HEADER | {"kid": 1}, KEY.sign),
        ({"alg": "ES256", "typ": "JWT"}, KEY.sign),
        (HEADER | {"typ": "at+jwt"}, KEY.sign),
        (HEADER | {"jku": "https://evil.test/jwks.json"}, KEY.sign),
        (HEADER | {"jwk": dict(OTHER.public or {})}, OTHER.sign),
        (HEADER | {"b64": False, "crit": ["b64"]}, KEY.sign),
        (HEADER | {"crit": ["exp"]}, KEY.sign),
    ],
)
def test_a_forged_header_or_signature_is_refused(header: dict[str, Any], sign: Callable[[bytes], bytes]) -> None:
    """Algorithm none, algorithm confusion, foreign keys and key locations: the key decides, never the token."""
    with pytest.raises(InvalidToken):
        check(forge(header, CLAIMS, sign))


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "other"},
        {"aud": None},
        {"iss": "https://evil.test"},
        {"exp": None},
        {"sub": None},
        {"nbf": None},
        {"exp": "soon"},
        {"exp": True},
        {"iat": "now"},
    ],
)
def test_a_signed_token_for_somebody_else_is_refused(change: dict[str, Any]) -> None:
    """Audience, issuer and the required claims are checked though the signature is right."""
    claims = {name: value for name, value in (CLAIMS | change).items() if value is not None}
    with pytest.raises(InvalidToken):
        check(forge(HEADER, claims, KEY.sign))


@pytest.mark.parametrize(
    ("now", "valid"),
    [(NOW - 61, False), (NOW - 60, True), (NOW + 120, True), (NOW + 180, True), (NOW + 181, False)],
)
def test_times_are_checked_with_a_minute_of_leeway(now: int, valid: bool) -> None:
    """Two clocks may differ by a minute."""
    token = forge(HEADER, CLAIMS, KEY.sign)
    if valid:
        assert check(token, now) == CLAIMS
    else:
        with pytest.raises(InvalidToken):
            check(token, now)


@pytest.mark.parametrize("token", ["", "a", "a.b", "a.b.c", "....", "é.é.é", "." * 7000, "\x00", "\ud800", DEEP])
def test_garbage_is_refused(token: str) -> None:
    """Whatever it is, the answer is one kind of exception."""
    with pytest.raises(InvalidToken):
        check(token)


@pytest.mark.parametrize(
    "jwks",
    [
        b"",
        b"[]",
        b"{}",
        b'{"keys":null}',
        b'{"keys":[1]}',
        b"\xff",
        json.dumps({"keys": [{"kty": "oct", "k": "c2VjcmV0", "alg": "HS256", "kid": KEY.kid}]}).encode(),
        json.dumps({"keys": [{"kty": "EC", "alg": "ES256", "kid": KEY.kid}]}).encode(),
        json.dumps({"keys": [dict(KEY.public or {}) | {"alg": "HS256"}]}).encode(),
        json.dumps({"keys": [dict(KEY.public or {}) | {"alg": "none"}]}).encode(),
    ],
)
def test_a_bad_jwk_set_verifies_nothing(jwks: bytes) -> None:
    """Not JSON, no key, a published secret, a key without its algorithm: nothing is believed."""
    with pytest.raises(InvalidToken):
        check(forge(HEADER, CLAIMS, KEY.sign), jwks=jwks)


def test_a_secret_verifies_hs256_only() -> None:
    """With a shared secret no other algorithm is right, and no PEM is a secret."""
    header = HEADER | {"alg": "HS256"}
    assert check(forge(header, CLAIMS, hs256(SECRET)), secret=SECRET) == CLAIMS
    for token, secret in (
        (forge(HEADER, CLAIMS, KEY.sign), SECRET),
        (forge(header, CLAIMS, hs256(SECRET)), SECRET[:31]),
        (forge(header, CLAIMS, hs256(public_pem(KEY))), public_pem(KEY)),
        (forge(header | {"alg": "none"}, CLAIMS, lambda message: b""), SECRET),
    ):
        with pytest.raises(InvalidToken):
            check(token, secret=secret)


def test_exactly_one_kind_of_key_is_needed() -> None:
    """A call without a key, or with both, is the caller's mistake."""
    either: tuple[dict[str, Any], ...] = ({}, {"jwks": JWKS, "secret": SECRET})
    for keys in either:
        with pytest.raises(ValueError, match="either"):
            verify("a.b.c", audience="legacy", issuer="https://gw", now=NOW, **keys)
