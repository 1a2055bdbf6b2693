"""An OpenID provider that lets everybody in as one user: python -m bench.provider PORT CLIENT_ID SECRET USER.

The authorization code flow of OpenID Connect Core 1.0, section 3.1; ID tokens are signed with the client's secret.
"""

import secrets
import sys
import time
from urllib.parse import urlencode

import jwt
from aiohttp import web


def provider(issuer: str, client_id: str, secret: str, user: str) -> web.Application:
    """Metadata, authorization and token endpoint for one client."""
    nonces: dict[str, str] = {}

    async def metadata(request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["HS256"],
            }
        )

    async def authorize(request: web.Request) -> web.Response:
        code = secrets.token_urlsafe(16)
        nonces[code] = request.query.get("nonce", "")
        answer = urlencode({"code": code, "state": request.query["state"]})
        raise web.HTTPFound(f"{request.query['redirect_uri']}?{answer}")

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        nonce = nonces.pop(str(form.get("code")), None)
        if nonce is None or form.get("client_secret") != secret:
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        claims = {"iss": issuer, "aud": client_id, "sub": user, "nonce": nonce, "iat": now, "exp": now + 3600}
        return web.json_response(
            {
                "access_token": secrets.token_urlsafe(16),
                "token_type": "Bearer",
                "expires_in": 3600,
                "id_token": jwt.encode(claims, secret, algorithm="HS256"),
            }
        )

    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", metadata)
    app.router.add_get("/authorize", authorize)
    app.router.add_post("/token", token)
    return app


if __name__ == "__main__":
    port = int(sys.argv[1])
    app = provider(f"http://127.0.0.1:{port}", *sys.argv[2:])
    web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)
