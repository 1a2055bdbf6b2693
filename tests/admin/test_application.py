"""The admin listener answers probes and scrapes, and nobody else."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from gateway.admin.application import build_admin
from gateway.admin.readiness import Check
from gateway.core.reasons import Reason
from gateway.telemetry.metrics import Metrics


@asynccontextmanager
async def serving(app: web.Application, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """The application on a free port; yields its base address."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    try:
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def check(name: str, outcome: Exception | None = None) -> tuple[Check, list[str]]:
    """A check and the list of its runs."""
    runs: list[str] = []

    async def run() -> None:
        runs.append(name)
        if outcome:
            raise outcome

    return (name, run), runs


async def get(url: str, *, method: str = "GET", **headers: str) -> tuple[int, str, Mapping[str, str]]:
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers) as response:
        return response.status, await response.text(), response.headers


async def raw(base: str, request: bytes) -> bytes:
    host, port = base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


async def test_alive() -> None:
    """/healthz asks nothing: a store that is down must not get the process killed."""
    failing, runs = check("bindings", RuntimeError())
    async with serving(build_admin(Metrics(), [failing])) as base:
        status, text, _ = await get(f"{base}/healthz")
    assert (status, text, runs) == (200, "ok\n", [])


async def test_ready() -> None:
    """/readyz is 200 with every check's name if all of them pass."""
    async with serving(build_admin(Metrics(), [check("bindings")[0], check("state")[0]])) as base:
        status, text, headers = await get(f"{base}/readyz")
    assert status == 200
    assert text == '{"ready": true, "checks": {"bindings": "ok", "state": "ok"}}'
    assert headers["Cache-Control"] == "no-store"


async def test_not_ready(caplog: pytest.LogCaptureFixture) -> None:
    """One failing check is a 503 that names it, without its message."""
    async with serving(
        build_admin(Metrics(), [check("bindings", RuntimeError("at db:5432"))[0], check("state")[0]])
    ) as base:
        status, text, _ = await get(f"{base}/readyz")
    assert status == 503
    assert text == '{"ready": false, "checks": {"bindings": "failed", "state": "ok"}}'


async def test_metrics() -> None:
    """/metrics is what Prometheus reads, with its content type."""
    metrics = Metrics()
    metrics.request("app", Reason.BOUND, 200, 0.1)
    async with serving(build_admin(metrics, [])) as base:
        status, text, headers = await get(f"{base}/metrics", Accept="application/openmetrics-text;version=nonsense")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "gateway_requests" in {family.name for family in text_string_to_metric_families(text)}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/healthz/"), ("GET", "/api/bindings"), ("POST", "/healthz"), ("GET", "/<script>")],
)
async def test_anything_else_is_not_found(method: str, path: str) -> None:
    """A constant page that repeats nothing of the request and names no software."""
    async with serving(build_admin(Metrics(), [])) as base:
        status, text, headers = await get(f"{base}{path}", method=method)
    assert (status, text) == (404, "404 Not Found\n")
    assert "Server" not in headers
    assert headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "LOCALHOST", "127.0.0.1:8081", "[::1]:8081", "admin.local"]
)
async def test_our_names_are_answered(host: str) -> None:
    """Loopback names, with any port, and what the operator listed."""
    async with serving(build_admin(Metrics(), [], names={"admin.local"})) as base:
        assert (await get(f"{base}/healthz", Host=host))[0] == 200


@pytest.mark.parametrize(
    "host", ["evil.test", "evil.test:8081", "localhost.evil.test", "127.0.0.1.evil.test", "127.0.0.2", "", "[::2]", "["]
)
async def test_a_rebound_name_is_refused(host: str) -> None:
    """A page of evil.test that resolves its own name to us reads nothing."""
    async with serving(build_admin(Metrics(), [])) as base:
        answer = await raw(base, f"GET /metrics HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 421 ")
    assert b"gateway_" not in answer


async def test_the_address_reached_is_one_of_our_names() -> None:
    """A probe that asks for the listener's address is answered, without any configuration."""
    async with serving(build_admin(Metrics(), []), host="127.0.0.5") as base:
        assert (await get(f"{base}/healthz"))[0] == 200


@pytest.mark.parametrize("hosts", [b"", b"Host: localhost\r\nHost: evil.test\r\n"])
async def test_no_host_or_two_are_refused(hosts: bytes) -> None:
    """What cannot be judged is not answered."""
    async with serving(build_admin(Metrics(), [])) as base:
        answer = await raw(base, b"GET /metrics HTTP/1.1\r\n" + hosts + b"Connection: close\r\n\r\n")
    assert answer.split(b" ")[1] in (b"400", b"421")
    assert b"gateway_" not in answer


async def test_a_unix_socket_takes_any_host(tmp_path: Path) -> None:
    """Browsers do not come through it."""
    runner = web.AppRunner(build_admin(Metrics(), []), access_log=None)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "admin.sock")).start()
    try:
        connector = aiohttp.UnixConnector(str(tmp_path / "admin.sock"))
        async with aiohttp.ClientSession(connector=connector) as session, session.get("http://any/healthz") as response:
            assert response.status == 200
    finally:
        await runner.cleanup()


async def test_a_failing_page_is_a_constant_500(monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception's text is not shown."""
    metrics = Metrics()

    def fail() -> bytes:
        raise RuntimeError("secret")

    monkeypatch.setattr(metrics, "exposition", fail)
    async with serving(build_admin(metrics, [])) as base:
        assert (await get(f"{base}/metrics"))[:2] == (500, "500 Internal Server Error\n")
