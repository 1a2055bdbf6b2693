"""For `gateway check --online`: whether those who are to check passwords can be asked. Nobody's password is tried."""

from collections.abc import AsyncIterator

from gateway.app.passwords import form_verifier, ldap_servers, ldap_verifier
from gateway.config import Loaded, Problem


async def people_problems(loaded: Loaded) -> AsyncIterator[Problem]:
    """Each server of a directory is searched once for a name that nobody has; the login form is fetched once."""
    bind = loaded.settings.bind
    if "password" not in bind.methods or bind.password is None:
        return
    if bind.password.verifier == "ldap" and (ldap := bind.password.ldap) is not None:
        asking = ldap_verifier(ldap)
        for index, server in enumerate(ldap_servers(ldap)):
            if message := await asking.trouble(server):
                yield loaded.problem(("bind", "password", "ldap", "urls", index), f"{server.name}: {message}")
    if bind.password.verifier == "form" and (form := bind.password.form) is not None:
        visiting = form_verifier(form)
        if message := await visiting.trouble():
            yield loaded.problem(("bind", "password", "form", "url"), message)
        await visiting.close()
