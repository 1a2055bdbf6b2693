"""From the tables below [bind.password] to the verifiers that they describe, and whether what they name is there."""

import ssl

from gateway.config.addresses import Address, Tcp, Unix
from gateway.config.form import Form, ProfileTable, SignsTable
from gateway.config.ldap import Ldap
from gateway.config.upstreams import TlsTable
from gateway.verifiers.calls import OnCall, unheard
from gateway.verifiers.form import FormPasswordVerifier, LoginForm, Signs
from gateway.verifiers.form_page import Selector
from gateway.verifiers.form_profile import Profile
from gateway.verifiers.ldap import Directory, LdapPasswordVerifier
from gateway.verifiers.ldap_connection import LdapServer

from .upstreams import tls_context


def ldap_servers(table: Ldap) -> list[LdapServer]:
    """The servers in the order in which they are tried."""
    context = tls_context(table.tls)
    context.set_alpn_protocols([])  # not HTTP
    return [_server(url, table, context) for url in table.urls]


def _server(url: Address, table: Ldap, context: ssl.SSLContext) -> LdapServer:
    if isinstance(url, Unix):
        return LdapServer(f"ldapi {url.path}", path=str(url.path))
    direct = isinstance(url, Tcp) and url.tls
    return LdapServer(
        f"{'ldaps' if direct else 'ldap'} {url.host}:{url.port}",
        url.host,
        url.port,
        tls=context if direct or table.start_tls else None,
        start_tls=table.start_tls,
        server_name=_server_name(table.tls),
    )


def ldap_verifier(table: Ldap, on_call: OnCall = unheard) -> LdapPasswordVerifier:
    """The verifier that asks a directory."""
    directory = Directory(
        base=table.base,
        filter=table.filter,
        scope=table.scope,
        bind_dn=table.bind_dn,
        bind_password=table.bind_password.get_secret_value() if table.bind_password else "",
        bind_as=table.bind_as,
        user_id=table.user_id,
        claims=table.claims,
    )
    return LdapPasswordVerifier(ldap_servers(table), directory, table.timeout, on_call=on_call)


def form_verifier(table: Form, on_call: OnCall = unheard) -> FormPasswordVerifier:
    """The verifier that logs in to the legacy system's own form."""
    form = LoginForm(
        url=table.url,
        selector=Selector(table.password_field, table.form_id, table.form_name, table.form_action),
        username_field=table.username_field,
        password_field=table.password_field,
        success=_signs(table.success),
        failure=_signs(table.failure),
        fields=table.fields,
        post_url=table.post_url or "",
        json=table.body == "json",
        charset=table.charset,
        host=table.host or "",
        server_name=_server_name(table.tls),
        token_cookie=table.token_cookie or "",
        token_header=table.token_header or "",
        token_field=table.token_field or "",
        lower=table.names == "lower",
        profile=_profile(table.profile) if table.profile else None,
        logout_url=table.logout_url or "",
        logout_post=table.logout_method == "POST",
    )
    return FormPasswordVerifier(form, table.timeout, tls=_context(table), on_call=on_call)


def _context(table: Form) -> ssl.SSLContext | None:
    return tls_context(table.tls) if table.url.startswith("https:") else None


def _server_name(tls: TlsTable | None) -> str:
    return (tls.server_name or "").strip("[]") if tls is not None else ""


def _signs(table: SignsTable) -> Signs:
    statuses = frozenset(status for each in table.status for status in each)
    return Signs(statuses, table.location, table.cookie or "", table.text, table.without_text)


def _profile(table: ProfileTable) -> Profile:
    return Profile(table.user_id, table.url or "", table.format == "json", table.claims)
