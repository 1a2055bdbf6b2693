"""The cheapest answer there is, for a worker that cannot keep up: 503 before a request is routed or authorised."""

from gateway.core.errors import GatewayError
from gateway.core.head import RequestHead
from gateway.core.reasons import Reason
from gateway.telemetry.metrics import NO_ROUTE
from gateway.wire.client import ClientConnection
from gateway.wire.overload import Overload

from .carrier import Carrier
from .render import Answer
from .rest import rest

_ID = b"overloaded"  # all of them share it: there is no line in the access log to find


class Shedder:
    """Picks the requests to refuse while `overload` sheds. Those to `prefix`, our own pages, come last."""

    def __init__(self, carrier: Carrier, overload: Overload, prefix: str) -> None:
        self._carrier = carrier
        self.overload = overload
        self._prefix = prefix.encode("ascii")

    def refuses(self, head: RequestHead) -> bool:
        """Whether this request is to be refused."""
        return self.overload.refuses() and (not head.target.startswith(self._prefix) or self.overload.refuses())

    def exchange(self, client: ClientConnection, head: RequestHead) -> "Shed":
        """The refusal of a request."""
        return Shed(self._carrier, client, head)


class Shed:
    """One refused request: answered at once, then its connection rests."""

    def __init__(self, carrier: Carrier, client: ClientConnection, head: RequestHead) -> None:
        self._carrier = carrier
        self._client = client
        self._head = head

    def start(self) -> None:
        """Answer. A body is not read: it makes the answer the connection's last."""
        client, head = self._client, self._head
        keep_alive = head.keep_alive and not head.has_body and not client.draining
        answer = self._answer()
        client.write(answer.encode(head_only=head.method == b"HEAD", keep_alive=keep_alive, http11=head.http11))
        self._carrier.metrics.request(NO_ROUTE, Reason.OVERLOADED.value, answer.status, 0.0)
        if keep_alive:
            rest(client, self._carrier.loop.time())
        else:
            client.finish(keep_alive=False)

    def _answer(self) -> Answer:
        known = self._head.memory.get(Reason.OVERLOADED.value)
        if isinstance(known, Answer):
            return known
        answer = self._carrier.render.error(503, Reason.OVERLOADED.value, self._head, _ID)
        self._head.memory[Reason.OVERLOADED.value] = answer
        return answer

    # What cannot come: no body is asked for, and `start` leaves the connection to a rest or to its end.

    def expired(self) -> None:
        """Never."""

    def request_data(self, data: bytes) -> None:
        """Never."""

    def request_end(self) -> None:
        """Never."""

    def request_broken(self, error: GatewayError) -> None:
        """Never."""

    def client_paused(self) -> None:
        """The answer was all there is to send."""

    def client_resumed(self) -> None:
        """As before."""

    def client_lost(self) -> None:
        """Nothing is under way."""
