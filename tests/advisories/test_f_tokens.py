"""Class F: tokens that were believed too easily, or handed to the wrong reader."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.signing import InvalidToken, KeyRing, generate_pem, load_private_pem, verify
from tests.service.conftest import Open

from .asking import cookie, forwarded, own_host, request

NOW = 1_800_000_000
KEY = load_private_pem(generate_pem("ES256"), "ES256")
JWKS = KeyRing([KEY]).jwks()
CLAIMS = {"iss": "https://gw", "aud": "legacy", "sub": "42", "iat": NOW, "nbf": NOW, "exp": NOW + 120}


def token(claims: dict[str, Any], algorithm: str, sign: Callable[[bytes], bytes]) -> str:
    """A token with any header and signature."""
    header = {"alg": algorithm, "kid": KEY.kid, "typ": "JWT"}
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    message = b".".join(parts)
    return (message + b"." + base64.urlsafe_b64encode(sign(message)).rstrip(b"=")).decode()


def hs256(secret: bytes) -> Callable[[bytes], bytes]:
    """Signs with a secret."""
    return lambda message: hmac.digest(secret, message, hashlib.sha256)


def check(forged: str) -> dict[str, Any]:
    """What a careful backend does, as `gateway verify` and our examples do it."""
    return verify(forged, audience="legacy", issuer="https://gw", now=NOW, jwks=JWKS)


def test_CVE_2026_39999_the_key_says_which_algorithm_is_right() -> None:
    """APISIX's jwt-auth let the token choose: HS256 with the public key as its secret, or none at all."""
    public = jwt.PyJWK(dict(KEY.public or {})).key
    secrets = [public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), JWKS]
    assert check(token(CLAIMS, "ES256", KEY.sign)) == CLAIMS
    for secret in secrets:
        with pytest.raises(InvalidToken):
            check(token(CLAIMS, "HS256", hs256(secret)))
    for nothing in ("none", "None", "NONE"):
        with pytest.raises(InvalidToken):
            check(token(CLAIMS, nothing, lambda message: b""))


@pytest.mark.parametrize(
    "change",
    [
        {"aud": None},
        {"aud": "other"},
        {"iss": None},
        {"iss": "https://gw.evil.test"},
        {"exp": None},
        {"exp": NOW - 3600},
    ],
)
def test_GHSA_wcvh_g65p_v576_issuer_audience_and_expiry_are_checked(change: dict[str, Any]) -> None:
    """mod_auth_openidc accepted tokens without looking at aud, iss and exp; all three must be there and right."""
    claims = {name: value for name, value in (CLAIMS | change).items() if value is not None}
    with pytest.raises(InvalidToken):
        check(token(claims, "ES256", KEY.sign))


async def test_ALBeast_a_token_says_who_made_it_and_for_whom(open_house: Open) -> None:
    """AWS load balancers sign without an audience, so any balancer's token was good; ours names issuer and audience."""
    house = await open_house()
    browser = await house.signed_in()
    seen = await forwarded(house, request("/orders", cookie(browser), host=own_host(house)))
    real, jwks = seen.get("x-user") or "", (await browser.get("/_gateway/jwks.json")).body
    good = {"audience": "legacy", "issuer": house.origin}
    assert verify(real, **good, now=time.time(), jwks=jwks)["sub"] == "1001"
    for wrong in (good | {"audience": "other"}, good | {"issuer": "http://127.0.0.1:1"}):
        with pytest.raises(InvalidToken):
            verify(real, **wrong, now=time.time(), jwks=jwks)
    with pytest.raises(InvalidToken):
        verify(real, **good, now=time.time(), jwks=JWKS)


async def test_GHSA_qvp4_rpmr_xwrr_what_is_cached_for_one_route_is_not_served_on_another(open_house: Open) -> None:
    """Oathkeeper's cache forgot what a token was checked for; ours mints per session, route and binding."""
    row = '[[routes]]\nid = "{0}"\npath = "/{0}"\npolicy = "page"\nupstream = "legacy"\naudience = "{0}"\n'
    house = await open_house(routes=row.format("one") + row.format("two"))
    house.upstream.audience = ["one", "two"]
    browser, other = await house.signed_in(target="/one"), await house.signed_in("alice", target="/one")
    found = set()
    for _ in range(2):
        for who, audience in ((browser, "one"), (browser, "two"), (other, "one")):
            seen = await forwarded(house, request(f"/{audience}/x", cookie(who), host=own_host(house)))
            assert seen.claims is not None
            assert seen.claims["aud"] == seen.claims["route"] == audience
            assert seen.claims["sub"] == ("1001" if who is browser else "1003")
            found.add(seen.claims["jti"])
    assert len(found) == 3
