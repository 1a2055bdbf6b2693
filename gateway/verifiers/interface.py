"""The three questions that the bind page asks of the legacy system, as protocols of one method each."""

from dataclasses import dataclass, field
from typing import Protocol

from gateway.core.identity import Claims


@dataclass(frozen=True, slots=True)
class User:
    """A legacy user, as a verifier names them. `user_id` passed `checked_user_id`."""

    user_id: str
    claims: Claims = field(default_factory=dict)


class VerifierOutage(Exception):
    """The legacy system did not say yes or no. Not a "no": no try is spent."""


class SenderMisconfigured(VerifierOutage):
    """The SMS vendor refuses us, whoever the message is for: a key, a signature, a template, the balance."""


class SenderRefused(Exception):
    """The SMS vendor will not send to this phone: "limited" or "bad_number". `retry_after` in seconds, if known."""

    def __init__(self, message: str, outcome: str = "limited", retry_after: int | None = None) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.retry_after = retry_after


class PasswordVerifier(Protocol):
    """Checks a username and a password."""

    def canonical(self, username: str) -> str:
        """One spelling for all that this system takes for one name: budgets count by it. Asks nobody."""

    async def verify(self, username: str, password: str) -> User | None:
        """The user, or None for a "no". Raises VerifierOutage when there is no answer."""

    async def close(self) -> None:
        """Release connections."""


class PhoneResolver(Protocol):
    """Finds whose phone this is."""

    async def resolve(self, phone: str) -> User | None:
        """The user, or None if nobody has this phone. Raises VerifierOutage when there is no answer."""

    async def close(self) -> None:
        """Release connections."""


class SmsSender(Protocol):
    """Brings a one-time code to a phone."""

    async def send(self, phone: str, code: str, ttl: int) -> None:
        """Send `code`, valid for `ttl` seconds. Raises SenderRefused, SenderMisconfigured, VerifierOutage."""

    async def close(self) -> None:
        """Release connections."""
