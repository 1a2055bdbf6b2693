"""Failures that end a request. Each knows its status and its Reason, so nobody guesses them again."""

from .reasons import Reason


class GatewayError(Exception):
    """A request ends here, with this answer. The message is for the log; pages show constant text."""

    def __init__(self, status: int, reason: Reason, message: str = "") -> None:
        super().__init__(message or reason.value)
        self.status = status
        self.reason = reason


class StoreOutage(GatewayError):
    """A store did not answer, or not in time. Never an identity, never a deleted cookie: a 503."""

    def __init__(self, message: str = "") -> None:
        super().__init__(503, Reason.STORE_OUTAGE, message)
