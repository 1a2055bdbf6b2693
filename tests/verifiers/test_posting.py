"""Whom requests with passwords, phones and codes are posted to: a server with a trusted certificate, nobody else."""

import ssl
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.verifiers.interface import VerifierOutage
from gateway.verifiers.posting import Poster
from tests.service.authority import write_pair


async def test_tls_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate that nobody vouches for, or one for another name, ends in an outage before anything is sent."""
    heard: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        heard.append(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_post("/", answer)
    write_pair(tmp_path, "server")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    server = TestServer(app, host="127.0.0.1", scheme="https")
    await server.start_server(ssl=context)
    stranger = Poster(5.0)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "server.pem"))
    trusting = Poster(5.0)
    try:
        with pytest.raises(VerifierOutage):
            await stranger.post(f"https://127.0.0.1:{server.port}/", {}, b"CANARY")
        with pytest.raises(VerifierOutage):
            await trusting.post(f"https://localhost:{server.port}/", {}, b"CANARY")
        assert heard == []
        assert (await trusting.post(f"https://127.0.0.1:{server.port}/", {}, b"fine")).status == 200
        assert heard == [b"fine"]
    finally:
        await stranger.close()
        await trusting.close()
        await server.close()
