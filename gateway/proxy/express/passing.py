"""One exchange on the fast path: straight on, or at the first surprise a Carry's."""

import logging
from time import monotonic
from typing import NamedTuple

from gateway.authorizer import Verdict
from gateway.core.errors import GatewayError
from gateway.core.head import RequestHead, ResponseHead
from gateway.core.policy import Route
from gateway.proxy.carrier import Carrier
from gateway.proxy.carry import Carry
from gateway.proxy.heads import edited
from gateway.proxy.origin import Origin
from gateway.proxy.upstreams import Server, Upstream
from gateway.telemetry.counts import observe
from gateway.wire.client import ClientConnection
from gateway.wire.memo import payload_size
from gateway.wire.upstream import UpstreamConnection

log = logging.getLogger(__name__)

END = b"\r\n\r\n"
REQUEST_ID = b"X-Request-Id: "


class Line(NamedTuple):
    """A request line that was routed. `path` is as the access log has it."""

    forwarded: bytes
    method: bytes
    target: bytes
    route: Route
    way: tuple[str, bytes]  # the route's id and the method: one key of a lane's passages
    path: str


class Passage(NamedTuple):
    """A lane's way through one route for one peer, until `until` (monotonic seconds) or an `epoch` of the bindings."""

    peer: str
    until: float
    epoch: int
    origin: Origin
    verdict: Verdict
    upstream: Upstream
    fields: bytes  # of the request as the upstream gets it, up to the value of X-Request-Id
    patience: float
    max_body: float
    response: tuple[bool, bool, bool, bool]  # the key of a response's fields in its memory
    logged: tuple[str, str]  # what the access log says before the path and behind it
    rows: dict[int, list[float]]  # of the metrics, by status


class Passing:
    """One exchange on the fast path, from the moment its request is upstream."""

    __slots__ = (
        "_carrier",
        "_client",
        "_connection",
        "_head",
        "_line",
        "_passage",
        "_request_id",
        "_server",
        "_started",
    )

    takes_whole = True

    def __init__(
        self,
        carrier: Carrier,
        client: ClientConnection,
        server: Server,
        connection: UpstreamConnection,
        head: RequestHead,
        line: Line,
        passage: Passage,
        request_id: bytes,
        started: float,
    ) -> None:
        self._carrier = carrier
        self._client = client
        self._server = server
        self._connection = connection
        self._head = head
        self._line = line
        self._passage = passage
        self._request_id = request_id
        self._started = started

    def response_whole(self, head: ResponseHead, body: bytes, data: bytes) -> None:
        """All of the response."""
        client, passage = self._client, self._passage
        edits = self._line.route.policy.response_headers
        fields = (head if edits is None else edited(head, edits)).memory.get(passage.response)
        if fields is None or client.hesitant:
            self._connection.replay(self._carry(), data)
            return
        try:
            client.transport.write(b"".join((fields, REQUEST_ID, self._request_id, END, body)))
            server = self._server
            if server.suspect:
                passage.upstream.answered(server)
            server.pool.release(self._connection)
            client.finish(keep_alive=True)
        except Exception:  # nobody knows what the client has
            log.exception("an answer failed")
            self._connection.transport.abort()
            client.abort()
        try:
            seconds = monotonic() - self._started
            status, sent = head.status, head.length if head.length is not None else payload_size(body)
            row = passage.rows.get(status)
            if row is None:
                reason = passage.verdict.decision.reason
                row = passage.rows[status] = self._carrier.row(self._line.route, reason, status)
            observe(row, seconds)
            self._carrier.log_ready(self._request_id, passage.logged, self._line.path, status, sent, seconds)
        except Exception:  # the books are not worth a request
            log.exception("a request was not recorded")

    # --- surprises: whatever else happens is a Carry's -----------------------------------------------

    def _carry(self) -> Carry:
        passage, line = self._passage, self._line
        carry = Carry.under_way(
            self._carrier,
            self._client,
            self._head.again(line.method, line.target),
            passage.origin,
            line.route,
            passage.verdict,
            passage.upstream,
            self._server,
            self._connection,
            self._request_id,
            self._started,
        )
        self._client.hand_over(carry)
        self._connection.hand_over(carry)
        return carry

    def switches(self, head: ResponseHead) -> bool:
        """Nothing was asked for but a response."""
        return False

    def response_head(self, head: ResponseHead) -> None:
        """A response of several reads."""
        self._carry().response_head(head)

    def response_failed(self, reason: str, *, answered: bool) -> None:
        """No response."""
        self._carry().response_failed(reason, answered=answered)

    def upstream_paused(self) -> None:
        """An upstream that reads slowly."""
        self._carry().upstream_paused()

    def client_paused(self) -> None:
        """A client that reads slowly."""
        self._carry().client_paused()

    def client_lost(self) -> None:
        """A client that left."""
        self._carry().client_lost()

    def request_broken(self, error: GatewayError) -> None:
        """A request that ends early."""
        self._carry().request_broken(error)

    def expired(self) -> None:
        """Nobody answered in time."""
        self._carry().expired()

    # What cannot come first: there is no body upwards, and the head of a response comes before its rest.

    def start(self) -> None:
        """It has started."""

    def request_data(self, data: bytes) -> None:
        """There is no body."""

    def request_end(self) -> None:
        """There is no body."""

    def response_data(self, data: bytes) -> None:
        """Behind the head, which a Carry has taken."""

    def response_paused(self) -> None:
        """Behind the head, which a Carry has taken."""

    def response_end(self) -> None:
        """Behind the head, which a Carry has taken."""

    def upstream_resumed(self) -> None:
        """Behind a pause, which a Carry has taken."""

    def client_resumed(self) -> None:
        """Behind a pause, which a Carry has taken."""
