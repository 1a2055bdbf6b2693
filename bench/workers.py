"""One worker on one core against two on two: what a second one is worth.

Load and upstream need processors, too, and share both cores with the gateway in either case. So capacity is what the
workers would serve with a core each: workers x requests / CPU seconds of theirs. What they cost each other shows as
more CPU a request. How evenly the kernel spreads connections is shown beside it.
"""

import argparse
import asyncio
import os
import re
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from threading import Timer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.client import NAVIGATION, Browser
from bench.dance import bind, sign_in
from bench.load import Load, run_load
from bench.processes import Running, cores
from bench.scene import PASSWORD, USERNAME, Scene, paint

PAGE = "/section7/pages/list?order=new"


@dataclass(frozen=True, slots=True)
class Round:
    """`split`: connections of each worker. `memory` and `resident`: bytes of all processes, proportional and whole."""

    load: Load
    split: list[int]
    memory: int
    resident: int


def say(text: str) -> None:
    """Progress, apart from the table."""
    print(f"==> {text}", file=sys.stderr, flush=True)


def set_workers(scene: Scene, count: int) -> None:
    """Write `server.workers`."""
    file = scene.folder / "gateway.toml"
    text = re.sub(r"(?m)^workers = .*\n", "", file.read_text())
    file.write_text(text.replace("[server]\n", f"[server]\nworkers = {count}\n"))


async def session(scene: Scene) -> str:
    """The Cookie header of a bound session."""
    async with Browser() as browser:
        form = await sign_in(browser, scene.origin + PAGE, f"http://127.0.0.1:{scene.wechat}", "user0")
        await bind(browser, form, USERNAME, PASSWORD)
        return "; ".join(f"{name}={value}" for name, value in browser.jars[scene.origin[7:]].items())


def workers_of(process: Running, count: int) -> list[int]:
    """Process ids of those who serve, each moved to a core of its own."""
    family = process._family()
    pids = family[1:] if count > 1 else family
    for pid, core in zip(pids, cores(), strict=False):
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), {core})
    return pids


def connections(pid: int, port: int) -> int:
    """Established connections to `port` that the process has accepted."""
    inodes = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(entry)
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(row[1].endswith(f":{port:04X}") and row[3] == "01" and row[9] in inodes for row in rows)


def memory(pids: list[int], field: str) -> int:
    """Bytes of a field of smaps_rollup, of all processes."""
    texts = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    return sum(int(found[1]) * 1024 for text in texts if (found := re.search(rf"(?m)^{field}:\s+(\d+)", text)))


def measure(scene: Scene, count: int, cookie: str, options: argparse.Namespace) -> Round:
    """One round with `count` workers."""
    set_workers(scene, count)
    first, second = cores()
    with Running(first, scene.command("gateway"), Path(os.devnull)) as process:
        process.wait_for(f"http://127.0.0.1:{scene.admin}/readyz")
        pids = workers_of(process, count)
        headers = {**NAVIGATION, "Cookie": cookie}
        both = f"{first},{second}"
        split: list[int] = []
        look = Timer(options.seconds / 2, lambda: split.extend(connections(pid, scene.gateway) for pid in pids))
        run_load(process, both, scene.origin + PAGE, headers, options.connections, 1)
        look.start()
        load = run_load(process, both, scene.origin + PAGE, headers, options.connections, options.seconds)
        look.join()
        everybody = process._family()
        return Round(load, sorted(split, reverse=True), memory(everybody, "Pss"), memory(everybody, "Rss"))


def table(rounds: dict[int, list[Round]], options: argparse.Namespace) -> str:
    """Markdown."""
    cpu = {count: median(each.load.cpu for each in some) for count, some in rounds.items()}
    rows = [
        f"1 KB GET, {options.connections} connections, a session; medians of {options.rounds} rounds of "
        f"{options.seconds:g} s; load and upstream share the cores.",
        "",
        "| workers | CPU µs/request | capacity, requests/s | × one | requests/s beside the load | connections of each "
        "| PSS MB | RSS MB |",
        "| ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    for count, some in rounds.items():
        rate = median(each.load.rate for each in some)
        splits = ", ".join("+".join(map(str, each.split)) for each in some)
        proportional, resident = (median(each[field] for each in map(figures, some)) / 1e6 for field in (0, 1))
        rows.append(
            f"| {count} | {cpu[count]:.1f} | {count / cpu[count] * 1e6:.0f} | {count * cpu[1] / cpu[count]:.2f} "
            f"| {rate:.0f} | {splits} | {proportional:.0f} | {resident:.0f} |"
        )
    return "\n".join(rows)


def figures(one: Round) -> tuple[int, int]:
    """Memory, proportional and resident."""
    return one.memory, one.resident


def main() -> None:
    """Run, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()
    rounds: dict[int, list[Round]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, ExitStack() as stack:
        scene = paint(Path(folder))
        core = cores()[1]
        for name, ready in (("upstream", f"{scene.upstream}/"), ("wechat", f"{scene.wechat}/sim/state")):
            process = stack.enter_context(Running(core, scene.command(name), scene.folder / f"{name}.log"))
            process.wait_for(f"http://127.0.0.1:{ready}")
        with Running(core, scene.command("gateway"), Path(os.devnull)) as gateway:
            gateway.wait_for(f"http://127.0.0.1:{scene.admin}/readyz")
            cookie = asyncio.run(session(scene))
        for number in range(options.rounds):
            for count, some in rounds.items():
                some.append(measure(scene, count, cookie, options))
                say(f"round {number + 1}: {count} workers, {some[-1].load.cpu:.1f} µs a request, {some[-1].split}")
    print(table(rounds, options))


if __name__ == "__main__":
    main()
