"""What stands behind a client connection: the door that it leads to, and the exchange of one request."""

from typing import TYPE_CHECKING, Protocol

from gateway.core.errors import GatewayError
from gateway.core.head import RequestHead

if TYPE_CHECKING:
    from .client import ClientConnection


class Exchange(Protocol):
    """One request and its answer, as the connection sees it. Implemented behind the doors."""

    def start(self) -> None:
        """The head stands; decide. May answer before it returns."""

    def request_data(self, data: bytes) -> None:
        """Payload of the request's body, never empty; only after `ClientConnection.read_body`."""

    def request_end(self) -> None:
        """The body is complete."""

    def client_paused(self) -> None:
        """The client reads too slowly: send it nothing more for now."""

    def client_resumed(self) -> None:
        """It caught up."""

    def client_lost(self) -> None:
        """It is gone, or its body broke off. Nothing can be answered any more."""

    def request_broken(self, error: GatewayError) -> None:
        """Its body's framing is broken: end the exchange, answering if nothing was answered yet."""

    def expired(self) -> None:
        """The deadline that the exchange set on the connection has passed."""


class Door(Protocol):
    """What stands behind the wire."""

    def exchange(self, client: "ClientConnection", head: RequestHead) -> Exchange:
        """A new exchange for a valid head."""

    def refusal(self, client: "ClientConnection", error: GatewayError) -> bytes:
        """The whole answer to a head that is not valid; the connection is closed behind it."""

    def greet(self, client: "ClientConnection") -> bool:
        """A connection was made. False: too many; the connection is refused and closed."""

    def recognize(self, client: "ClientConnection") -> None:
        """A connection that another door greeted comes here from now on."""

    def farewell(self, client: "ClientConnection") -> None:
        """It is gone."""
