"""The ways to prove who one is in the legacy system: what is asked of whom, and which failures are counted."""

import unicodedata
from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.core.identity import Session
from gateway.sealing import KeyedHash
from gateway.stores.interface import CodeCheck, State
from gateway.verifiers.interface import PasswordVerifier, PhoneResolver, User

MAX_USERNAME = 256  # characters
MAX_PASSWORD = 1024

Fields = Mapping[str, str]


class Proof(Protocol):
    """One method of binding. `amr` is its name in the binding, `wrong` the word for a "no", `needs` its fields."""

    amr: str
    wrong: str
    needs: tuple[str, ...]

    def name(self, fields: Fields) -> str:
        """Whose account is tried, so that spellings of one name share a budget."""

    async def user(self, session: Session, fields: Fields, now: int) -> User | None:
        """The user who was proven, or None. Raises VerifierOutage or StoreOutage."""


class PasswordProof:
    """A username and a password."""

    amr = "pwd"
    wrong = "wrong_credentials"
    needs: tuple[str, ...] = ("username", "password")

    def __init__(self, verifier: PasswordVerifier) -> None:
        self._verifier = verifier

    def name(self, fields: Fields) -> str:
        """The username, as its verifier compares names."""
        return self._verifier.canonical(fields.get("username", "")[:MAX_USERNAME])

    async def user(self, session: Session, fields: Fields, now: int) -> User | None:
        """Whom the verifier names. It is not bothered with what no system takes for a name or a password."""
        username, password = fields.get("username", ""), fields.get("password", "")
        if not (0 < len(username) <= MAX_USERNAME and username.isprintable() and 0 < len(password) <= MAX_PASSWORD):
            return None
        return await self._verifier.verify(username, password)


class SmsProof:
    """A phone and the one-time code that was sent to it, for this session."""

    amr = "sms"
    wrong = "wrong_code"
    needs: tuple[str, ...] = ("phone", "code")

    def __init__(
        self, resolver: PhoneResolver, state: State, codes: "CodeNames", canonical: Callable[[str], str | None]
    ) -> None:
        self._canonical = canonical
        self._resolver = resolver
        self._state = state
        self._codes = codes

    def name(self, fields: Fields) -> str:
        """The phone."""
        return self._canonical(fields.get("phone", "")) or ""

    async def user(self, session: Session, fields: Fields, now: int) -> User | None:
        """Whose phone it is, if the code is right. An outage of the resolver costs no code."""
        phone = self._canonical(fields.get("phone", ""))
        if phone is None:
            return None
        user = await self._resolver.resolve(phone)
        code = unicodedata.normalize("NFKC", fields.get("code", "")[:32]).replace(" ", "")
        check = await self._state.try_code(
            self._codes.slot(session.sid, phone), self._codes.code(session.sid, phone, code), now
        )
        return user if check is CodeCheck.RIGHT else None


class CodeNames:
    """Under which names one-time codes are stored: of a session and a phone."""

    def __init__(self, names: KeyedHash) -> None:
        self._names = names

    def slot(self, sid: str, phone: str) -> str:
        """Where the one live code is."""
        return self._names.name("slot", sid, phone)

    def code(self, sid: str, phone: str, code: str) -> str:
        """What stands there for `code`."""
        return self._names.name("code", sid, phone, code)
