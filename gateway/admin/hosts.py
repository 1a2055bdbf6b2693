"""Which Host a request to the admin listener may name: a page that rebinds its own name to us must not read us."""

from collections.abc import Collection

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_our_host(host: str, listener: str | None, names: Collection[str] = ()) -> bool:
    """Whether the Host field `host` names this listener.

    `listener` is the address that the connection reached, None for a Unix socket, where browsers cannot come.
    `names` are further names that the operator listed.
    """
    if listener is None:
        return True
    name = _without_port(host).lower()
    return name in _LOOPBACK or name == listener.lower() or name in names


def _without_port(host: str) -> str:
    if host.startswith("["):  # IPv6, RFC 3986, 3.2.2
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
