"""From settings to what the bind page is made of. Every function makes one part and starts nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

from pydantic import SecretStr

from gateway.config import Settings
from gateway.stores.lockout import Lockout
from gateway.telemetry.metrics import Metrics
from gateway.verifiers.file import FilePasswordVerifier, FilePhoneResolver
from gateway.verifiers.http import HttpHook, HttpPasswordVerifier, HttpPhoneResolver
from gateway.verifiers.interface import PasswordVerifier, PhoneResolver, SmsSender
from gateway.verifiers.phone import Phones, canonical_phone
from gateway.web.budgets import HOUR
from gateway.web.parts import Brand, Limits, PrivacyNotice

from .databases import sql_password_verifier, sql_phone_resolver
from .passwords import form_verifier, ldap_verifier
from .senders import sms_sender


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
        elif bind.password.verifier == "sql" and bind.password.sql is not None:
            password = sql_password_verifier(bind.password.sql, on_call=on_call)
        elif bind.password.verifier == "ldap" and bind.password.ldap is not None:
            password = ldap_verifier(bind.password.ldap, on_call)
        elif bind.password.verifier == "form" and bind.password.form is not None:
            password = form_verifier(bind.password.form, on_call)
        elif bind.password.url is not None:
            url, secret, patience = bind.password.url, _bytes(bind.password.secret), bind.password.timeout
            password = HttpPasswordVerifier(url, secret, patience, on_call=on_call)
    if "sms" in bind.methods and bind.sms is not None:
        patience = bind.sms.timeout
        sms = sms_sender(bind.sms, on_call)
        if bind.sms.resolver == "file" and bind.sms.resolver_file is not None:
            resolver = FilePhoneResolver(bind.sms.resolver_file, on_call=on_call)
        elif bind.sms.resolver == "sql" and bind.sms.sql is not None:
            resolver = sql_phone_resolver(bind.sms.sql, on_call=on_call)
        elif bind.sms.resolver_url is not None:
            secret = _bytes(bind.sms.resolver_secret)
            resolver = HttpPhoneResolver(bind.sms.resolver_url, secret, patience, on_call=on_call)
    return WaysToBind(password, sms, resolver)


def _bytes(secret: SecretStr | None) -> bytes | None:
    return secret.get_secret_value().encode() if secret is not None else None


def phones_of(settings: Settings) -> Callable[[str], str | None]:
    """The one spelling of a phone of the countries that are taken."""
    return Phones(settings.bind.sms.countries).canonical if settings.bind.sms else canonical_phone


def bind_limits_of(settings: Settings) -> Limits:
    """What the bind page allows, and how often."""
    bind, lockout = settings.bind, settings.bind.lockout
    limits = Limits(
        ticket=bind.ticket_ttl,
        failures_per_ip=bind.failures_per_address,
        lockout=Lockout(
            failures=lockout.failures,
            delay_after=lockout.delay_after,
            delay=lockout.delay,
            max_delay=lockout.max_delay,
            lock=lockout.lock,
            window=HOUR,
        ),
        failures_per_account=lockout.failures_per_account,
        failures_per_subject=lockout.failures_per_wechat,
        failures_in_all=lockout.failures_in_all,
        floor=lockout.floor,
    )
    if bind.sms is None:
        return limits
    return replace(
        limits,
        code=bind.sms.code_ttl,
        resend=bind.sms.resend_after,
        sends_per_phone_day=bind.sms.codes_per_phone,
        sends_per_ip=bind.sms.codes_per_address,
        sends_per_network=bind.sms.codes_per_network,
        sends_in_all=bind.sms.codes_in_all,
    )


def notice_of(settings: Settings) -> PrivacyNotice | None:
    """The privacy notice that the gateway shows itself."""
    notice = settings.bind.notice
    if notice is None:
        return None
    texts = {topic: getattr(notice, topic) for topic in PrivacyNotice.TOPICS}
    return PrivacyNotice(notice.controller, notice.contact, {topic: each for topic, each in texts.items() if each})


def hook_of(settings: Settings, metrics: Metrics) -> HttpHook | None:
    """Where the legacy system hears of binds."""
    hook = settings.bind.hook
    if hook is None:
        return None
    return HttpHook(hook.url, _bytes(hook.secret), hook.timeout, on_call=metrics.verifier_call)


def brand_of(settings: Settings) -> Brand:
    """Whose pages these are."""
    bind = settings.bind
    return Brand(
        name=settings.pages.brand,
        privacy_url=bind.privacy_url or (f"{settings.server.prefix}/privacy" if bind.notice else ""),
        register_url=bind.register_url or "",
        help_url=bind.help_url or "",
        consent_version=bind.consent_version,
    )
