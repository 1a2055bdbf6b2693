"""What the fast path remembers, and how a request finds it again. All of it is bounded, and nothing in it decides."""

import logging
import math
from time import monotonic

from gateway.authorizer import Authorizer
from gateway.core.errors import GatewayError
from gateway.core.head import RequestHead
from gateway.core.routing import RouteTable
from gateway.core.target import parse_target
from gateway.proxy.carrier import Carrier
from gateway.proxy.heads import request_fields, response_key
from gateway.proxy.origin import Origin, Origins
from gateway.proxy.shedding import Shedder
from gateway.stores.cached import CachedBindings
from gateway.wire.client import NEVER, ClientConnection
from gateway.wire.memo import HeadMemo, rechunked

from .passing import END, REQUEST_ID, Line, Passage, Passing

log = logging.getLogger(__name__)

_LINES = 4096  # request lines remembered
_LONGEST_LINE = 512  # bytes of one that is remembered
_LANES = 1024  # field blocks, as many as HeadMemo remembers
_PASSAGES = 16  # routes of one lane
_NOTHING = b"\0\0"  # follows no request line


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
        self.passages: dict[tuple[str, bytes], Passage] = {}

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
        self._lines: dict[tuple[str, bytes], Line] = {}

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
        request = b"".join((line.forwarded, passage.fields, request_id, END, body))
        connection.send(passing, line.method, request)
        return True

    def _lane_of(self, client: ClientConnection, data: bytes, line_end: int) -> _Lane | None:
        lanes = self._lanes_of_proxies if client.notes is None else self._lanes
        block = data[line_end : data.find(END)]
        lane = lanes.get(block)
        if lane is None:
            known = self._memo.known(block)
            if known is None or len(block) + len(END) + _LONGEST_LINE > self.carrier.limits.head:
                return None
            head = known.again(known.method, known.target)
            origin = self._origin(client, head)
            if origin is None or origin.request_id is not None:  # an id is one request's, or of a few that repeat it
                return None
            if len(lanes) >= _LANES:
                for forgotten in lanes.values():
                    forgotten.forget()
                lanes.clear()
            lane = lanes[block] = _Lane(block + END, head)
        return lane

    def _origin(self, client: ClientConnection, head: RequestHead) -> Origin | None:
        """Where such requests come from; a listed proxy's word changes the head's host."""
        if isinstance(client.notes, Origin):
            return client.notes
        try:
            return self._origins.behind_proxy(client.peer, head)
        except GatewayError:
            return None

    def _routed(self, lane: _Lane, text: bytes) -> Line | None:
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
        line = Line(b"%b %b HTTP/1.1\r\n" % (method, wanted), method, target, route, (route.id, method), path)
        self._lines[lane.host, text] = line
        return line

    def _granted(self, client: ClientConnection, lane: _Lane, line: Line, now: float) -> Passage | None:
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
        passage = Passage(
            client.peer,
            now + grant.seconds,
            epoch,
            origin,
            verdict,
            upstream,
            request_fields(head, origin, verdict, route, upstream.host) + REQUEST_ID,
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
