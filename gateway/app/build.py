"""From settings to the parts that they describe. Every function makes one part and starts nothing."""

import logging
from collections.abc import Callable

from gateway.config import Loaded, Settings
from gateway.core.errors import GatewayError
from gateway.core.policy import Access
from gateway.core.routing import RouteTable
from gateway.core.target import parse_target
from gateway.sealing import KeyedHash
from gateway.signing import KeyRing, SecretRing, Signer, load_private_pem
from gateway.wire.limits import Limits
from gateway.wire.listen import raise_file_limit

log = logging.getLogger(__name__)

_SPARE_DESCRIPTORS = 64  # files, stores, WeChat, the admin listener


def limits_of(settings: Settings) -> Limits:
    """The wire's limits, as many clients as the limit of open files affords."""
    chosen = settings.limits
    # Beside a client's own descriptor, an upload upstream holds two more, one to our own pages three (a socket pair).
    descriptors = max(raise_file_limit() - _SPARE_DESCRIPTORS, 32)
    for_requests = min(3 * chosen.max_requests, max(descriptors - chosen.max_connections, descriptors // 3))
    affordable = descriptors - for_requests
    if affordable < chosen.max_connections:
        asked_for = "max_connections" in chosen.model_fields_set
        level = logging.WARNING if asked_for else logging.DEBUG
        log.log(level, "limits.max_connections is %d here: the limit of open files allows no more", affordable)
    return Limits(
        head=chosen.max_head,
        target=chosen.max_target,
        fields=chosen.max_fields,
        head_timeout=chosen.head_timeout,
        idle_timeout=chosen.idle_timeout,
        body_timeout=chosen.body_timeout,
        connections=min(chosen.max_connections, affordable),
        requests=max(for_requests // 3, 1),
    )


def signer_of(settings: Settings, masters: list[bytes]) -> Signer:
    """The signer of X-User. `masters` are the cookie keys: names in tokens are hashed under them."""
    identity = settings.identity
    ring: KeyRing | SecretRing
    if identity.algorithm == "HS256":
        audiences = {rule.audience for rule in settings.routes if rule.audience is not None}
        only = next(iter(audiences)) if len(audiences) == 1 else ""
        ring = SecretRing({key.audience or only: key.secret.get_secret_value() for key in identity.keys})
    else:
        ring = KeyRing([load_private_pem(key.secret.get_secret_value(), identity.algorithm) for key in identity.keys])
    return Signer(
        ring,
        identity.issuer,
        identity.ttl,
        KeyedHash(masters, "sid in tokens"),
        KeyedHash(masters, "subjects in tokens"),
        {app.id: app.app_id for app in settings.apps},
    )


def identity_headers(loaded: Loaded) -> list[bytes]:
    """X-User and the plain headers of every policy: scrubbed from every request on every route."""
    plain = [name for policy in loaded.policies.values() for name, _ in policy.headers]
    return [name.encode("ascii") for name in [loaded.settings.identity.header, *plain]]


def needs_binding_by(table: RouteTable) -> Callable[[str, str], bool]:
    """Whether a page (by Host and path) is for bound users only: what the callback asks of the routes."""

    def needs_binding(host: str, return_to: str) -> bool:
        try:
            target = parse_target(return_to.partition("#")[0].encode("ascii"))
            return table.match(host, "GET", target).policy.access is Access.BOUND
        except (GatewayError, UnicodeEncodeError):
            return False

    return needs_binding
