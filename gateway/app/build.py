"""From settings to the parts that they describe. Every function makes one part and starts nothing."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from pydantic import SecretStr

from gateway.config import Loaded, Settings
from gateway.core.errors import GatewayError
from gateway.core.policy import Access
from gateway.core.routing import RouteTable
from gateway.core.target import parse_target
from gateway.sealing import KeyedHash
from gateway.signing import KeyRing, SecretRing, Signer, load_private_pem
from gateway.telemetry.metrics import Metrics
from gateway.verifiers.file import FilePasswordVerifier
from gateway.verifiers.http import HttpPasswordVerifier, HttpPhoneResolver, HttpSmsSender
from gateway.verifiers.interface import PasswordVerifier, PhoneResolver, SmsSender
from gateway.verifiers.log import LogSmsSender
from gateway.web.parts import Brand
from gateway.web.parts import Limits as BindLimits
from gateway.wire.limits import Limits
from gateway.wire.listen import raise_file_limit

log = logging.getLogger(__name__)

_SPARE_DESCRIPTORS = 64  # files, stores, WeChat, the admin listener


class WaysToBind(NamedTuple):
    """What `bind.methods` names."""

    password: PasswordVerifier | None
    sms: SmsSender | None
    resolver: PhoneResolver | None


def ways_to_bind(settings: Settings, metrics: Metrics) -> WaysToBind:
    """What `bind.methods` names."""
    bind, on_call = settings.bind, metrics.verifier_call
    password: PasswordVerifier | None = None
    sms: SmsSender | None = None
    resolver: PhoneResolver | None = None
    if "password" in bind.methods and bind.password is not None:
        if bind.password.verifier == "file" and bind.password.file is not None:
            password = FilePasswordVerifier(bind.password.file, on_call=on_call)
        elif bind.password.url is not None:
            url, secret, patience = bind.password.url, _bytes(bind.password.secret), bind.password.timeout
            password = HttpPasswordVerifier(url, secret, patience, on_call=on_call)
    if "sms" in bind.methods and bind.sms is not None:
        patience = bind.sms.timeout
        if bind.sms.sender == "log":
            sms = LogSmsSender()
        elif bind.sms.sender_url is not None:
            sms = HttpSmsSender(bind.sms.sender_url, _bytes(bind.sms.sender_secret), patience, on_call=on_call)
        if bind.sms.resolver_url is not None:
            secret = _bytes(bind.sms.resolver_secret)
            resolver = HttpPhoneResolver(bind.sms.resolver_url, secret, patience, on_call=on_call)
    return WaysToBind(password, sms, resolver)


def _bytes(secret: SecretStr | None) -> bytes | None:
    return secret.get_secret_value().encode() if secret is not None else None


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


def bind_limits_of(settings: Settings) -> BindLimits:
    """What the bind page allows, and how often."""
    bind = settings.bind
    limits = BindLimits(
        ticket=bind.ticket_ttl,
        failures_per_ip=bind.failures_per_address,
    )
    if bind.sms is None:
        return limits
    return replace(
        limits,
        code=bind.sms.code_ttl,
        resend=bind.sms.resend_after,
        sends_per_phone_day=bind.sms.codes_per_phone,
        sends_per_ip=bind.sms.codes_per_address,
        sends_in_all=bind.sms.codes_in_all,
    )


def brand_of(settings: Settings) -> Brand:
    """Whose pages these are."""
    bind = settings.bind
    return Brand(
        name=settings.pages.brand,
        privacy_url=bind.privacy_url or "",
        register_url=bind.register_url or "",
        help_url=bind.help_url or "",
        consent_version=bind.consent_version,
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
