"""From a session and its binding to the signed token in X-User."""

import base64
import json
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from gateway.core.errors import GatewayError
from gateway.core.identity import RESERVED_CLAIMS, Binding, Session
from gateway.core.policy import Access, Route
from gateway.core.reasons import Reason
from gateway.sealing import KeyedHash

from .keys import KeyRing, SecretRing, SigningKey

MAX_TTL = 300  # seconds
MAX_TOKEN = 6 * 1024  # bytes; backends commonly allow 8 KB for all headers

_to_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Signer:
    """Mints tokens of `ttl` seconds.

    `sid_names` and `subject_names` hide the sid and the OpenId; `app_ids` maps an app's id to its WeChat app id.
    """

    def __init__(
        self,
        keyring: KeyRing | SecretRing,
        issuer: str,
        ttl: int,
        sid_names: KeyedHash,
        subject_names: KeyedHash,
        app_ids: Mapping[str, str],
        random: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        if not 0 < ttl <= MAX_TTL:
            raise ValueError(f"a token lives at most {MAX_TTL} seconds")
        self.ttl = ttl
        self._keyring = keyring
        self._issuer = issuer
        self._sid_names = sid_names
        self._subject_names = subject_names
        self._app_ids = app_ids
        self._random = random
        self._headers: dict[str, bytes] = {}  # by kid

    def jwks(self) -> bytes:
        """The JWK set that backends verify with."""
        return self._keyring.jwks()

    def mint(self, session: Session, route: Route, binding: Binding | None, now: int) -> str:
        """A JWT (RFC 7519) for `route`'s audience, valid from `now` (Unix seconds) for `ttl` seconds.

        Without a binding it speaks of the WeChat user, on routes that ask for no more. Raises GatewayError(500)
        where no honest token can be made.
        """
        if route.audience is None:
            raise _refused(route, "the route has no audience")
        subject = session.subject
        claims: dict[str, Any] = {}
        if binding is not None:
            if binding.subject != subject:
                raise _refused(route, "the binding is another subject's")
            held = binding.claims
            claims = {name: held[name] for name in route.policy.claims if name in held and name not in RESERVED_CLAIMS}
            sub = binding.user_id
        elif route.policy.access is Access.WECHAT:
            sub = "wx:" + self._subject_names.name(subject.app, subject.openid, route.audience)
        else:
            raise _refused(route, "the route asks for a binding")
        claims |= {
            "iss": self._issuer,
            "aud": route.audience,
            "sub": sub,
            "iat": now,
            "nbf": now,
            "exp": now + self.ttl,
            "jti": _base64url(self._random(16)).decode("ascii"),
            "sid": self._sid_names.name(session.sid),
            "app": subject.app,
            "bound": binding is not None,
            "amr": _methods(session, binding),
            "auth_time": session.auth_time,
            "route": route.id,
        }
        if route.policy.expose_openid:
            if (app_id := self._app_ids.get(subject.app)) is None:
                raise _refused(route, f"there is no app {subject.app!r}")
            claims |= {"openid": subject.openid, "app_id": app_id}
        return self._sign(claims, route)

    def _sign(self, claims: dict[str, Any], route: Route) -> str:
        assert route.audience is not None
        try:
            key = self._keyring.for_audience(route.audience)
            payload = _to_json(claims).encode()
        except (ValueError, TypeError) as error:  # no secret; NaN, a lone surrogate, not JSON
            raise _refused(route, type(error).__name__) from None
        message = self._header(key) + b"." + _base64url(payload)
        token = message + b"." + _base64url(key.sign(message))
        if len(token) > MAX_TOKEN:
            advice = f"let the policy {route.policy.name!r} name fewer claims"
            raise _refused(route, f"it would have {len(token)} bytes, at most {MAX_TOKEN} are allowed: {advice}")
        return token.decode("ascii")

    def _header(self, key: SigningKey) -> bytes:
        if (header := self._headers.get(key.kid)) is None:
            fields = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"}
            header = self._headers[key.kid] = _base64url(_to_json(fields).encode())
        return header


def _methods(session: Session, binding: Binding | None) -> list[str]:
    """How the person was recognised (RFC 8176): by WeChat, what they bound with, and whether on another device."""
    bound_with = [binding.method] if binding is not None else []
    return ["wechat", *bound_with, *([session.via] if session.via else [])]


def _refused(route: Route, why: str) -> GatewayError:
    return GatewayError(500, Reason.INTERNAL_ERROR, f"no X-User for route {route.id!r}: {why}")


def _base64url(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")
