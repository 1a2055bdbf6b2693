"""One request carried: decided on, sent upstream, its response streamed back. The state of one exchange.

    start ─▶ verdict ─┬─ Forward ─▶ connection ─▶ head and body up ─▶ head and body down ─▶ finished
                      └─ anything else ─▶ an answer of our own

Law: nothing is sent upstream before a verdict of Forward, and every exit passes `_end` exactly once.
"""

import logging

from gateway.authorizer import Admission, Verdict
from gateway.core.decision import Forward
from gateway.core.errors import GatewayError
from gateway.core.head import RequestHead, ResponseHead
from gateway.core.policy import Route
from gateway.core.reasons import Reason
from gateway.wire.client import CONTINUE, ClientConnection
from gateway.wire.framing import LAST_CHUNK, chunk
from gateway.wire.upstream import UpstreamConnection

from .answering import Answering
from .carrier import Carrier
from .heads import edited, request_bytes, response_bytes, response_framing
from .origin import Origin
from .upstreams import Server, Upstream

log = logging.getLogger(__name__)

_FORM_TIMEOUT = 15.0  # seconds

_IDEMPOTENT = frozenset((b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"))  # RFC 9110 9.2.2
_CLIENT_GONE = 499  # in logs and metrics only, as nginx has it


class Carry(Answering):
    """One exchange. `route` is None when `error` says why there is none."""

    _server: Server | None = None
    _connection: UpstreamConnection | None = None
    _verdict: Verdict | None = None
    _body_bytes = 0
    _chunked_down = False
    _retried = False
    _client_stalls = False
    _upstream_stalls = False
    _held = b""  # the response's head, until its first payload or the end of the upstream's read

    takes_whole = False

    @classmethod
    def under_way(
        cls,
        carrier: Carrier,
        client: ClientConnection,
        head: RequestHead,
        origin: Origin,
        route: Route,
        verdict: Verdict,
        upstream: Upstream,
        server: Server,
        connection: UpstreamConnection,
        request_id: bytes,
        started: float,
    ) -> "Carry":
        """An exchange whose request is upstream already, body and all. `started`: monotonic seconds."""
        carry = cls(carrier, client, head, origin, route, None)
        carry._request_complete = True
        carry._verdict, carry._reason = verdict, verdict.decision.reason
        carry._upstream, carry._server, carry._connection = upstream, server, connection
        carry._request_id, carry._started = request_id, started
        return carry

    # --- deciding -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Decide now if nothing must be asked, else in a task."""
        if self._error is not None:
            self._refuse(self._error)
            return
        assert self._route is not None
        try:
            verdict = self._carrier.authorizer.now(self._route, self._head)
            if verdict is not None:
                self._act(verdict)
                return
        except Exception as error:
            self._refuse_for(error)
            return
        # The stores have time-outs of their own, and shorter ones. This is for what they could forget.
        self._client.deadline = self._carrier.loop.time() + self._carrier.limits.body_timeout
        self._task = self._carrier.tasks.start(self._decide())

    async def _decide(self) -> None:
        assert self._route is not None
        try:
            verdict = await self._carrier.authorizer.later(self._route, self._head)
            if not self._ended:
                self._act(verdict)
        except Exception as error:
            self._refuse_for(error)

    def _act(self, verdict: Verdict) -> None:
        route, decision = self._route, verdict.decision
        assert route is not None
        self._verdict = verdict
        self._reason = decision.reason
        if not isinstance(decision, Forward):
            self._answer(self._own_answer(verdict, route))
            return
        limit = route.policy.max_body
        if limit is not None and self._head.length is not None and self._head.length > limit:
            raise GatewayError(413, Reason.BODY_TOO_LARGE)
        upstream = self._upstream = self._carrier.upstreams[route.upstream]
        server = self._server = upstream.sole or upstream.choose()
        connection = server.pool.take()
        if connection is not None:
            self._send(connection)
        else:
            self._task = self._carrier.tasks.start(self._connect(upstream, server))

    # --- upwards ------------------------------------------------------------------------------------

    async def _connect(self, upstream: Upstream, server: Server, *, again: bool = False) -> None:
        try:
            self._server, connection = await upstream.connect(server, again=again)
            if self._ended:
                connection.transport.abort()
            else:
                self._send(connection)
        except Exception as error:
            self._refuse_for(error)

    def _send(self, connection: UpstreamConnection) -> None:
        client, head, route, verdict, upstream = self._client, self._head, self._route, self._verdict, self._upstream
        assert route is not None
        assert verdict is not None
        assert upstream is not None
        self._connection = connection
        data = request_bytes(head, self._origin, verdict, self._request_id, route, upstream.host)
        connection.send(self, head.method, data)
        client.deadline = self._carrier.loop.time() + self._response_timeout()
        if not self._request_complete:
            if head.expects and not self._retried:
                client.write(CONTINUE)
            client.deadline = self._carrier.loop.time() + self._body_timeout()
            connection.expect_early_answer()
            client.read_body()

    def request_data(self, data: bytes) -> None:
        """A piece of the request's body."""
        self._body_bytes += len(data)
        route, connection = self._route, self._connection
        assert route is not None
        limit = route.policy.max_body
        if limit is not None and self._body_bytes > limit:
            self.request_broken(GatewayError(413, Reason.BODY_TOO_LARGE))
            return
        if not route.own:
            self._client.deadline = self._carrier.loop.time() + self._body_timeout()
        if connection is not None and not connection.closed:
            connection.write(chunk(data) if self._head.chunked else data)

    def _body_timeout(self) -> float:
        """Without progress; for a form of our own pages in all, as anybody may send one and hold three descriptors."""
        assert self._route is not None
        patience = self._carrier.limits.body_timeout
        return min(patience, _FORM_TIMEOUT) if self._route.own else patience

    def request_end(self) -> None:
        """The request is complete; from now on the upstream's time counts."""
        self._request_complete = True
        if self._connection is not None and self._head.chunked and not self._connection.closed:
            self._connection.write(LAST_CHUNK)
        if not self._answered:
            self._client.deadline = self._carrier.loop.time() + self._response_timeout()

    def request_broken(self, error: GatewayError) -> None:
        """The body broke its framing or a limit: the upstream must not take what it has for the whole."""
        self._abandon()
        self._keep_alive = False
        self._refuse(error)

    def upstream_paused(self) -> None:
        """Back-pressure from upstream to client."""
        self._upstream_stalls = True
        self._client.pause_body()

    def upstream_resumed(self) -> None:
        """And its end. The client, who could not send, has its time again."""
        self._upstream_stalls = False
        if not self._request_complete:
            self._client.deadline = self._carrier.loop.time() + self._carrier.limits.body_timeout
        self._client.resume_body()

    # --- downwards ----------------------------------------------------------------------------------

    def switches(self, head: ResponseHead) -> bool:
        """Nothing was asked for but a response."""
        return False

    def response_head(self, head: ResponseHead) -> None:
        """The upstream answers: its head, without what is not for the client."""
        client, route, verdict, carrier = self._client, self._route, self._verdict, self._carrier
        server = self._server
        assert route is not None
        assert verdict is not None
        assert server is not None
        if server.suspect and self._upstream is not None:
            self._upstream.answered(server)
        if route.own and not _is_from_our_pages(head):
            self._refuse(GatewayError(head.status, Reason.BAD_REQUEST))
            return
        if not self._request_complete or client.draining:
            self._keep_alive = False  # an early answer: what is left of the body is not worth waiting for
        if route.policy.response_headers is not None:
            head = edited(head, route.policy.response_headers)
        framing = response_framing(self._head, head)
        if framing.until_close:
            self._keep_alive = False
        self._chunked_down = framing.chunked
        data = response_bytes(
            self._head,
            head,
            self._origin,
            verdict,
            self._request_id,
            framing,
            route=route,
            keep_alive=self._keep_alive,
            upstream_origins=server.origins,
            is_our_cookie=carrier.is_our_cookie,
        )
        self._answered = True
        self._status = head.status
        client.deadline = carrier.loop.time() + self._idle_timeout()
        self._held = data

    def response_whole(self, head: ResponseHead, body: bytes, data: bytes) -> None:
        """Not for a Carry: see `takes_whole`."""

    def response_data(self, data: bytes) -> None:
        """A piece of the response's body. The first goes out with the head: a write costs as much as parsing both."""
        self._sent += len(data)
        if self._chunked_down:
            data = chunk(data)
        if self._held:
            self._client.write(self._held + data)
            self._held = b""
        else:
            self._client.deadline = self._carrier.loop.time() + self._idle_timeout()
            self._client.write(data)

    def response_paused(self) -> None:
        """The upstream has no more for now: a head without payload need not wait for it."""
        if self._held:
            self._client.write(self._held)
            self._held = b""

    def response_end(self) -> None:
        """The response is complete. The connection goes back if the request was sent whole."""
        connection, server = self._connection, self._server
        assert connection is not None
        assert server is not None
        self._connection = None
        self.response_paused()
        if self._request_complete:
            server.pool.release(connection)
        else:
            connection.transport.abort()
        if self._chunked_down:
            self._client.write(LAST_CHUNK)
        self._end()
        self._client.finish(self._keep_alive)

    def response_failed(self, reason: str, *, answered: bool) -> None:
        """The upstream broke off. A truncated response must look truncated."""
        connection, upstream, server = self._connection, self._upstream, self._server
        assert connection is not None
        assert upstream is not None
        assert server is not None
        self._connection = None
        if self._answered:
            self.response_paused()
            self._carrier.metrics.upstream(upstream.id, "broken_response")
            self._reason = Reason.UPSTREAM_GARBAGE
            self._client.abort()
            return
        if connection.reused and not answered:  # says nothing about the server: it may close what is idle
            if self._may_repeat():
                self._retried = True
                self._task = self._carrier.tasks.start(self._connect(upstream, server, again=True))
                return
        else:
            upstream.failed(server, reason)
        log.warning("upstream %s: %s: %s", upstream.id, server.name, reason)
        self._carrier.metrics.upstream(upstream.id, "garbage" if answered else "closed")
        self._refuse(GatewayError(502, Reason.UPSTREAM_GARBAGE if answered else Reason.UPSTREAM_UNREACHABLE))

    def _may_repeat(self) -> bool:
        """The upstream closed an idle connection as we took it: once, what is idempotent and has no body is repeated.

        RFC 9110 9.2.2. Nothing was answered, but a POST may have been acted on.
        """
        return self._head.method in _IDEMPOTENT and not self._head.has_body and not self._retried

    def client_paused(self) -> None:
        """Back-pressure from client to upstream."""
        self._client_stalls = True
        if self._connection is not None:
            assert self._upstream is not None
            self._client.deadline = self._carrier.loop.time() + self._upstream.idle_timeout
            self._connection.pause()

    def client_resumed(self) -> None:
        """And its end."""
        self._client_stalls = False
        if self._connection is not None:
            self._client.deadline = self._carrier.loop.time() + self._idle_timeout()
            self._connection.resume()

    # --- ends ---------------------------------------------------------------------------------------

    def admission(self, before: float) -> Admission | None:
        """On whose word this is still going on, if it is somebody's and was begun (time.monotonic) before that."""
        verdict, route = self._verdict, self._route
        if not self._answered or self._ended or self._started > before or verdict is None or route is None:
            return None
        identified = isinstance(verdict.decision, Forward) and verdict.decision.identified
        return Admission(route, self._head, verdict) if identified else None

    def belongs_to(self, carrier: Carrier) -> bool:
        """Whether it began there: each generation of the configuration has its own."""
        return self._carrier is carrier

    def session_ended(self) -> None:
        """What allowed this holds no more: cut both sides, so that nobody takes what came for the whole."""
        if self._ended:
            return
        self._reason = Reason.SESSION_ENDED
        self._abandon()
        self._client.abort()

    def client_lost(self) -> None:
        """The client left, or was cut off: the upstream need not go on."""
        if not self._ended:
            if self._task is not None:
                self._task.cancel()
            self._abandon()
            self._status = self._status or _CLIENT_GONE
            if self._verdict is None:
                self._reason = Reason.CLIENT_GONE
            self._end()

    def expired(self) -> None:
        """The deadline of the phase has passed: whoever let it pass is named."""
        upstream = self._upstream
        if upstream is None:
            self._refuse(GatewayError(503, Reason.STORE_OUTAGE))
        elif self._client_stalls or not (self._request_complete or self._upstream_stalls or self._answered):
            self._keep_alive = False
            self._refuse(GatewayError(408, Reason.REQUEST_TIMEOUT))
        else:
            self._carrier.metrics.upstream(upstream.id, Reason.UPSTREAM_TIMEOUT.value)
            if self._server is not None and self._connection is not None and not self._answered:
                upstream.failed(self._server, "no answer in time")
            self._keep_alive = self._keep_alive and self._request_complete
            self._refuse(GatewayError(504, Reason.UPSTREAM_TIMEOUT))

    def _abandon(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abandon()

    def _response_timeout(self) -> float:
        assert self._route is not None
        assert self._upstream is not None
        return self._route.policy.response_timeout or self._upstream.response_timeout

    def _idle_timeout(self) -> float:
        assert self._route is not None
        assert self._upstream is not None
        return self._route.policy.idle_timeout or self._upstream.idle_timeout


def _is_from_our_pages(head: ResponseHead) -> bool:
    """Every page of ours forbids sniffing. What does not is aiohttp's own answer to a head that it dislikes."""
    return any(line[:23].lower() == b"x-content-type-options:" for line in head.kept)
