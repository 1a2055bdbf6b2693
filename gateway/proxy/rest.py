"""What a connection does behind a refusal: nothing for a second, as Retry-After asks of its client.

Without the rest, a client that tries again at once would cost more than it was spared.
"""

from gateway.core.errors import GatewayError
from gateway.wire.client import NEVER, ClientConnection

REST = 1.0  # seconds


def rest(client: ClientConnection, now: float) -> None:
    """Keep an answered connection from its next request. `now` is the loop's time."""
    client.hand_over(_Rest(client))
    client.deadline = now + REST


class _Rest:
    """In place of an exchange, until the deadline: what the client sends meanwhile waits."""

    def __init__(self, client: ClientConnection) -> None:
        self._client = client

    def expired(self) -> None:
        """Rested."""
        self._client.deadline = NEVER
        self._client.finish(keep_alive=not self._client.draining)

    def start(self) -> None:
        """It has started."""

    def request_data(self, data: bytes) -> None:
        """The request has no body."""

    def request_end(self) -> None:
        """The request has no body."""

    def request_broken(self, error: GatewayError) -> None:
        """The request has no body."""

    def client_paused(self) -> None:
        """The answer was all there is to send."""

    def client_resumed(self) -> None:
        """As before."""

    def client_lost(self) -> None:
        """Nothing is under way."""
