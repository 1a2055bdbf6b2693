"""deploy/backends/python.py lets in whom the gateway vouches for, and nobody else."""

import base64
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

EXAMPLE = Path(__file__).parents[2] / "deploy" / "backends" / "python.py"
KEY, OTHER_KEY = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))


class Jwks(BaseHTTPRequestHandler):
    """Answers every GET with the public key."""

    def do_GET(self) -> None:
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(KEY.public_key()))
        body = json.dumps({"keys": [{**key, "kid": "k1", "use": "sig", "alg": "ES256"}]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def backend() -> Iterator[ModuleType]:
    """The example, with a gateway on loopback as issuer."""
    server = HTTPServer(("127.0.0.1", 0), Jwks)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    module = ModuleType("backend")
    issuer = f"http://127.0.0.1:{server.server_port}"
    exec(EXAMPLE.read_text().replace("https://app.example.com", issuer), module.__dict__)
    yield module
    server.shutdown()
    thread.join()
    server.server_close()


def token(backend: ModuleType, key: Any = KEY, algorithm: str = "ES256", kid: str = "k1", **changed: Any) -> str:
    """A token as the gateway makes it, but for what `changed` says; None leaves a claim out."""
    now = int(time.time())
    claims = {"iss": backend.ISSUER, "aud": "legacy", "sub": "42", "iat": now, "nbf": now, "exp": now + 120}
    claims |= {"bound": True, **changed}
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, algorithm=algorithm, headers={"kid": kid})


def test_a_bound_user_is_let_in(backend: ModuleType) -> None:
    """The subject is the legacy system's own user id."""
    assert backend.user({"X-User": token(backend)})["sub"] == "42"


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another"},
        {"aud": None},
        {"iss": "https://evil.test"},
        {"iss": None},
        {"exp": 1},
        {"exp": None},
        {"nbf": 4_000_000_000},
        {"nbf": None},
        {"bound": False},
        {"bound": None},
        {"bound": "true"},
        {"sub": None},
        {"key": OTHER_KEY},
        {"key": "k" * 32, "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
        {"kid": "k2"},
    ],
    ids=str,
)
def test_anybody_else_is_refused(backend: ModuleType, changed: dict[str, Any]) -> None:
    """One wrong or missing thing is enough."""
    with pytest.raises(backend.NotSignedIn):
        backend.user({"X-User": token(backend, **changed)})


@pytest.mark.parametrize("value", [None, "", "42", "a.b.c", "." * 100])
def test_what_is_no_token_is_refused(backend: ModuleType, value: str | None) -> None:
    """No header, or a plain user id in it, is nobody."""
    with pytest.raises(backend.NotSignedIn):
        backend.user({} if value is None else {"X-User": value})


def test_a_changed_payload_is_refused(backend: ModuleType) -> None:
    """The signature covers what is said."""
    head, payload, signature = token(backend).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "sub": "1"}).encode()).rstrip(b"=").decode()
    with pytest.raises(backend.NotSignedIn):
        backend.user({"X-User": f"{head}.{forged}.{signature}"})
