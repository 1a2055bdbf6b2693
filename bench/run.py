"""CPU, latency, memory, start and logins of the gateway, beside plain nginx in the same run.

The proxy runs on one core; load, upstream and WeChat on another. Rounds are interleaved, figures are medians.
A shared machine makes absolute figures worth little: trust the ratio.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.client import NAVIGATION, Browser
from bench.dance import bind, log_in_many, sign_in
from bench.load import Load, run_load
from bench.processes import Running, cores
from bench.scene import PASSWORD, PEOPLE, USERNAME, Scene, paint

PAGE = "/section7/pages/list?order=new"
RESULTS = Path(__file__).with_name("results.json")


def say(text: str) -> None:
    """Progress, apart from the table."""
    print(f"==> {text}", file=sys.stderr, flush=True)


class Bench:
    """One measurement of one scene."""

    def __init__(self, scene: Scene, options: argparse.Namespace) -> None:
        self._scene = scene
        self._options = options
        self._proxy_core, self._load_core = cores()

    @contextmanager
    def running(self, name: str, ready: str, *, quiet: bool = False) -> Iterator[Running]:
        """Start `name` and wait until `ready` answers. `quiet`: its log goes to /dev/null."""
        core = self._proxy_core if name in ("nginx", "gateway") else self._load_core
        log = Path(os.devnull) if quiet else self._scene.folder / f"{name}.log"
        with Running(core, self._scene.command(name), log) as process:
            process.wait_for(ready)
            yield process

    def start_seconds(self) -> float:
        """From spawning the gateway until it is ready."""
        times = []
        for _ in range(self._options.starts):
            started = time.perf_counter()
            with self.running("gateway", f"http://127.0.0.1:{self._scene.admin}/readyz"):
                times.append(time.perf_counter() - started)
        return median(times)

    async def session(self) -> str:
        """The Cookie header of a bound session, made the way people make it."""
        origin = self._scene.origin
        async with Browser() as browser:
            form = await sign_in(browser, origin + PAGE, f"http://127.0.0.1:{self._scene.wechat}", "user0")
            await bind(browser, form, USERNAME, PASSWORD)
            who = await browser.get(f"{origin}/who")
            if who.body.count(".") != 2:
                raise RuntimeError(f"the upstream sees no X-User: {who.status}")
            return "; ".join(f"{name}={value}" for name, value in browser.jars[origin.removeprefix("http://")].items())

    def loads(self, proxies: dict[str, tuple[Running, str]], cookie: str) -> dict[str, Load]:
        """Interleaved rounds of load on every proxy; the medians."""
        rounds: dict[str, list[Load]] = {name: [] for name in proxies}
        headers = {**NAVIGATION, "Cookie": cookie}
        for number in range(self._options.rounds + 1):  # the first warms up
            for name, (process, origin) in proxies.items():
                seconds = self._options.seconds if number else 1
                load = run_load(process, self._load_core, origin + PAGE, headers, self._options.connections, seconds)
                if number:
                    rounds[name].append(load)
                    say(f"round {number}: {name} {load.cpu:.1f} µs a request, {load.rate:.0f} requests/s")
        return {name: _median(loads) for name, loads in rounds.items()}

    def logins(self, gateway: Running) -> dict[str, float]:
        """Logins through the whole dance: how many a second, and what one costs the gateway."""
        people = [f"user{number % (PEOPLE - 1) + 1}" for number in range(self._options.logins)]
        before = gateway.cpu_seconds()
        wechat = f"http://127.0.0.1:{self._scene.wechat}"
        done = asyncio.run(log_in_many(self._scene.origin + PAGE, wechat, people, self._options.at_once))
        spent = gateway.cpu_seconds() - before
        return {"per_second": done.count / done.seconds, "cpu_ms": spent / done.count * 1000}

    def run(self) -> dict[str, object]:
        """All of it."""
        scene = self._scene
        with ExitStack() as stack:
            stack.enter_context(self.running("upstream", f"http://127.0.0.1:{scene.upstream}/"))
            nginx = stack.enter_context(self.running("nginx", f"http://127.0.0.1:{scene.nginx}/"))
            stack.enter_context(self.running("wechat", f"http://127.0.0.1:{scene.wechat}/sim/state"))
            proxies = {"nginx": (nginx, f"http://127.0.0.1:{scene.nginx}")}
            figures: dict[str, object] = {}
            cookie = "session=" + "x" * 400
            if not self._options.nginx_only:
                say(f"starting the gateway {self._options.starts} times")
                figures["start_seconds"] = self.start_seconds()
                ready = f"http://127.0.0.1:{scene.admin}/readyz"
                gateway = stack.enter_context(self.running("gateway", ready, quiet=True))
                say("a person signs in and binds")
                cookie = asyncio.run(self.session())
                proxies["gateway"] = (gateway, scene.origin)
            figures["proxies"] = {name: asdict(load) for name, load in self.loads(proxies, cookie).items()}
            if not self._options.nginx_only:
                say(f"{self._options.logins} logins, {self._options.at_once} at once")
                figures["logins"] = self.logins(gateway)
        return figures


def _median(loads: list[Load]) -> Load:
    return Load(**{field.name: median(getattr(load, field.name) for load in loads) for field in fields(Load)})


def table(figures: dict[str, object], options: argparse.Namespace) -> str:
    """The figures in Markdown."""
    proxies = figures["proxies"]
    assert isinstance(proxies, dict)
    nginx = proxies["nginx"]["cpu"]
    rows = [
        f"1 KB GET, {options.connections} connections, 10 headers and a session cookie; proxy on one core;"
        f" medians of {options.rounds} rounds of {options.seconds:g} s; Python {platform.python_version()}.",
        "",
        "| proxy | CPU µs/request | × nginx | requests/s | p50 µs | p99 µs | RSS MB |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    names = {"nginx": "nginx, authenticates nobody", "gateway": "gateway, session and X-User, 50 routes"}
    rows += [
        f"| {names[name]} | {load['cpu']:.1f} | {load['cpu'] / nginx:.2f} | {load['rate']:.0f} | {load['p50']:.0f} "
        f"| {load['p99']:.0f} | {load['memory'] / 1e6:.0f} |"
        for name, load in proxies.items()
    ]
    if isinstance(logins := figures.get("logins"), dict):
        rows += [
            "",
            f"- start to ready: {figures['start_seconds']:.2f} s (median of {options.starts})",
            f"- logins through the whole dance: {logins['per_second']:.0f} a second, "
            f"{logins['cpu_ms']:.1f} ms of the gateway's CPU each",
        ]
    return "\n".join(rows)


def main() -> None:
    """Run, print the table, keep bench/results.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--starts", type=int, default=5)
    parser.add_argument("--logins", type=int, default=300)
    parser.add_argument("--at-once", type=int, default=16)
    parser.add_argument("--nginx-only", action="store_true", help="only the base line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        figures = Bench(paint(Path(folder)), options).run()
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    print(table(figures, options))


if __name__ == "__main__":
    main()
