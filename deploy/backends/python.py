"""Who is signed in? Needs PyJWT with cryptography. `user(request.headers)` in any framework."""

import jwt  # PyJWT

ISSUER, AUDIENCE = "https://app.example.com", "legacy"
KEYS = jwt.PyJWKClient(f"{ISSUER}/_gateway/jwks.json", cache_keys=True, lifespan=300, timeout=5)


class NotSignedIn(Exception):
    """Answer 401."""


def user(headers):
    """The claims of the signed-in user: `sub` is the user id. Raises NotSignedIn."""
    token = headers.get("X-User", "")
    try:
        key = KEYS.get_signing_key_from_jwt(token).key
        claims = jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=60,
            options={"require": ["exp", "nbf", "sub"]},
        )
    except jwt.PyJWTError as error:
        raise NotSignedIn from error
    if claims.get("bound") is not True:
        raise NotSignedIn
    return claims
