"""From settings to people looked up in a legacy database. Nothing is connected."""

import ssl

from gateway.config.sql import Digest, PasswordSql, PhoneSql
from gateway.verifiers.calls import OnCall
from gateway.verifiers.hashes import DigestRules
from gateway.verifiers.legacy_database import LegacyDatabase, Place
from gateway.verifiers.sql import PasswordColumns, SqlPasswordVerifier, SqlPhoneResolver, UserColumns


def sql_password_verifier(settings: PasswordSql, *, on_call: OnCall) -> SqlPasswordVerifier:
    """Who checks passwords in a database. Reads `tls_ca`: raises OSError."""
    return SqlPasswordVerifier(
        legacy_database(settings, "username"),
        _columns(settings),
        PasswordColumns(settings.password, settings.salt, settings.username),
        _digest(settings.digest),
        settings.example_hash,
        on_call=on_call,
    )


def sql_phone_resolver(settings: PhoneSql, *, on_call: OnCall) -> SqlPhoneResolver:
    """Who knows phones from a database. Reads `tls_ca`: raises OSError."""
    return SqlPhoneResolver(legacy_database(settings, "phone"), _columns(settings), on_call=on_call)


def legacy_database(settings: PasswordSql | PhoneSql, parameter: str) -> LegacyDatabase:
    """The database with its query. Reads `tls_ca`: raises OSError."""
    url = settings.url
    place = Place(
        url.kind, url.path, url.host, url.port, url.socket, url.user, url.password, url.database, _tls(settings)
    )
    return LegacyDatabase(place, settings.query, parameter, timeout=settings.timeout, connections=settings.connections)


def _columns(settings: PasswordSql | PhoneSql) -> UserColumns:
    return UserColumns(settings.user_id, settings.claims, settings.claims_json)


def _digest(settings: Digest | None) -> DigestRules | None:
    return DigestRules(**settings.model_dump()) if settings is not None else None


def _tls(settings: PasswordSql | PhoneSql) -> ssl.SSLContext | None:
    if settings.tls in (None, "off"):
        return None
    context = ssl.create_default_context(cafile=settings.tls_ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.check_hostname = settings.tls == "verify-full"
    return context
