"""The check of a token as a careful backend makes it, for `gateway verify` and the tests.

Law: the key says which algorithm is right, never the token.
"""

import json
from collections.abc import Mapping
from typing import Any

import jwt

from .keys import MIN_SECRET

LEEWAY = 60  # seconds that two clocks may differ
MAX_LENGTH = 16 * 1024  # characters
_REQUIRED = ("iss", "aud", "sub", "iat", "nbf", "exp")
_ASYMMETRIC = {"ES256": "EC", "EdDSA": "OKP", "RS256": "RSA"}
# The library checks the signature; times are checked here against the caller's clock.
_OPTIONS: Any = {"require": list(_REQUIRED), "verify_exp": False, "verify_nbf": False, "verify_iat": False}


class InvalidToken(Exception):
    """Not a token that this audience may believe; the message says why and holds nothing of it."""


def verify(
    token: str,
    *,
    audience: str,
    issuer: str,
    now: float,
    jwks: bytes | Mapping[str, Any] | None = None,
    secret: bytes | None = None,
    leeway: float = LEEWAY,
) -> dict[str, Any]:
    """The claims of a token that was signed by a key of `jwks`, or with `secret` for HS256 (give exactly one).

    `now` in Unix seconds. Raises InvalidToken.
    """
    if (jwks is None) == (secret is None):
        raise ValueError("either a JWK set or a shared secret is needed")
    if len(token) > MAX_LENGTH or not token.isascii():
        raise InvalidToken("the token is not well-formed")
    try:
        header = jwt.get_unverified_header(token)
        if header.keys() != {"alg", "kid", "typ"} or header["typ"] != "JWT":
            raise InvalidToken("the token's header is not one of ours")
        key, algorithm = _published(jwks, header["kid"]) if jwks is not None else _shared(secret or b"")
        claims = jwt.decode(token, key, algorithms=[algorithm], audience=audience, issuer=issuer, options=_OPTIONS)
    except jwt.PyJWTError as error:
        raise InvalidToken(_WORDS.get(type(error), "the token is not well-formed")) from None
    except RecursionError:
        raise InvalidToken("the token is not well-formed") from None
    _check_times(claims, now, leeway)
    return claims


_WORDS: dict[type[Exception], str] = {
    jwt.InvalidSignatureError: "the signature is wrong",
    jwt.InvalidAlgorithmError: "the token's algorithm is not the key's",
    jwt.InvalidAudienceError: "the token is for another audience",
    jwt.InvalidIssuerError: "the token is of another issuer",
    jwt.MissingRequiredClaimError: f"a required claim is missing; required are {', '.join(_REQUIRED)}",
    jwt.InvalidKeyError: "the key is not usable for this algorithm",
}


_Key = tuple[jwt.PyJWK | bytes, str]  # and the one algorithm that it is for


def _shared(secret: bytes) -> _Key:
    if len(secret) < MIN_SECRET:
        raise InvalidToken(f"an HS256 secret has at least {MIN_SECRET} bytes")
    return secret, "HS256"


def _published(jwks: bytes | Mapping[str, Any], kid: str) -> _Key:
    try:
        published = json.loads(jwks) if isinstance(jwks, bytes) else jwks
        jwk = next((jwk for jwk in published["keys"] if jwk["kid"] == kid), None)
        if jwk is None:
            raise InvalidToken("no published key has the token's kid")
        algorithm = jwk["alg"]
        if jwk["kty"] != _ASYMMETRIC.get(algorithm):
            raise InvalidToken("the published key names no algorithm that fits it")
        return jwt.PyJWK(jwk, algorithm), algorithm
    except (ValueError, LookupError, TypeError):
        raise InvalidToken("the JWK set is not well-formed") from None


def _check_times(claims: Mapping[str, Any], now: float, leeway: float) -> None:
    for name in ("iat", "nbf", "exp"):
        if not isinstance(claims[name], int) or isinstance(claims[name], bool):
            raise InvalidToken(f"the claim {name} is not a whole number")
    if now > claims["exp"] + leeway:
        raise InvalidToken("the token has expired")
    if now < max(claims["nbf"], claims["iat"]) - leeway:
        raise InvalidToken("the token is not valid yet")
