"""Passwords and phones looked up in the legacy system's own database, by a query that its operator wrote."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from .calls import OnCall, measured, unheard
from .columns import claims_in, text_or_bytes, user_id_in
from .hashes import DigestRules, HashUnusable, StoredHash, read_hash
from .interface import User, VerifierOutage
from .legacy_database import LegacyDatabase, Row
from .names import folded
from .threads import HashingThreads

# What unknown names are checked against until a known one was seen: bcrypt as PHP and Java made it for years.
_USUAL = "$2b$10$" + 53 * "."
_NOTHING = StoredHash(lambda password: b"", b"-", seconds=0.0)  # next to a query, a digest costs nothing
_MUCH_LESS = 0.5  # of the dummy's time

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UserColumns:
    """Where a row says who it is. `claims`: claim → column; `claims_json`: a column with a JSON object of more."""

    user_id: str = "user_id"
    claims: Mapping[str, str] = field(default_factory=dict)
    claims_json: str | None = None

    def user(self, row: Row) -> User:
        """The user. Raises ValueError, which names the column and what is wrong with it."""
        return User(user_id_in(row, self.user_id), claims_in(row, self.claims, self.claims_json))


@dataclass(frozen=True, slots=True)
class PasswordColumns:
    """Where a row holds the password's hash, its salt, and the name as the system spells it, if they are columns."""

    password: str = "password"  # noqa: S105 - a column's name
    salt: str | None = None
    username: str | None = None


class _Lookup:
    """Asks `database` for one row; several are a fault, and whatever is wrong with a row is an outage.

    `on_call` hears of every question.
    """

    _kind: ClassVar[str]
    _table: ClassVar[str]

    def __init__(
        self,
        database: LegacyDatabase,
        columns: UserColumns | None = None,
        *,
        on_call: OnCall = unheard,
    ) -> None:
        self._database = database
        self._columns = columns or UserColumns()
        self._on_call = on_call

    async def close(self) -> None:
        """Release connections; idempotent."""
        await self._database.close()

    async def _ask(self, question: Callable[[], Awaitable[User | None]]) -> User | None:
        with measured(self._on_call, self._kind) as call:
            try:
                user = await question()
                call.outcome = "no" if user is None else "ok"
                return user
            except VerifierOutage as error:
                log.warning("%s: %s", self._table, error)
                raise
            except ValueError as error:  # HashUnusable is one
                log.error("%s: the row found cannot be used: %s", self._table, error)
                raise VerifierOutage("the row in the legacy database cannot be used") from None

    async def _row(self, value: str) -> Row | None:
        rows = await self._database.rows(value)
        if len(rows) > 1:
            raise ValueError("the query gave several rows for one value; it must name one person")
        return rows[0] if rows else None


class SqlPasswordVerifier(_Lookup):
    """A PasswordVerifier. `digest` reads hashes that do not say their format.

    Unknown names take as long as wrong passwords: they are checked against a dummy of the costliest kind seen so far,
    at first of `example`, a hash like those in the database.
    """

    _kind = "password"
    _table = "bind.password.sql"

    def __init__(
        self,
        database: LegacyDatabase,
        columns: UserColumns | None = None,
        password: PasswordColumns | None = None,
        digest: DigestRules | None = None,
        example: str | None = None,
        *,
        on_call: OnCall = unheard,
    ) -> None:
        super().__init__(database, columns, on_call=on_call)
        self._password = password or PasswordColumns()
        self._digest = digest
        self._threads = HashingThreads()
        known = self._read_example(example)
        self._dummy = known or (digest is None and read_hash(_USUAL)) or _NOTHING
        self._assumed = known is None

    def _read_example(self, example: str | None) -> StoredHash | None:
        try:
            return read_hash(example)
        except HashUnusable as error:
            log.warning("%s.example_hash %s", self._table, error)
            return None

    def canonical(self, username: str) -> str:
        """Folded, as databases have collations."""
        return folded(username)

    async def close(self) -> None:
        """Release threads and connections; idempotent."""
        self._threads.close()
        await super().close()

    async def verify(self, username: str, password: str) -> User | None:
        """The user of this name, if the password is right."""

        async def question() -> User | None:
            row = await self._row(username)
            stored = self._stored(row, username) if row is not None else None
            right = await self._threads.run(lambda: self._checked(stored, password))
            return self._columns.user(row) if row is not None and right else None

        return await self._ask(question)

    def _stored(self, row: Row, username: str) -> StoredHash | None:
        """The row's hash, if it is the row of this name and has one."""
        columns = self._password
        if columns.username is not None:
            name = text_or_bytes(row, columns.username)
            if not isinstance(name, str) or folded(name) != folded(username):
                return None  # MySQL takes 42x for the number 42
        salt = text_or_bytes(row, columns.salt) if columns.salt is not None else None
        return read_hash(text_or_bytes(row, columns.password), salt, self._digest)

    def _checked(self, stored: StoredHash | None, password: str) -> bool:
        if stored is not None and (self._assumed or stored.seconds > self._dummy.seconds):
            self._dummy, self._assumed = stored.dummy(), False
        dummy = self._dummy
        if stored is None:
            dummy.matches(password)
            return False
        if stored.matches(password):
            return True
        if stored.seconds < dummy.seconds * _MUCH_LESS:
            dummy.matches(password)  # among costly hashes, a cheap one would tell that the name is known
        return False


class SqlPhoneResolver(_Lookup):
    """A PhoneResolver."""

    _kind = "phone"
    _table = "bind.sms.sql"

    async def resolve(self, phone: str) -> User | None:
        """The user of the row that the query gives for this phone."""

        async def question() -> User | None:
            row = await self._row(phone)
            return self._columns.user(row) if row is not None else None

        return await self._ask(question)
