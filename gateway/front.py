"""The porter: which door is this request for. Own pages are routes like any other, before all others."""

import logging
from collections.abc import Callable, Sequence

from gateway.core.errors import GatewayError
from gateway.core.head import RequestHead
from gateway.core.policy import Access, Policy, Route
from gateway.core.reasons import Reason
from gateway.core.routing import RouteTable
from gateway.core.target import parse_target
from gateway.proxy.carrier import Carrier
from gateway.proxy.carry import Carry
from gateway.proxy.origin import Origin, Origins
from gateway.proxy.shedding import Shedder
from gateway.proxy.tunnel import Tunnel
from gateway.wire.client import ClientConnection
from gateway.wire.clients import Clients
from gateway.wire.exchange import Exchange

log = logging.getLogger(__name__)

PAGES = "_pages"  # the upstream that is our own aiohttp application
_OWN = Policy("_own", Access.PUBLIC, max_body=64 * 1024)


def own_routes(prefix: str, domain_files: Sequence[str]) -> list[Route]:
    """The reserved prefix, and WeChat's domain-verification files at the root (GET and HEAD only)."""
    routes = [Route(PAGES, ("*",), prefix, False, frozenset("*"), _OWN, PAGES, own=True)]
    reading = frozenset(("GET", "HEAD"))
    routes += [
        Route(f"{PAGES}_{name}", ("*",), f"/{name}", True, reading, _OWN, PAGES, own=True) for name in domain_files
    ]
    return routes


class Front:
    """The wire's door: finds the route, then lets a Carry do the rest."""

    def __init__(
        self,
        table: RouteTable,
        carrier: Carrier,
        origins: Origins,
        clients: Clients,
        shedder: Shedder,
    ) -> None:
        self._table = table
        self._shedder = shedder
        self._overload = shedder.overload
        self._carrier = carrier
        self._origins = origins
        self._clients = clients
        self.connections = clients.connections
        self.successor: Callable[[ClientConnection], None] | None = None

    def greet(self, client: ClientConnection) -> bool:
        """Count the connection in, unless there are too many."""
        if self.successor is not None:  # accepted before a reload, connected after it
            self.successor(client)
        else:
            self.recognize(client)
        self._clients.enter(client)
        return len(self.connections) <= self._carrier.limits.connections

    def recognize(self, client: ClientConnection) -> None:
        """Note who it is, if that is the same for all of its requests."""
        client.notes = self._origins.stranger(client.peer) if not self._origins.trusts(client.peer) else None

    def farewell(self, client: ClientConnection) -> None:
        """Count it out."""
        self._clients.leave(client)

    def exchange(self, client: ClientConnection, head: RequestHead) -> Exchange:
        """Route a valid head. What has no route still becomes an exchange: it is answered, counted and logged."""
        if self._overload.shedding and self._shedder.refuses(head):
            return self._shedder.exchange(client, head)
        origin = client.notes if isinstance(client.notes, Origin) else self._origins.stranger(client.peer)
        route: Route | None = None
        error: GatewayError | None = None
        try:
            if client.notes is None:
                origin = self._origins.behind_proxy(client.peer, head)
            route = self._table.match(head.host, head.method.decode("ascii"), parse_target(head.target))
        except GatewayError as refusal:
            error = refusal
        except Exception:
            log.exception("routing failed")
            error = GatewayError(500, Reason.INTERNAL_ERROR)
        if head.upgrade is not None:
            if route is not None and head.upgrade in route.upgrade:
                return Tunnel(self._carrier, client, head, origin, route, error)
            head.upgrade = None  # not here: an ordinary request
        return Carry(self._carrier, client, head, origin, route, error)

    @property
    def tunnels(self) -> int:
        """How many are open."""
        return self._carrier.tunnels

    def exchanges(self) -> list[Carry]:
        """All that are under way and began here, not in another generation of the configuration."""
        under_way = [client.exchange for client in self.connections]
        return [each for each in under_way if isinstance(each, Carry) and each.belongs_to(self._carrier)]

    def refusal(self, client: ClientConnection, error: GatewayError) -> bytes:
        """The answer to a head that is not one."""
        request_id = self._carrier.next_request_id()
        origin = self._origins.stranger(client.peer)
        answer = self._carrier.render.error(error.status, error.reason.value, None, request_id)
        self._carrier.record(None, origin, None, error.reason, error.status, len(answer.body), 0.0, request_id)
        return answer.encode(head_only=False, keep_alive=False)
