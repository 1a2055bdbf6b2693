"""The end of an exchange: answers of our own, refusals, and the books. Every exit passes `_end` exactly once."""

import asyncio
import logging
import time
from dataclasses import replace

from gateway.authorizer import Verdict
from gateway.core.decision import Bind, Forward, Login
from gateway.core.errors import GatewayError
from gateway.core.head import RequestHead
from gateway.core.policy import Route
from gateway.core.reasons import Reason
from gateway.wire.client import NEVER, ClientConnection

from .carrier import Carrier
from .origin import Origin
from .render import Answer
from .rest import rest
from .upstreams import Upstream

log = logging.getLogger(__name__)


class Answering:
    """One exchange that can be answered without an upstream. `route` is None when `error` says why there is none."""

    # Defaults on the class, not __slots__ set one by one: most requests never touch them (0.7 µs a request).
    _upstream: Upstream | None = None
    _task: asyncio.Task[None] | None = None
    _reason: Reason = Reason.INTERNAL_ERROR
    _status = 0
    _sent = 0
    _answered = False
    _ended = False

    def __init__(
        self,
        carrier: Carrier,
        client: ClientConnection,
        head: RequestHead,
        origin: Origin,
        route: Route | None,
        error: GatewayError | None,
    ) -> None:
        self._carrier = carrier
        self._client = client
        self._head = head
        self._origin = origin
        self._route = route
        self._error = error
        self._started = time.monotonic()
        self._request_id = origin.request_id or carrier.next_request_id()
        self._request_complete = not head.has_body
        self._keep_alive = head.keep_alive

    def _abandon(self) -> None:
        """Let go of what is under way for this exchange."""

    def _own_answer(self, verdict: Verdict, route: Route) -> Answer:
        render, decision = self._carrier.render, verdict.decision
        if isinstance(decision, Login):
            app = self._carrier.app_of_host(self._head.host)
            assert app is not None  # decide() refuses hosts without an app before it asks for a login
            if decision.redirect and (elsewhere := render.elsewhere(route, self._head, app, self._request_id)):
                self._reason = Reason.OUTSIDE_WECHAT
                return elsewhere
            if decision.redirect:
                self._carrier.metrics.dance(app, "redirect_sent")
            return render.login(decision, route, self._head, app, self._request_id, int(time.time()))
        if isinstance(decision, Bind):
            return render.bind(decision, route, self._head, self._request_id)
        assert not isinstance(decision, Forward)
        return render.deny(decision, route, self._head, self._request_id)

    def _refuse_for(self, error: Exception) -> None:
        """Every exception is a refusal."""
        try:
            if not isinstance(error, GatewayError):
                log.error("request failed", exc_info=error)
                error = GatewayError(500, Reason.INTERNAL_ERROR)
            elif self._upstream is not None and error.status in (502, 503, 504):
                self._carrier.metrics.upstream(self._upstream.id, error.reason.value)
                if error.reason is not Reason.OVERLOADED:  # there is enough to do then
                    log.warning("upstream %s: %s", self._upstream.id, error)
            self._refuse(error)
        except Exception:
            log.exception("a refusal failed")
            self._client.abort()

    def _refuse(self, error: GatewayError) -> None:
        if self._ended:
            return
        self._reason = error.reason
        if self._answered:
            self._client.abort()
            return
        answer = self._carrier.render.error(error.status, error.reason.value, self._head, self._request_id)
        if error.status == 405:
            answer = replace(answer, fields=(*answer.fields, b"Allow: %b\r\n" % ", ".join(error.allow).encode("ascii")))
        self._answer(answer)

    def _answer(self, answer: Answer) -> None:
        """An answer of our own. A body that was not read makes it the connection's last."""
        self._abandon()
        self._answered = True
        self._status = answer.status
        keep_alive = self._keep_alive and self._request_complete and not self._client.draining
        head_only = self._head.method == b"HEAD"
        self._sent = 0 if head_only else len(answer.body)
        request_id = b"X-Request-Id: %b\r\n" % self._request_id
        answer = Answer(answer.status, answer.body, (*answer.fields, request_id))
        self._client.write(answer.encode(head_only=head_only, keep_alive=keep_alive, http11=self._head.http11))
        self._end()
        if self._reason is Reason.OVERLOADED and keep_alive:
            rest(self._client, self._carrier.loop.time())
        else:
            self._client.finish(keep_alive)

    def _end(self) -> None:
        """Count and log, once. Break what would be a cycle."""
        if self._ended:
            return
        self._ended = True
        self._client.deadline = NEVER
        self._task = None
        seconds = time.monotonic() - self._started
        try:
            self._carrier.record(
                self._head, self._origin, self._route, self._reason, self._status, self._sent, seconds, self._request_id
            )
        except Exception:  # the books are not worth a request
            log.exception("a request was not recorded")
