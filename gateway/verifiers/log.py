"""An SMS sender for development: the code goes to the log, where whoever runs the gateway reads it."""

import logging

log = logging.getLogger(__name__)


class LogSmsSender:
    """Sends nothing anywhere. The configuration allows it in development only."""

    async def send(self, phone: str, code: str, ttl: int) -> None:
        """Write `code` to the log."""
        log.warning("development: the code for the phone that ends in %s is %s, for %d seconds", phone[-4:], code, ttl)

    async def close(self) -> None:
        """Nothing to release."""
