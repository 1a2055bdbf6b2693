"""Passwords and phones from a TOML file of users, which is read again whenever it changes."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError, VerifyMismatchError

from .calls import OnCall, measured, unheard
from .interface import User, VerifierOutage
from .names import folded
from .threads import HashingThreads
from .users import FileUser, Users, load_users

log = logging.getLogger(__name__)


class _FileOfUsers:
    """Asks the file in `path` in threads of its own. A file that cannot be read or is wrong is an outage.

    `on_call` hears of every question.
    """

    _kind: ClassVar[str]

    def __init__(
        self,
        path: Path | str,
        *,
        on_call: OnCall = unheard,
    ) -> None:
        self._path = Path(path)
        self._on_call = on_call
        self._threads = HashingThreads()
        self._loaded: tuple[object, Users] | None = None

    async def close(self) -> None:
        """Release the threads; idempotent."""
        self._threads.close()

    async def _ask(self, question: Callable[[Users], User | None]) -> User | None:
        with measured(self._on_call, self._kind) as call:
            try:
                user = await self._threads.run(lambda: question(self._users()))
                call.outcome = "no" if user is None else "ok"
                return user
            except VerifierOutage as error:
                log.warning("%s: %s", self._path, error)
                raise
            except (OSError, ValueError) as error:
                log.error("%s: %s", self._path, error)
                raise VerifierOutage("the file of users is not usable") from None

    def _users(self) -> Users:
        status = self._path.stat()
        version = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self._loaded is None or self._loaded[0] != version:
            self._loaded = (version, load_users(self._path))
        return self._loaded[1]


class FilePasswordVerifier(_FileOfUsers):
    """A PasswordVerifier. Unknown names take as long as wrong passwords."""

    _kind = "password"

    def canonical(self, username: str) -> str:
        """Folded."""
        return folded(username)

    async def verify(self, username: str, password: str) -> User | None:
        """The user of exactly this name, if the password is right."""
        return await self._ask(lambda users: _checked(users, username, password))


class FilePhoneResolver(_FileOfUsers):
    """A PhoneResolver."""

    _kind = "phone"

    async def resolve(self, phone: str) -> User | None:
        """The user with this phone, in its canonical form."""

        def question(users: Users) -> User | None:
            entry = users.by_phone.get(phone)
            return entry.user if entry else None

        return await self._ask(question)


def _checked(users: Users, username: str, password: str) -> User | None:
    entry: FileUser | None = users.by_name.get(username)
    known = entry.password if entry else None
    try:
        PasswordHasher().verify(known or users.dummy, password)
    except VerifyMismatchError:
        return None
    except (Argon2Error, InvalidHashError):
        raise ValueError(f"users.{username}: password is not a usable argon2id hash") from None
    return entry.user if entry and known else None
