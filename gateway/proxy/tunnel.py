"""A request that asks to switch protocols: an ordinary one until the upstream's 101, then bytes both ways.

    start ─▶ … as Carry … ─┬─ 101 that agrees ─▶ OPEN ─one side ends─▶ half open ─the other too─▶ closed
                           └─ any other answer ─▶ a response

Law: no byte of the client's goes upstream before the 101, and neither connection carries a request afterwards.
"""

from math import inf

from gateway.authorizer import Admission, Verdict
from gateway.core.decision import Forward
from gateway.core.errors import GatewayError
from gateway.core.head import ResponseHead
from gateway.core.reasons import Reason
from gateway.core.upgrade import agreed, is_foreign

from .carry import Carry
from .heads import edited, switching_bytes


class Tunnel(Carry):
    """One exchange whose request asks for an upgrade that its route allows."""

    _open = False
    _client_ended = False
    _upstream_ended = False

    def _act(self, verdict: Verdict) -> None:
        """As Carry's, but with an identity for pages of our own only: a tunnel's answer is read without CORS."""
        route, decision = self._route, verdict.decision
        assert route is not None
        if isinstance(decision, Forward) and decision.identified:
            allowed = route.policy.cors.origins if route.policy.cors is not None else ()
            if is_foreign(self._head.kept, self._head.host, allowed, secure=self._origin.scheme == "https"):
                raise GatewayError(403, Reason.FOREIGN_ORIGIN)
        super()._act(verdict)

    def switches(self, head: ResponseHead) -> bool:
        """Whether the 101 is the answer to what was asked."""
        request = self._head
        return agreed(request.upgrade, request.kept, head.upgrade, head.kept)

    def response_head(self, head: ResponseHead) -> None:
        """The upstream agrees, or answers otherwise."""
        if head.status != 101:
            super().response_head(head)
            return
        route, upstream, server = self._route, self._upstream, self._server
        assert route is not None
        assert upstream is not None
        assert server is not None
        assert self._head.upgrade is not None
        if server.suspect:
            upstream.answered(server)
        self._answered = self._open = True
        self._status = 101
        self._carrier.tunnels += 1
        if route.policy.response_headers is not None:
            head = edited(head, route.policy.response_headers)
        is_ours = self._carrier.is_our_cookie
        self._held = switching_bytes(head, self._head.upgrade, self._request_id, route, is_ours)
        self._touch()
        self._client.open_tunnel()

    def response_data(self, data: bytes) -> None:
        """Bytes for the client, the first with the 101's head."""
        if not self._open:
            super().response_data(data)
            return
        self._touch()
        self._sent += len(data)
        held, self._held = self._held, b""
        self._client.write(held + data if held else data)

    def request_data(self, data: bytes) -> None:
        """Bytes for the upstream."""
        self._touch()
        if self._connection is not None and not self._connection.closed:
            self._connection.write(data)

    def client_paused(self) -> None:
        """Back-pressure from client to upstream."""
        super().client_paused()
        if self._open:
            self._touch()

    def client_resumed(self) -> None:
        """And its end."""
        super().client_resumed()
        if self._open:
            self._touch()

    # --- ends ---------------------------------------------------------------------------------------

    def request_end(self) -> None:
        """The client will send no more."""
        self._client_ended = True
        connection = self._connection
        if connection is None or self._upstream_ended or not connection.transport.can_write_eof():
            self._close()
        else:
            connection.half_close()
            self._touch()

    def response_end(self) -> None:
        """The upstream will send no more."""
        if not self._open:
            super().response_end()
            return
        self.response_paused()
        self._upstream_ended = True
        connection = self._connection
        both_halves = connection is not None and connection.transport.can_write_eof()  # TLS has no half close
        if self._client_ended or not both_halves or not self._client.transport.can_write_eof():
            self._close()
        else:
            self._client.half_close()
            self._touch()

    def response_failed(self, reason: str, *, answered: bool) -> None:
        """The upstream cut the connection: so is the client's."""
        if not self._open:
            super().response_failed(reason, answered=answered)
            return
        self._connection = None
        self.response_paused()
        self._client.abort()

    def expired(self) -> None:
        """Nothing has come for too long, from neither side."""
        if not self._open:
            super().expired()
            return
        self._reason = Reason.TUNNEL_TIMEOUT
        self._close()

    def admission(self, before: float) -> Admission | None:
        """As Carry's; a tunnel is watched from its start."""
        return super().admission(inf if self._open else before)

    def _close(self) -> None:
        """Close both sides, behind what is still to be sent."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(self._carrier.limits.body_timeout)
        self._end()
        self._client.finish(keep_alive=False)

    def _abandon(self) -> None:
        connection = self._connection
        if self._open and connection is not None:
            self._connection = None
            connection.reset()
        else:
            super()._abandon()

    def _end(self) -> None:
        if self._open and not self._ended:
            self._carrier.tunnels -= 1
        super()._end()

    def _touch(self) -> None:
        """The idle limit begins anew. A tunnel that is half open is mostly one whose client left quietly."""
        assert self._route is not None
        patience = self._route.policy.tunnel_timeout
        if self._client_ended or self._upstream_ended:
            patience = min(patience, self._carrier.limits.body_timeout)
        self._client.deadline = self._carrier.loop.time() + patience
