"""Where a request comes from."""

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.fields import request_names
from gateway.core.head import RequestHead
from gateway.proxy.origin import Origin, Origins

NAMES = request_names([b"X-User"])
TRUSTED = Origins([ip_network("10.0.0.0/8"), ip_network("fd00::/8"), ip_network("127.0.0.1/32")], "https")


def head(*lines: bytes) -> RequestHead:
    return RequestHead(b"GET", b"/", True, [b"Host: a.example", *lines], NAMES)


@pytest.mark.parametrize(
    ("peer", "trusted"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("fd00::1", True),
        ("fd00::1%eth0", True),
        ("11.0.0.1", False),
        ("::1", False),
        ("unix:", False),
        ("", False),
        ("10.1.2.3 ", False),
        ("localhost", False),
    ],
)
def test_listed_proxies_are_trusted_and_nobody_else(peer: str, trusted: bool) -> None:
    """Loopback and Unix sockets are not implied."""
    assert TRUSTED.trusts(peer) is trusted
    assert not Origins([], "https").trusts(peer)


@pytest.mark.parametrize(
    ("peer", "chain"),
    [("1.2.3.4", b"1.2.3.4"), ("2001:db8::1", b"2001:db8::1"), ("fe80::1%eth0", b"fe80::1"), ("unix:", b"unknown")],
)
def test_a_stranger_is_its_own_address(peer: str, chain: bytes) -> None:
    """Without a zone; "unknown" where there is no address (RFC 7239 6.2)."""
    assert TRUSTED.stranger(peer) == Origin(peer, chain, "https", None)


@given(st.lists(st.one_of(st.ip_addresses().map(str), st.text(max_size=12)), max_size=30), st.booleans())
def test_the_client_is_never_left_of_what_cannot_be_believed(hops: list[str], spaces: bool) -> None:
    """For any chain: all that is right of the client is listed, and it is in an unbroken row of addresses."""
    value = (", " if spaces else ",").join(hops).encode("utf-8", "replace")
    line = b"X-Forwarded-For: " + bytes(byte for byte in value if byte >= 32 and byte != 127)
    origin = TRUSTED.behind_proxy("10.0.0.1", head(line))
    chain = origin.chain.decode("ascii").split(", ")
    assert chain[-1] == "10.0.0.1"
    assert len(chain) <= 21
    trailing = []
    for hop in line[17:].decode("latin-1").split(",")[::-1]:
        if not TRUSTED.trusts(hop.strip()):
            trailing.append(hop.strip())
            break
        trailing.append(hop.strip())
    assert origin.client in [*trailing, "10.0.0.1"]
    right = chain[len(chain) - chain[::-1].index(origin.client) :]
    assert all(TRUSTED.trusts(hop) for hop in right)


def test_of_two_values_the_last_proxy_is_believed() -> None:
    """Scheme and host as the proxy next to us says, if they have the right form."""
    said = head(b"X-Forwarded-Proto: http", b"X-Forwarded-Host: B.example:8443", b"X-Request-Id: abcdefgh")
    origin = TRUSTED.behind_proxy("10.0.0.1", said)
    assert (origin.scheme, said.host, origin.request_id) == ("http", "b.example:8443", b"abcdefgh")


@pytest.mark.parametrize("host", [b"", b"a b", b"a/b", b"a@b", b"a,b", b"a:x", b"[::1", b"a.example, b.example", b"-a"])
def test_a_host_of_the_wrong_form_is_not_taken(host: bytes) -> None:
    """The request's own stays."""
    said = head(b"X-Forwarded-Host: " + host)
    TRUSTED.behind_proxy("10.0.0.1", said)
    assert said.host == "a.example"


@pytest.mark.parametrize("request_id", [b"", b"short", b"a" * 65, b"a b c d e f", b"<script>", b"abcdefg\xe9"])
def test_a_request_id_of_the_wrong_form_is_not_taken(request_id: bytes) -> None:
    """It is shown on pages and written into logs."""
    assert TRUSTED.behind_proxy("10.0.0.1", head(b"X-Request-Id: " + request_id)).request_id is None
