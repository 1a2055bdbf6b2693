"""CPU, latency and memory of the gateway, beside plain nginx and, if asked for, other proxies in the same run.

The proxy runs on one core; load, upstream and WeChat on another. Rounds are interleaved, figures are medians.
A shared machine makes absolute figures worth little: trust the ratio.
"""

import argparse
import asyncio
import platform
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from bench.dance import log_in_many
from bench.kinds import KINDS, PAGE, WORKERS, Kind
from bench.processes import Measured, cores
from bench.proxies import apache, caddy, envoy, gateway, haproxy, nginx
from bench.proxies.proxy import BUILD, Peer, Proxy
from bench.report import report
from bench.results import Results, Row
from bench.scene import PEOPLE, Scene
from bench.stand import Stand

PEERS: dict[str, Peer] = {"nginx-auth": nginx, "haproxy": haproxy, "apache": apache, "caddy": caddy, "envoy": envoy}
RESULTS = BUILD / "results.json"
WARM_UP = 1.0  # seconds


def say(text: str) -> None:
    """Progress, apart from the table."""
    print(f"==> {text}", file=sys.stderr, flush=True)


class Bench:
    """One measurement; `results` grows as it goes on and is kept after every step."""

    def __init__(self, scene: Scene, options: argparse.Namespace) -> None:
        self._scene = scene
        self._options = options
        self._stand = Stand(scene)
        self._running: dict[Proxy, Measured] = {}
        self.results = Results(machine(), options.rounds, options.seconds, options.connections)

    def run(self) -> None:
        """All of it."""
        base, ours = nginx.plain(self._scene), gateway.gateway(self._scene)
        variants = [gateway.gateway(self._scene, routes) for routes in (10, 1000)]
        two = gateway.gateway(self._scene, workers=2)
        kinds: list[Kind] = self._options.kinds
        self.results.versions = nginx.versions() | gateway.versions()
        with self._stand.surroundings():
            say(f"starting the gateway {self._options.starts} times")
            for _ in range(self._options.starts):
                started = time.perf_counter()
                with self._stand.running(ours):
                    self.results.start_seconds.append(time.perf_counter() - started)
            with ExitStack() as stack:
                for proxy in [base, ours, *variants, two]:
                    if proxy is ours or any(kind.concerns(proxy.name) for kind in kinds):
                        self._start(stack, proxy)
                for name in self._options.peers:
                    self._bring(stack, name, PEERS[name])
                for number, kind in enumerate(kinds, 1):
                    say(f"kind {number} of {len(kinds)}: {kind.title}")
                    self._measure(kind)
                if self._options.logins:
                    self._log_in(ours)
            for proxy in (ours, two) if WORKERS in kinds else ():
                self._look_at_processes(proxy)
            for proxy in (base, ours) if self._options.idle else ():
                self._hold_idle(proxy)
        self._keep()

    def _bring(self, stack: ExitStack, name: str, peer: Peer) -> None:
        """Install and start a peer; what cannot be had is left out by name."""
        say(f"installing {name}")
        try:
            peer.install()
            proxies = peer.prepare(self._scene)
            versions = peer.versions()
        except (OSError, LookupError, subprocess.SubprocessError) as error:
            self._leave_out(name, "could not be installed", error)
            return
        self.results.versions |= versions
        for proxy in proxies:
            with ExitStack() as trial:
                try:
                    self._start(trial, proxy)
                except (OSError, RuntimeError, EOFError, TimeoutError) as error:
                    self._leave_out(proxy.name, "did not start or let nobody in", error)
                else:
                    stack.enter_context(trial.pop_all())

    def _leave_out(self, name: str, reason: str, error: Exception) -> None:
        say(f"{name} is left out, it {reason}: {error}")
        self.results.left_out[name] = reason

    def _start(self, stack: ExitStack, proxy: Proxy) -> None:
        say(f"starting {proxy.name} and signing in")
        measured = stack.enter_context(self._stand.running(proxy))
        self._stand.sign_in(proxy)
        self._running[proxy] = measured
        self.results.proxies[proxy.name] = Row(proxy.title, proxy.authenticates)
        self.results.rest[proxy.name] = measured.memory()

    def _measure(self, kind: Kind) -> None:
        """Interleaved rounds; the first warms up. A peer that fails is left out from then on."""
        rounds = self.results.loads.setdefault(kind.name, {})
        for number in range(self._options.rounds + 1):
            for proxy in [proxy for proxy in self._running if kind.concerns(proxy.name)]:
                seconds = self._options.seconds if number else WARM_UP
                try:
                    load = self._stand.load(proxy, self._running[proxy], kind, self._options.connections, seconds)
                except (RuntimeError, subprocess.SubprocessError) as error:
                    if proxy.name == "nginx" or proxy.name.startswith("gateway"):
                        raise
                    self._leave_out(proxy.name, f"failed under load: {kind.title}", error)
                    del self._running[proxy]
                    continue
                if number:
                    rounds.setdefault(proxy.name, []).append(load)
                    say(f"round {number}: {proxy.name} {load.cpu:.1f} µs, {load.rate:,.0f} requests/s")
        self._keep()

    def _log_in(self, proxy: Proxy) -> None:
        """Logins through the whole dance: how many a second, and what one costs the gateway."""
        count = self._options.logins
        say(f"{count} logins")
        people = [f"user{number % (PEOPLE - 1) + 1}" for number in range(count)]
        before = self._running[proxy].cpu_seconds()
        done = asyncio.run(
            log_in_many(proxy.origin + PAGE.path, f"http://127.0.0.1:{self._scene.wechat}", people, at_once=16)
        )
        spent = self._running[proxy].cpu_seconds() - before
        self.results.logins_per_second = done.count / done.seconds
        self.results.login_cpu_ms = spent / done.count * 1000
        self._keep()

    def _look_at_processes(self, proxy: Proxy) -> None:
        """Those of a gateway that was started anew, without others that would share its memory, and warmed up."""
        say(f"{proxy.name} alone: its processes")
        with self._stand.running(proxy) as measured:
            self._stand.load(proxy, measured, WORKERS, self._options.connections, WARM_UP)
            processes = self._stand.processes(proxy, measured, WORKERS, self._options.connections)
        self.results.processes[proxy.name] = processes

    def _hold_idle(self, proxy: Proxy) -> None:
        """The memory of idle connections, of a proxy that was started anew and warmed up."""
        say(f"{proxy.name} holds {self._options.idle} idle connections")
        with self._stand.running(proxy) as measured:
            self._stand.load(proxy, measured, PAGE, self._options.connections, WARM_UP)
            self.results.idle[proxy.name] = self._stand.idle(proxy, measured, PAGE, self._options.idle)
        self.results.idle_connections = self._options.idle

    def _keep(self) -> None:
        self.results.write(RESULTS)


def open_files(wanted: int = 40_000) -> int:
    """Raise the limit of open files, for every process started from here; what it is then."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < wanted:
        with suppress(ValueError, OSError):  # only root may
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            return wanted
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def machine() -> str:
    """What this is measured on, without names and places."""
    facts = Path("/proc/cpuinfo").read_text()
    models = [line.partition(":")[2].strip() for line in facts.splitlines() if line.startswith("model name")]
    model = models[0] if models else platform.machine()
    virtual = " (virtual)" if "hypervisor" in facts else ""
    count = len(set(cores()))
    kernel = platform.release().partition("-")[0]
    return f"{model}{virtual}, {count} {'core' if count == 1 else 'cores'} used, Linux {kernel}"


def _names(known: list[str]) -> Callable[[str], list[str]]:
    def chosen(text: str) -> list[str]:
        names = known if text == "all" else text.replace(",", " ").split()
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: not among all, {', '.join(known)}")
        return names

    return chosen


def main() -> None:
    """Run, print the tables, keep .bench/results.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = {kind.name: kind for kind in KINDS}
    parser.add_argument("--peers", type=_names(list(PEERS)), default=[], help=f"all, or some of {' '.join(PEERS)}")
    parser.add_argument("--kinds", type=_names(list(kinds)), default="all", help=f"all, or some of {' '.join(kinds)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4, help="of each round")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--logins", type=int, default=300)
    parser.add_argument("--idle", type=int, default=10_000, help="idle connections; 0: none")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that all that runs is ended
    options.kinds = [kinds[name] for name in options.kinds]
    options.idle = min(options.idle, open_files() // 2)  # the gateway keeps the other half for requests
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        Path(folder).chmod(0o755)  # nginx and Apache read their files as another user
        bench = Bench(Scene(Path(folder)), options)
        bench.run()
    print(report(bench.results))


if __name__ == "__main__":
    main()
