"""The stand: proxies on one core, all else on another, workers on one each, everything ended with its block."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.client import Browser
from bench.kinds import Kind
from bench.load import Load, run_load
from bench.processes import ROOT, Measured, Running, cores, pinned
from bench.proxies.proxy import Proxy
from bench.scene import Scene
from bench.workers import Process


class Stand:
    """Starts processes, signs in, and puts load on proxies."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._proxy_core, self._load_core = cores()
        self._helper: Running | None = None
        self._cookies: dict[str, str] = {}

    @contextmanager
    def surroundings(self) -> Iterator[None]:
        """The legacy system, WeChat, the OpenID provider and the service that authenticates, until the block ends."""
        scene = self._scene
        with ExitStack() as stack:
            services = {
                "upstream": (self._load_core, scene.write_upstream(), scene.upstream),
                "wechat": (self._load_core, scene.wechat_command(), scene.wechat),
                "provider": (self._load_core, scene.provider_command(), scene.provider),
                "auth": (self._proxy_core, scene.auth_command(), scene.auth),
            }
            for name, (core, command, port) in services.items():
                running = stack.enter_context(Running(core, command, scene.folder / f"{name}.log"))
                running.wait_for_port(port)
                if name == "auth":
                    self._helper = running
            yield

    @contextmanager
    def running(self, proxy: Proxy) -> Iterator[Measured]:
        """A proxy until the block ends, with the processes that count as it. Raises RuntimeError if it stays silent."""
        with Running(self._proxy_core, proxy.command, self._scene.folder / f"{proxy.name}.log") as running:
            if proxy.ready:
                running.wait_for(proxy.ready)
            else:
                running.wait_for_port(proxy.port)
            if proxy.workers > 1:
                running.spread(proxy.workers, (self._proxy_core, self._load_core))
            assert self._helper is not None
            yield Measured((running, self._helper) if proxy.asks else (running,))

    def sign_in(self, proxy: Proxy) -> None:
        """Get a session, and make sure that the upstream sees whose. Raises RuntimeError unless it does."""
        self._cookies[proxy.name] = asyncio.run(_signed_in(proxy))

    def load(self, proxy: Proxy, measured: Measured, kind: Kind, connections: int, seconds: float) -> Load:
        """Load of one kind on one proxy."""
        request = self._request(proxy, kind)
        cores = {self._proxy_core, self._load_core} if kind.everywhere else {self._load_core}
        load = run_load(measured, cores, proxy.port, request, kind.status, kind.connections or connections, seconds)
        for log in self._scene.folder.glob("*.log"):  # all write theirs to the same disk; it shall not fill up
            log.write_bytes(b"")
        return load

    def idle(self, proxy: Proxy, measured: Measured, kind: Kind, count: int) -> float:
        """What an idle connection that has asked once adds to the proxy's memory, in bytes.

        Of `count` connections the second half is measured: the first may take memory that was free before.
        """
        memory = []
        with self._clients(proxy, kind) as open_more:
            for more in (count // 2, count // 2):
                open_more(more)
                memory.append(measured.memory())
        return (memory[1] - memory[0]) / (count // 2)

    def processes(self, proxy: Proxy, measured: Measured, kind: Kind, count: int) -> list[Process]:
        """Each process of a proxy while it holds `count` connections that have asked once."""
        with self._clients(proxy, kind) as open_more:
            open_more(count)
            return measured.each(proxy.port)

    @contextmanager
    def _clients(self, proxy: Proxy, kind: Kind) -> Iterator[Callable[[int], None]]:
        """Clients that open so many more connections when told, each asks once. Closes them with the block."""
        command = [sys.executable, "-m", "bench.idle", str(proxy.port), str(self._request(proxy, kind))]
        with subprocess.Popen(
            pinned([self._load_core], command), cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as clients:

            def open_more(count: int) -> None:
                assert clients.stdin is not None
                assert clients.stdout is not None
                print(count, file=clients.stdin, flush=True)
                if clients.stdout.readline() != "open\n":
                    raise RuntimeError(f"{proxy.name} does not keep the connections")

            yield open_more

    def _request(self, proxy: Proxy, kind: Kind) -> Path:
        path = self._scene.folder / f"{proxy.name}.{kind.name}.request"
        path.write_bytes(kind.request(f"127.0.0.1:{proxy.port}", self._cookies[proxy.name]))
        return path


async def _signed_in(proxy: Proxy) -> str:
    cookie = await proxy.sign_in(proxy.origin)
    name, _, value = cookie.partition("=")
    async with Browser({proxy.origin.removeprefix("http://"): {name: value}}) as browser:
        seen = await browser.get(f"{proxy.origin}/who")
    if seen.status != 200 or not re.fullmatch(proxy.user, seen.body):
        raise RuntimeError(f"the upstream of {proxy.name} does not see the user: {seen.status}")
    async with Browser() as browser:
        stranger = await browser.get(f"{proxy.origin}/who")
    if proxy.authenticates == (stranger.status == 200):
        raise RuntimeError(f"{proxy.name} answers {stranger.status} to a stranger")
    return cookie
