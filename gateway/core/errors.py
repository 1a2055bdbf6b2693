"""Failures that end a request. Each knows its status and its Reason, so nobody guesses them again."""

from .reasons import Reason


class GatewayError(Exception):
    """A request ends here, with this answer. The message is for the log; pages show constant text.

    `allow`: the methods that a 405 must name (RFC 9110 15.5.6).
    """

    def __init__(self, status: int, reason: Reason, message: str = "", allow: tuple[str, ...] = ()) -> None:
        super().__init__(message or reason.value)
        self.status = status
        self.reason = reason
        self.allow = allow


class StoreOutage(GatewayError):
    """A store did not answer, or not in time. Never an identity, never a deleted cookie: a 503."""

    def __init__(self, message: str = "") -> None:
        super().__init__(503, Reason.STORE_OUTAGE, message)
