"""Passwords that a directory checks (LDAP, Active Directory): the one entry of a name is found, then bound as."""

import asyncio
import logging
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.core.ldap_filter import PLACEHOLDER, Filter, escaped_dn
from gateway.wire.dial import trouble

from . import ldap_messages
from .calls import OnCall, measured, unheard
from .interface import User, VerifierOutage
from .ldap_connection import LdapConnection, LdapServer
from .ldap_messages import Entry, LdapError, Result
from .names import folded
from .user_id import checked_claims, checked_user_id

MAX_CONNECTIONS = 20  # more callers wait within their timeout
DN = "dn"  # as an attribute's name: the entry's own distinguished name

# invalidCredentials. And what servers say of accounts that are locked, disabled or without a password:
# constraintViolation and unwillingToPerform (389 Directory Server), inappropriateAuthentication (RFC 4511 A.2).
_NO = {49, 19, 53, 48}
_SIZE_LIMIT_EXCEEDED = 4
_AD_REASON = re.compile(r"\bdata ([0-9a-f]{1,8})\b")  # 52e wrong, 525 unknown, 532 expired, 533 disabled, 775 locked
_NOT_IN_A_NAME = re.compile(r'["/\\\[\]:;|=,+*?<>@\x00-\x1f\x7f]')  # what no sAMAccountName has

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Directory:
    """What is searched, and who searches: the account `bind_dn`, anybody ("" there), or the person as `bind_as`.

    `bind_as` is a template like `{username}@corp.example` or `uid={username},ou=people,dc=example`. `user_id` is an
    attribute or `dn`; `claims` are attributes by claim, in a list of one if the claim is always to be a list.
    """

    base: str
    filter: Filter
    scope: str = "subtree"
    bind_dn: str = ""
    bind_password: str = field(default="", repr=False)
    bind_as: str = ""
    user_id: str = "uid"
    claims: Mapping[str, str | Sequence[str]] = field(default_factory=dict)

    @property
    def attributes(self) -> list[str]:
        """What the search asks for; `1.1` is nothing (RFC 4511 4.5.1.8)."""
        named = {self.user_id, *(name if isinstance(name, str) else name[0] for name in self.claims.values())}
        return sorted(named - {DN}) or ["1.1"]


class LdapPasswordVerifier:
    """A PasswordVerifier. Servers are tried in order, each for its share of what is left of `timeout` seconds.

    Once a person's password was sent to one server, no other is asked: each may count wrong ones.
    `on_call` hears of every question.
    """

    def __init__(
        self,
        servers: Sequence[LdapServer],
        directory: Directory,
        timeout: float = 5.0,
        *,
        on_call: OnCall = unheard,
    ) -> None:
        self._servers = servers
        self._directory = directory
        self._timeout = timeout
        self._on_call = on_call
        self._places = asyncio.Semaphore(MAX_CONNECTIONS)

    def canonical(self, username: str) -> str:
        """Folded: directories compare names without case, width and surplus spaces (RFC 4518)."""
        return folded(username)

    async def verify(self, username: str, password: str) -> User | None:
        """The user whose entry this name finds, if the password is right."""
        with measured(self._on_call, "password") as call:
            try:
                async with asyncio.timeout(self._timeout), self._places:
                    user = await self._ask(username, password)
                call.outcome = "no" if user is None else "ok"
                return user
            except (OSError, LdapError) as error:  # a TimeoutError is an OSError
                log.warning("ldap: %s", _words(error))
                raise VerifierOutage(f"ldap: {_words(error)}") from None

    async def close(self) -> None:
        """Nothing is kept."""

    async def trouble(self, server: LdapServer) -> str | None:
        """Why this server could not be asked now, None if it could: connects, and searches unless only people may."""
        try:
            async with asyncio.timeout(self._timeout):
                connection, _ = await self._reach(server, secrets.token_hex(16))
                connection.abort()
        except (OSError, LdapError) as error:
            return _words(error)
        return None

    async def _ask(self, username: str, password: str) -> User | None:
        person = _filled(self._directory.bind_as, username)
        if not _is_text(username) or not _is_text(password) or person is None:
            return None
        connection, entries = await self._first_that_answers(username)
        try:
            user = await self._proven(connection, entries, person, username, password)
            connection.close()
            return user
        except BaseException:
            connection.abort()
            raise

    async def _proven(
        self, connection: LdapConnection, entries: list[Entry] | None, person: str, username: str, password: str
    ) -> User | None:
        if entries is None:
            if not _accepted(await connection.bind(person, password)):
                return None
            entries = await self._search(connection, username)
        if len(entries) != 1:
            if len(entries) > 1 or person:
                log.warning("ldap: a name has %s; the filter must find one", "two entries" if entries else "no entry")
            # As many questions for an unknown name as for a wrong password.
            await connection.bind(f"cn={secrets.token_hex(8)},{self._directory.base}", secrets.token_hex(8))
            return None
        [entry] = entries
        if not entry.dn:
            raise LdapError("an entry without a name")
        if not _accepted(await connection.bind(entry.dn, password)):
            return None
        return self._user(entry)

    async def _first_that_answers(self, username: str) -> tuple[LdapConnection, list[Entry] | None]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._timeout
        for tried, server in enumerate(self._servers):
            try:
                async with asyncio.timeout((deadline - loop.time()) / (len(self._servers) - tried)):
                    return await self._reach(server, username)
            except (OSError, LdapError) as error:
                log.warning("ldap: %s: %s", server.name, _words(error))
        raise LdapError("no server could be asked")

    async def _reach(self, server: LdapServer, username: str) -> tuple[LdapConnection, list[Entry] | None]:
        """A connection, and the entries of the name; None if only the person may search."""
        connection = await LdapConnection.open(server)
        try:
            if self._directory.bind_as:
                return connection, None
            if self._directory.bind_dn:
                result = await connection.bind(self._directory.bind_dn, self._directory.bind_password)
                if result.code != 0:
                    raise LdapError(f"the gateway's own account is refused with {_named(result)}")
            return connection, await self._search(connection, username)
        except BaseException:
            connection.abort()
            raise

    async def _search(self, connection: LdapConnection, username: str) -> list[Entry]:
        directory = self._directory
        found, result = await connection.search(
            ldap_messages.search(
                directory.base,
                ldap_messages.SCOPES[directory.scope],
                2,  # enough to know that a name is ambiguous
                max(1, round(self._timeout)),
                ldap_messages.filter_octets(directory.filter, username.encode()),
                directory.attributes,
            )
        )
        if result.code != 0 and not (result.code == _SIZE_LIMIT_EXCEEDED and len(found) > 1):
            raise LdapError(f"the search is refused with {_named(result)}")
        return found

    def _user(self, entry: Entry) -> User:
        try:
            values = _values(entry, self._directory.user_id)
            if len(values) != 1:
                raise ValueError(f"{self._directory.user_id} has {len(values)} values, and the user id needs one")
            claims: dict[str, Any] = {}
            for claim, attribute in self._directory.claims.items():
                if not isinstance(attribute, str):
                    claims[claim] = _values(entry, attribute[0])
                elif found := _values(entry, attribute):
                    claims[claim] = found if len(found) > 1 else found[0]
            return User(checked_user_id(values[0]), checked_claims(claims))
        except ValueError as error:
            raise LdapError(f"an entry is not usable: {error}") from None


def _is_text(value: str) -> bool:
    """Neither empty nor with what a server may cut it off at; encodable."""
    return bool(value) and "\0" not in value and value == value.encode(errors="replace").decode()


def _filled(template: str, username: str) -> str | None:
    """Whom the person binds as, "" without a template, None if the name cannot stand in it."""
    if "=" in template:
        return template.replace(PLACEHOLDER, escaped_dn(username))
    if template and _NOT_IN_A_NAME.search(username):
        return None
    return template.replace(PLACEHOLDER, username)


def _accepted(result: Result) -> bool:
    """Whether a person's bind was taken; LdapError if that was not the question."""
    if result.code == 0:
        return True
    if result.code not in _NO:
        raise LdapError(f"a person's bind ended with {_named(result)}")
    log.info("ldap: a password was refused with %s", _named(result))
    return False


_NAMES = {
    1: "operationsError", 4: "sizeLimitExceeded", 8: "strongerAuthRequired", 10: "referral",
    13: "confidentialityRequired", 19: "constraintViolation", 32: "noSuchObject", 34: "invalidDNSyntax",
    48: "inappropriateAuthentication", 49: "invalidCredentials", 50: "insufficientAccessRights", 51: "busy",
    52: "unavailable", 53: "unwillingToPerform",
}  # fmt: skip


def _named(result: Result) -> str:
    reason = _AD_REASON.search(result.diagnostic)
    name = _NAMES.get(result.code, "")
    return f"result {result.code}" + (f" {name}" if name else "") + (f", data {reason[1]}" if reason else "")


def _words(error: OSError | LdapError) -> str:
    """What went wrong, without what a server wrote."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return trouble(error) if isinstance(error, OSError) else str(error)


def _values(entry: Entry, attribute: str) -> list[str]:
    if attribute == DN:
        return [entry.dn]
    try:
        return [value.decode() for value in entry.attributes.get(attribute.lower(), ())]
    except UnicodeDecodeError:
        raise ValueError(f"{attribute} is not text") from None
