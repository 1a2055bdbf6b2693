"""Why an address cannot be listened on, in a sentence that names its key."""

import errno
import socket
from pathlib import Path

import pytest

from gateway import listeners
from gateway.config import Address, Tcp, Unix
from gateway.listeners import ListenerUnusable, SharedSockets, listening


def test_it_listens(tmp_path: Path) -> None:
    """On TCP and on a Unix socket."""
    for address in (Tcp("127.0.0.1", 0), Unix(tmp_path / "g.sock")):
        with listening("server.listen", address) as listener:
            assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)


def test_a_taken_port() -> None:
    """The error of the system."""
    with listening("server.listen", Tcp("127.0.0.1", 0)) as first:
        port = first.getsockname()[1]
        with pytest.raises(ListenerUnusable, match=f"^server.admin: 127.0.0.1:{port} is in use by another process$"):
            listening("server.admin", Tcp("127.0.0.1", port))


def test_an_address_of_another_machine() -> None:
    """TEST-NET-1 belongs to nobody (RFC 5737)."""
    with pytest.raises(ListenerUnusable, match=r"^server\.listen: 192\.0\.2\.1:80 is not an address of this machine$"):
        listening("server.listen", Tcp("192.0.2.1", 80))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The path and the system's words."""
    path = tmp_path / "none" / "g.sock"
    with pytest.raises(ListenerUnusable, match=f"^server.listen: unix:{path} cannot be listened on: No such file"):
        listening("server.listen", Unix(path))


def test_a_file_in_the_way(tmp_path: Path) -> None:
    """Nothing is removed."""
    path = tmp_path / "g.sock"
    path.touch()
    with pytest.raises(ListenerUnusable, match=r"is in use by another process, or is no socket$"):
        listening("server.listen", Unix(path))
    assert path.exists()


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        (Tcp("127.0.0.1", 80), PermissionError(errno.EACCES, ""), "is not allowed: ports below 1024 need CAP_NET_BIND"),
        (Unix(Path("/run/g.sock")), PermissionError(errno.EACCES, ""), "may not be made by this user"),
        (Tcp("localhost", 80), socket.gaierror(socket.EAI_NONAME, ""), "is not an address of this machine"),
    ],
)
def test_what_depends_on_the_machine(
    monkeypatch: pytest.MonkeyPatch, address: Address, error: OSError, message: str
) -> None:
    """Rights and names, which a test run as root cannot be refused."""

    def refuse(*_: object) -> socket.socket:
        raise error

    monkeypatch.setattr(listeners, "tcp_socket", refuse)
    monkeypatch.setattr(listeners, "unix_socket", refuse)
    with pytest.raises(ListenerUnusable, match=message):
        listening("server.listen", address)


def test_workers_share_what_their_parent_opened(tmp_path: Path) -> None:
    """TCP is spread, Unix and admin are inherited; files go with the parent, not with a worker."""
    spread, path, admin = Tcp("127.0.0.1", 0), Unix(tmp_path / "g.sock"), Tcp("127.0.0.1", 0)
    with SharedSockets("listen", [("listen", spread), ("listen", path), ("admin", admin)]) as shared:
        [tcp, unix], [office] = shared.addresses("listen"), shared.addresses("admin")
        assert unix == f"unix:{path.path}"
        with (
            shared.open("listen", spread) as one,
            shared.open("listen", spread) as other,
            shared.open("listen", path) as local,
            shared.open("admin", admin) as inherited,
        ):
            assert all(each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for each in (one, other, local))
            assert tcp == f"http://127.0.0.1:{one.getsockname()[1]}" == f"http://127.0.0.1:{other.getsockname()[1]}"
            assert office == f"http://127.0.0.1:{inherited.getsockname()[1]}"
        shared.release(path)
        assert path.path.exists()
        with shared.open("listen", path):  # a worker's successor
            shared.let_go("listen")
        with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
            client.connect(str(path.path))
    assert not path.path.exists()


def test_workers_cannot_open_another_address() -> None:
    """After a change of the configuration, for instance."""
    with (
        SharedSockets("listen", []) as shared,
        pytest.raises(ListenerUnusable, match=r"^listen: 127\.0\.0\.1:80 needs a restart"),
    ):
        shared.open("listen", Tcp("127.0.0.1", 80))


def test_of_several_addresses_one_is_taken(tmp_path: Path) -> None:
    """It is named, and nothing stays open."""
    path = tmp_path / "g.sock"
    with listening("server.listen", Tcp("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        shared = SharedSockets("listen", [("listen", Unix(path)), ("admin", Tcp("127.0.0.1", port))])
        with pytest.raises(ListenerUnusable, match=f"^admin: 127.0.0.1:{port} is in use"), shared:
            pass
    assert not path.exists()
