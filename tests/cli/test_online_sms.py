"""`gateway check --online` reaches the sender of codes, and asks it nothing."""

import contextlib
import socket
import threading
from typing import Any

import pytest

PATIENCE = 20.0
SMS = """
[bind.sms]
resolver_url = "http://127.0.0.1:9/by-phone"
sender = "{sender}"
{more}
"""
CLOUD = """
[bind.sms.aliyun]
access_key_id = "LTAI5tK3yForTests0001"
access_key_secret = {{ env = "CLOUD_SECRET" }}
sign_name = "示例科技"
template = "SMS_15305"
api_base = "https://127.0.0.1:{port}"
"""


@pytest.fixture
def upstream(folder: Any) -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server:
        folder.replace('["http://127.0.0.1:9"]', f'["http://127.0.0.1:{server.getsockname()[1]}"]')
        yield server


def add(folder: Any, text: str) -> None:
    folder.replace("version = 1\n", 'version = 1\nbind.methods = ["sms"]\n')
    path = folder.path / "gateway.toml"
    path.write_text(path.read_text() + text)


@pytest.mark.usefixtures("upstream")
def test_a_sender_that_does_not_listen(folder: Any) -> None:
    """Named with its key."""
    add(folder, SMS.format(sender="http", more='sender_url = "http://127.0.0.1:9/sms"'))
    status, _, err = folder.run("check", "--online")
    assert status == 2
    assert "bind.sms.sender_url: http://127.0.0.1:9/sms: connection refused" in err


@pytest.mark.usefixtures("upstream")
def test_a_sender_that_listens_hears_nothing(folder: Any) -> None:
    """Connected and closed: no message is sent, nothing is charged."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as sender:
        sender.settimeout(PATIENCE)

        def serve() -> None:
            connection, _ = sender.accept()
            connection.settimeout(PATIENCE)
            with connection, contextlib.suppress(ConnectionError):
                heard.append(connection.recv(100))

        thread = threading.Thread(target=serve)
        thread.start()
        url = f"http://127.0.0.1:{sender.getsockname()[1]}/sms"
        add(folder, SMS.format(sender="http", more=f'sender_url = "{url}"'))
        status, _, err = folder.run("check", "--online")
        thread.join()
    assert (status, err.count("\n")) == (0, err.count("warning"))
    assert heard in ([], [b""])


@pytest.mark.usefixtures("upstream")
def test_a_cloud_that_speaks_no_tls(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its certificate is asked for."""
    monkeypatch.setenv("CLOUD_SECRET", "kT4bQx9LmZ2vRs7Yp1WcHd6NfGj3")
    with socket.create_server(("127.0.0.1", 0)) as sender:
        sender.settimeout(PATIENCE)

        def serve() -> None:
            connection, _ = sender.accept()
            connection.settimeout(PATIENCE)
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(2000)

        thread = threading.Thread(target=serve)
        thread.start()
        port = sender.getsockname()[1]
        add(folder, SMS.format(sender="aliyun", more="") + CLOUD.format(port=port))
        status, _, err = folder.run("check", "--online")
        thread.join()
    assert status == 2
    assert f"bind.sms.aliyun.api_base: https://127.0.0.1:{port}: TLS" in err
