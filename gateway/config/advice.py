"""What a sound configuration may still be warned about."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from .addresses import Tcp, host_of
from .outside import WEBSITE
from .settings import Settings

_EXAMPLE = "wx520c15f417810387"  # the AppID of the demo, the documentation and the example


def advice_on(settings: Settings) -> Iterator[str]:
    """Sentences for the operator, one a concern."""
    server, bind = settings.server, settings.bind
    if server.development:
        yield "server.development is true: plain http and inline secrets are allowed; never expose this to a network"
    if isinstance(server.admin, Tcp) and server.admin.host in ("0.0.0.0", "::"):  # noqa: S104
        yield f"server.admin = {server.admin} answers on every network: make sure that none of them is public"
    public_host = host_of(server.public_url)
    if not any(public_host in app.hosts for app in settings.apps):
        yield f"apps.hosts: no app names {public_host}, the host of server.public_url: nobody can log in there"
    for number, app in enumerate(settings.apps):
        if app.app_id == _EXAMPLE and not server.development:
            yield f"apps[{number}].app_id: {app.app_id} is the documentation's example: write that of your own account"
        elif not re.fullmatch(r"wx[0-9a-f]{16}", app.app_id):
            yield f"apps[{number}].app_id: {app.app_id} is not like WeChat's AppIDs: wx and 16 hexadecimal digits"
    websites = {app.outside_app for app in settings.apps if app.outside_app}
    for number, app in enumerate(settings.apps):
        if app.provider == WEBSITE and not app.hosts and app.id not in websites:
            yield f"apps[{number}]: nobody signs in through {app.id!r}: name it in another's outside_app, or list hosts"
    if websites and settings.bindings.per_user == 1:
        yield (
            "bindings.per_user = 1: the website login knows people by other OpenIds, so who is bound in WeChat cannot "
            "bind there too; write 2"
        )
    if (users := bind.password and bind.password.file) and not users.is_file():
        yield f"bind.password.file: there is no {users} yet: nobody can prove a password"
    if (phones := bind.sms and bind.sms.resolver_file) and not phones.is_file():
        yield f"bind.sms.resolver_file: there is no {phones} yet: nobody's phone is known"
    for key, table in (("password", bind.password and bind.password.sql), ("sms", bind.sms and bind.sms.sql)):
        if table and table.tls == "off" and not table.url.local:
            yield f"bind.{key}.sql.tls is off, to another machine: hashes and names travel readable"
    if settings.admin.tokens:
        yield "admin.tokens: the admin API and page are not in this version; the tokens open nothing yet"
    for cloud in ("aliyun", "tencent"):
        account = getattr(bind.sms, cloud) if bind.sms and bind.sms.sender == cloud else None
        if bind.sms and account and not account.template_abroad and set(bind.sms.countries) - {"CN"}:
            yield f"bind.sms.{cloud}.template_abroad: numbers of other countries usually need a text of their own"
    services = {
        "bind.password.url": bind.password and bind.password.url,
        "bind.sms.sender_url": bind.sms and bind.sms.sender_url,
        "bind.sms.resolver_url": bind.sms and bind.sms.resolver_url,
    }
    for key, url in services.items():
        if url and url.startswith("http://") and not Tcp(urlsplit(url).hostname or "", 80).loopback:
            yield f"{key} is plain http to another machine: passwords, codes and phone numbers travel readable"
