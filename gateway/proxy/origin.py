"""Where a request comes from and which address it meant: forwarding headers, believed only from listed proxies."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.core.head import RequestHead

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_HOST = re.compile(
    rb"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](?::[0-9]{1,5})?"
)
_CHAIN_LIMIT = 20
_STRANGERS = 4096  # addresses remembered


@dataclass(frozen=True, slots=True)
class Origin:
    """`client` is the address to count and to log, `chain` what X-Forwarded-For says upstream."""

    client: str
    chain: bytes
    scheme: str
    request_id: bytes | None


class Origins:
    """Believes the X-Forwarded-* of peers in `trusted` and nobody else's (CVE-2026-40575, CVE-2023-36456)."""

    def __init__(self, trusted: Sequence[Network], scheme: str) -> None:
        self._trusted = trusted
        self._scheme = scheme
        self._strangers: dict[str, Origin] = {}  # one for all connections of an address, so that `is` tells them apart

    def trusts(self, peer: str) -> bool:
        """Whether the peer is a listed proxy."""
        if not self._trusted:
            return False
        try:
            address = ipaddress.ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address.version == network.version and address in network for network in self._trusted)

    def stranger(self, peer: str) -> Origin:
        """A client that connects directly: nothing it says of itself is believed."""
        origin = self._strangers.get(peer)
        if origin is None:
            if len(self._strangers) >= _STRANGERS:
                self._strangers.clear()
            origin = self._strangers[peer] = Origin(peer, _shown(peer), self._scheme, None)
        return origin

    def behind_proxy(self, peer: str, head: RequestHead) -> Origin:
        """A client behind a listed proxy: the address next to the listed ones is the client's."""
        hops = _chain(head.forwarded_for or b"")
        client = peer
        for hop in reversed(hops):
            client = hop
            if not self.trusts(hop):
                break
        scheme = self._scheme
        if head.forwarded_proto is not None and head.forwarded_proto.lower() in (b"http", b"https"):
            scheme = head.forwarded_proto.lower().decode("ascii")
        if head.forwarded_host is not None and _HOST.fullmatch(head.forwarded_host):
            head.host = head.forwarded_host.decode("ascii").lower()
        request_id = head.request_id
        if request_id is not None and not _REQUEST_ID.fullmatch(request_id):
            request_id = None
        chain = b", ".join([*(hop.encode("ascii") for hop in hops), _shown(peer)])
        return Origin(client, chain, scheme, request_id)


def _chain(value: bytes) -> list[str]:
    """The addresses at the end of X-Forwarded-For. Left of what is no address, nothing can be told apart."""
    hops: list[str] = []
    for hop in reversed(value.decode("latin-1").split(",")[-_CHAIN_LIMIT:]):
        if not _is_address(hop.strip()):
            break
        hops.append(hop.strip())
    return hops[::-1]


def _is_address(text: str) -> bool:
    try:
        return not getattr(ipaddress.ip_address(text), "scope_id", None)  # a zone may be any text
    except ValueError:
        return False


def _shown(peer: str) -> bytes:
    """A peer in X-Forwarded-For: without a zone, and "unknown" (RFC 7239 6.2) for a Unix socket."""
    return peer.partition("%")[0].encode("ascii") if _is_address(peer.partition("%")[0]) else b"unknown"
