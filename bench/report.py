"""The results in Markdown and as a picture."""

from statistics import median

from bench.goals import goals
from bench.plot import Bar, plot
from bench.results import Results

TITLES = {
    "post-1k": "POST of a form, answer 1 KB",
    "upload-chunked": "POST of 1 KB in chunks, answer 1 KB",
    "get-404": "GET, answer 404 of 1 KB",
    "get-chunked": "GET, answer of 1 KB in chunks",
    "get-100k": "GET, answer of 100 KB",
}


def report(results: Results) -> str:
    """All tables, each as far as it was measured."""
    parts = [_main(results), _more(results), _kinds(results), _workers(results), _goals(results)]
    return "\n\n".join(part for part in [*parts, _besides(results)] if part)


def picture(results: Results) -> str:
    """CPU of a request by proxy, as SVG. Needs the figures of `get-1k`."""
    bars = []
    for name in _by_cpu(results, "get-1k"):
        load = results.load("get-1k", name)
        assert load is not None
        row = results.proxies[name]
        bars.append(Bar(row.title, load.cpu, 0 if name == "gateway" else 1 if row.authenticates else 2))
    legend = ("the gateway, which authenticates every request", "others that do", "authenticates nobody")
    return plot(
        "CPU of one request: GET of 1 KB", "µs of one core, all processes of the proxy; less is better", legend, bars
    )


def _by_cpu(results: Results, kind: str) -> list[str]:
    """Who was measured, the cheapest first."""
    costs = {name: load.cpu for name in results.loads.get(kind, {}) if (load := results.load(kind, name))}
    return sorted(costs, key=costs.__getitem__)


def _title(results: Results, name: str) -> str:
    row = results.proxies[name]
    title = f"**{row.title}**" if name == "gateway" else row.title
    return title if row.authenticates else f"{title}; authenticates nobody"


def _main(results: Results) -> str:
    base = results.load("get-1k", "nginx")
    if base is None:
        return ""
    rows = []
    for name in _by_cpu(results, "get-1k"):
        load = results.load("get-1k", name)
        assert load is not None
        rows.append(
            f"| {_title(results, name)} | {load.cpu:.1f} | {load.cpu / base.cpu:.2f} | {load.rate:,.0f} "
            f"| {load.p50:,.0f} | {load.p99:,.0f} | {results.rest[name] / 1e6:.0f} | {load.memory / 1e6:.0f} |"
        )
    return "\n".join(
        [
            f"GET of 1 KB, {results.connections} connections; medians of {results.rounds} rounds of "
            f"{results.seconds:g} s:",
            "",
            "| proxy | CPU µs/request | × nginx | requests/s | p50 µs | p99 µs | MB at rest | MB under load |",
            "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *rows,
        ]
    )


def _more(results: Results) -> str:
    base = results.load("get-100k", "nginx")
    names = _by_cpu(results, "get-100k")
    if base is None or len(names) < 3:  # nginx and the gateway stand in the table of kinds
        return ""
    rows = []
    for name in names:
        load, one = results.load("get-100k", name), results.load("get-1k-one", name)
        assert load is not None
        latency = f"{one.p50:,.0f}" if one else ""
        rows.append(
            f"| {_title(results, name)} | {load.cpu:.1f} | {load.cpu / base.cpu:.2f} | {load.rate:,.0f} | {latency} |"
        )
    return "\n".join(
        [
            "GET of 100 KB, as many connections; and the latency of one connection alone, GET of 1 KB:",
            "",
            "| proxy | 100 KB: CPU µs/request | × nginx | requests/s | one connection: p50 µs |",
            "| --- | ---: | ---: | ---: | ---: |",
            *rows,
        ]
    )


def _kinds(results: Results) -> str:
    rows = []
    for kind, title in TITLES.items():
        base, ours = results.load(kind, "nginx"), results.load(kind, "gateway")
        if base and ours:
            rows.append(
                f"| {title} | {base.cpu:.1f} | {ours.cpu:.1f} | {ours.cpu / base.cpu:.2f} "
                f"| {base.rate:,.0f} | {ours.rate:,.0f} |"
            )
    if not rows:
        return ""
    return "\n".join(
        [
            "Other requests, nginx that authenticates nobody and the gateway:",
            "",
            "| request | nginx µs | gateway µs | × nginx | nginx requests/s | gateway requests/s |",
            "| --- | ---: | ---: | ---: | ---: | ---: |",
            *rows,
        ]
    )


def _workers(results: Results) -> str:
    one = results.load("workers", "gateway")
    rows = []
    for count, name in enumerate(("gateway", "gateway-2-workers"), 1):
        load = results.load("workers", name)
        if one and load:
            processes = results.processes.get(name, [])
            connections = " + ".join(str(each.connections) for each in processes[-count:])  # a parent has none
            resident, proportional = (
                " + ".join(f"{getattr(each, size) / 1e6:.0f}" for each in processes)
                for size in ("resident", "proportional")
            )
            rows.append(
                f"| {count} | {load.cpu:.1f} | {count / load.cpu * 1e6:,.0f} | {count * one.cpu / load.cpu:.2f} "
                f"| {load.rate:,.0f} | {connections} | {resident} | {proportional} |"
            )
    if not rows:
        return ""
    return "\n".join(
        [
            "GET of 1 KB by number of workers, each on a core that it shares with load and upstream; capacity is what "
            "they would serve if they had theirs alone. Connections by worker, memory by process, a parent's first:",
            "",
            "| workers | CPU µs/request | capacity, requests/s | × one | requests/s beside the load | connections "
            "| MB resident | MB proportional |",
            "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
            *rows,
        ]
    )


def _goals(results: Results) -> str:
    rows = [
        f"| {goal.text} | {'≥' if goal.least else '≤'} {goal.limit:g} {goal.unit} | {goal.reached:.2f} {goal.unit} "
        f"| {'yes' if goal.met else '**no**'} |"
        for goal in goals(results)
    ]
    if not rows:
        return ""
    head = ["| what | goal | measured | met |", "| --- | ---: | ---: | --- |"]
    return "\n".join(["What the gateway shall reach:", "", *head, *rows])


def _besides(results: Results) -> str:
    lines = []
    for name, idle in results.idle.items():
        count = results.idle_connections
        lines.append(
            f"- An idle kept-alive connection, of {count:,}: {idle / 1024:.1f} KB in {results.proxies[name].title}."
        )
    few, many = results.load("routes", "gateway-10"), results.load("routes", "gateway-1000")
    if few and many:
        lines.append(f"- With 10 routes a request costs {few.cpu:.1f} µs, with 1,000 routes {many.cpu:.1f} µs.")
    if (one := results.load("get-1k-one", "gateway")) and (base := results.load("get-1k-one", "nginx")):
        lines.append(
            f"- One connection alone: p50 {one.p50:,.0f} µs through the gateway, {base.p50:,.0f} µs through nginx."
        )
    if starts := results.start_seconds:
        lines.append(f"- From spawning `gateway serve` to ready: {median(starts):.2f} s (median of {len(starts)}).")
    if results.logins_per_second and results.login_cpu_ms:
        lines.append(
            f"- Logins through the whole dance, WeChat simulated: {results.logins_per_second:.0f} a second, "
            f"{results.login_cpu_ms:.1f} ms of the gateway's CPU each."
        )
    versions = ", ".join(f"{name} {version}" for name, version in results.versions.items())
    lines.append(f"- Measured: {versions}; {results.machine}.")
    lines += [f"- Left out: {name}, which {reason}." for name, reason in results.left_out.items()]
    return "\n".join(lines)
