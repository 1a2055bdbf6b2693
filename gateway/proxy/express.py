"""The fast path: a request of one read that repeats the fields of one before, answered by one whole response.

Removable: without it every request is a Carry, with the same outcome (every service test runs with it and without).
It decides nothing by itself: what it remembers was parsed, routed and authorised the whole way, and is used again
for as long as that verdict stands. At the first surprise a Carry takes the exchange over.
"""

import logging
import math
from time import monotonic
from typing import NamedTuple

from gateway.authorizer import Authorizer, Verdict
from gateway.core.errors import GatewayError
from gateway.core.head import RequestHead, ResponseHead
from gateway.core.policy import Route
from gateway.core.routing import RouteTable
from gateway.core.target import parse_target
from gateway.stores.cached import CachedBindings
from gateway.telemetry.counts import observe
from gateway.wire.client import NEVER, ClientConnection
from gateway.wire.memo import HeadMemo, payload_size, rechunked
from gateway.wire.upstream import UpstreamConnection

from .carrier import Carrier
from .carry import Carry
from .heads import edited, request_fields, response_key
from .origin import Origin, Origins
from .shedding import Shedder
from .upstreams import Server, Upstream

log = logging.getLogger(__name__)

_LINES = 4096  # request lines remembered
_LONGEST_LINE = 512  # bytes of one that is remembered
_LANES = 1024  # field blocks, as many as HeadMemo remembers
_PASSAGES = 16  # routes of one lane
_END = b"\r\n\r\n"
_REQUEST_ID = b"X-Request-Id: "
_NOTHING = b"\0\0"  # follows no request line


class _Line(NamedTuple):
    """A request line that was routed. `path` is as the access log has it."""

    forwarded: bytes
    method: bytes
    target: bytes
    route: Route
    way: tuple[str, bytes]  # the route's id and the method: one key of a lane's passages
    path: str


class _Passage(NamedTuple):
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


class _Lane:
    """All requests with the very same fields. `tail` is such a head behind its request line, `size` with the body."""

    __slots__ = ("chunked", "head", "host", "passages", "size", "tail", "tail_size")

    def __init__(self, tail: bytes, head: RequestHead) -> None:
        self.tail = tail
        self.tail_size = len(tail)
        self.size = len(tail) + (head.length or 0)
        self.chunked = head.chunked
        self.head = head
        self.host = head.host
        self.passages: dict[tuple[str, bytes], _Passage] = {}

    def forget(self) -> None:
        """Match nothing any more, and hold nothing: a connection may still point here, and there are many of them."""
        self.tail = _NOTHING
        del self.head
        self.passages.clear()


class Express:
    """The fast path's memory: finds the way of a request that came before."""

    def __init__(
        self,
        table: RouteTable,
        carrier: Carrier,
        authorizer: Authorizer,
        bindings: CachedBindings,
        origins: Origins,
        memo: HeadMemo,
        shedder: Shedder,
    ) -> None:
        self.carrier = carrier
        self._shedder = shedder
        self._overload = shedder.overload
        self._table = table
        self._authorizer = authorizer
        self._bindings = bindings
        self._origins = origins
        self._memo = memo
        self._lanes: dict[bytes, _Lane] = {}
        self._lanes_of_proxies: dict[bytes, _Lane] = {}  # whose word on the host counts
        self._lines: dict[tuple[str, bytes], _Line] = {}

    def enter(self, client: ClientConnection, data: bytes) -> bool:
        """Send the request that `data` is on its way, if it is a whole one and all about it is known."""
        line_end = data.find(b"\r\n")
        lane: _Lane | None = client.lane
        if lane is None or not data.startswith(lane.tail, line_end):
            lane = client.lane = self._lane_of(client, data, line_end)
            if lane is None:
                return False
        if len(data) != line_end + lane.size and not lane.chunked:
            return False  # a body that is not all here, or more than a body
        text = data[:line_end]
        line = self._lines.get((lane.host, text)) or self._routed(lane, text)
        if line is None:
            return False
        if self._overload.shedding:
            if lane.chunked:
                return False  # to the front, where a refusal reads on what may still come of the body
            if self._overload.refuses():
                shed = self._shedder.exchange(client, lane.head)
                client.begin(shed, NEVER)
                shed.start()
                return True
        now = monotonic()
        passage = lane.passages.get(line.way)
        if (
            passage is None
            or passage.until <= now
            or passage.epoch != self._bindings.epoch
            or passage.peer != client.peer
        ):
            passage = self._granted(client, lane, line, now)
            if passage is None:
                return False
        body = data[line_end + lane.tail_size :]
        if lane.chunked:
            chunks = rechunked(body)
            if chunks is None or chunks[1] > passage.max_body:
                return False
            body = chunks[0]
        upstream = passage.upstream
        server = upstream.sole or upstream.choose()
        connection = server.pool.take()
        if connection is None:
            upstream.put_back(server)
            return False
        request_id = self.carrier.next_request_id()
        passing = Passing(self.carrier, client, server, connection, lane.head, line, passage, request_id, now)
        client.begin(passing, now + passage.patience)
        request = b"".join((line.forwarded, passage.fields, request_id, _END, body))
        connection.send(passing, line.method, request)
        return True

    def _lane_of(self, client: ClientConnection, data: bytes, line_end: int) -> _Lane | None:
        lanes = self._lanes_of_proxies if client.notes is None else self._lanes
        block = data[line_end : data.find(_END)]
        lane = lanes.get(block)
        if lane is None:
            known = self._memo.known(block)
            if known is None or len(block) + len(_END) + _LONGEST_LINE > self.carrier.limits.head:
                return None
            head = known.again(known.method, known.target)
            origin = self._origin(client, head)
            if origin is None or origin.request_id is not None:  # an id is one request's, or of a few that repeat it
                return None
            if len(lanes) >= _LANES:
                for forgotten in lanes.values():
                    forgotten.forget()
                lanes.clear()
            lane = lanes[block] = _Lane(block + _END, head)
        return lane

    def _origin(self, client: ClientConnection, head: RequestHead) -> Origin | None:
        """Where such requests come from; a listed proxy's word changes the head's host."""
        if isinstance(client.notes, Origin):
            return client.notes
        try:
            return self._origins.behind_proxy(client.peer, head)
        except GatewayError:
            return None

    def _routed(self, lane: _Lane, text: bytes) -> _Line | None:
        found = self._memo.line(text) if len(text) <= _LONGEST_LINE else None
        if found is None:
            return None
        method, target = found
        try:
            parsed = parse_target(target)
            route = self._table.match(lane.host, method.decode("ascii"), parsed)
            wanted = target if route.prefixes is None else route.prefixes.upstream_target(target)
        except GatewayError:
            return None
        if route.own:
            return None
        if len(self._lines) >= _LINES:
            self._lines.clear()
        path = self.carrier.logged_path(parsed.path)
        line = _Line(b"%b %b HTTP/1.1\r\n" % (method, wanted), method, target, route, (route.id, method), path)
        self._lines[lane.host, text] = line
        return line

    def _granted(self, client: ClientConnection, lane: _Lane, line: _Line, now: float) -> _Passage | None:
        """Ask the guard, who answers without waiting, or not at all."""
        route, head = line.route, lane.head.again(line.method, line.target)
        epoch = self._bindings.epoch
        try:
            grant = self._authorizer.grant(route, head)
        except Exception:  # the whole way has an answer to it
            return None
        origin = self._origin(client, head)
        if grant is None or origin is None:
            return None
        max_body = math.inf if route.policy.max_body is None else route.policy.max_body
        if head.length is not None and head.length > max_body:
            return None
        upstream = self.carrier.upstreams[route.upstream]
        verdict = grant.verdict
        passage = _Passage(
            client.peer,
            now + grant.seconds,
            epoch,
            origin,
            verdict,
            upstream,
            request_fields(head, origin, verdict, route, upstream.host) + _REQUEST_ID,
            route.policy.response_timeout or upstream.response_timeout,
            max_body,
            response_key(verdict, head_only=False, http11=True, keep_alive=True),
            self.carrier.logged_around(
                origin.client, line.way[1].decode("ascii"), head.host, route, verdict.decision.reason
            ),
            {},
        )
        if len(lane.passages) >= _PASSAGES:
            lane.passages.clear()
        lane.passages[line.way] = passage
        return passage


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
        line: _Line,
        passage: _Passage,
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
            client.transport.write(b"".join((fields, _REQUEST_ID, self._request_id, _END, body)))
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
