"""From an address in the configuration to a listening socket, or to a sentence for the operator."""

import errno
import socket

from gateway.config import Address, Tcp
from gateway.wire.listen import tcp_socket, unix_socket


class ListenerUnusable(Exception):
    """An address that cannot be listened on; the message names its key and says why."""


def listening(key: str, address: Address) -> socket.socket:
    """A socket that listens on `address`, which stands at `key`. Raises ListenerUnusable."""
    try:
        if isinstance(address, Tcp):
            return tcp_socket(address.host, address.port)
        return unix_socket(str(address.path))
    except OSError as error:
        raise ListenerUnusable(f"{key}: {address} {_why_not(address, error)}") from error


def shown(listener: socket.socket, *, tls: bool = False) -> str:
    """Where it listens, as people open it."""
    name = listener.getsockname()
    if not isinstance(name, tuple):
        return f"unix:{name}"
    scheme = "https" if tls else "http"
    return f"{scheme}://[{name[0]}]:{name[1]}" if ":" in name[0] else f"{scheme}://{name[0]}:{name[1]}"


def _why_not(address: Address, error: OSError) -> str:
    tcp = isinstance(address, Tcp)
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return "is not an address of this machine"
    if error.errno == errno.EADDRINUSE:
        return "is in use by another process" if tcp else "is in use by another process, or is no socket"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "is not allowed: ports below 1024 need CAP_NET_BIND_SERVICE" if tcp else "may not be made by this user"
    return f"cannot be listened on: {error.strerror or error}"
