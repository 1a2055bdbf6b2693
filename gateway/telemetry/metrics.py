"""What the gateway counts, and its exposition for Prometheus. docs/reference.md explains every metric.

Label values come from fixed sets (ids of the configuration, our own enumerations), never from a client.
"""

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from .counts import Counts, Timings, buckets, merged, observe, total
from .snapshot import Snapshot, Table

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
NO_ROUTE = "-"  # the route label of a request that was refused before any route was known

_MAX_KEYS = 20_000  # of the hot path's memo; beyond it a request only costs more
_LASTING = frozenset({"log_dropped", "process_cpu_seconds"})  # counters among what is asked for at each scrape
_CLASSES = ("other", "1xx", "2xx", "3xx", "4xx", "5xx")


def _none() -> int:
    return 0


def _one() -> int:
    return 1


def _nothing() -> Mapping[tuple[str, str], int]:
    return {}


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is asked for at each scrape: numbers, or numbers by label values, that are added up over workers.

    `upstream_connections` by (upstream, "idle" or "busy"), `upstream_healthy` 1 or 0 by (upstream, server).
    """

    client_connections: Callable[[], int] = _none
    tunnels: Callable[[], int] = _none
    sessions_cached: Callable[[], int] = _none
    upstream_connections: Callable[[], Mapping[tuple[str, str], int]] = _nothing
    upstream_healthy: Callable[[], Mapping[tuple[str, str], int]] = _nothing
    log_dropped: Callable[[], int] = _none
    loop_lag: Callable[[], float] = _none
    workers: Callable[[], int] = _one


_NO_GAUGES = Gauges()


class Metrics:
    """The counters of one process. Every method is synchronous and never fails on a known label."""

    def __init__(self, gauges: Gauges = _NO_GAUGES, version: str = "") -> None:
        self._gauges = gauges
        self._version = version
        self._rows: dict[tuple[str, str, int], list[float]] = {}
        self._requests = Timings(3)
        self._upstream = Counts(2)
        self._ejections = Counts(2)
        self._retries = Counts(1)
        self._dance = Counts(2)
        self._wechat = Timings(2)
        self._verifier = Timings(2)
        self._binds = Counts(1)
        self._hooks_dropped = Counts(0, [()])
        self._bind_limits = Counts(1)
        self._bind_locks = Counts(1, [("pair",), ("account",)])
        self._bind_late = Counts(1)
        self._reloads = Counts(1)
        self._reloaded: tuple[bool, float] = (True, time.time())
        self._registry = CollectorRegistry()
        self._registry.register(_Families(self.families))
        self._process: Collector = ProcessCollector(registry=self._registry)

    def request(self, route: str, reason: str, status: int, seconds: float) -> None:
        """One answered request. `route` is a route's id or NO_ROUTE, `reason` a Reason."""
        observe(self.row(route, reason, status), seconds)

    def row(self, route: str, reason: str, status: int) -> list[float]:
        """Where such requests are counted: a row for `counts.observe`."""
        key = (route, reason, status // 100)
        try:
            return self._rows[key]
        except KeyError:
            kind = _CLASSES[key[2]] if 1 <= key[2] <= 5 else _CLASSES[0]
            row = self._requests.row(route, reason, kind)
            if len(self._rows) < _MAX_KEYS:
                self._rows[key] = row
            return row

    def upstream(self, upstream: str, outcome: str) -> None:
        """One failure of an upstream, by what failed."""
        self._upstream.add(upstream, outcome)

    def upstream_ejected(self, upstream: str, server: str) -> None:
        """A server was put out for a while."""
        self._ejections.add(upstream, server)

    def upstream_retried(self, upstream: str) -> None:
        """A request was tried once more."""
        self._retries.add(upstream)

    def dance(self, app: str, event: str) -> None:
        """One event of a WeChat login."""
        self._dance.add(app, event)

    def wechat_call(self, app: str, outcome: str, seconds: float) -> None:
        """One call of WeChat's API."""
        observe(self._wechat.row(app, outcome), seconds)

    def verifier_call(self, kind: str, outcome: str, seconds: float) -> None:
        """One question to the legacy system: `kind` is password, phone, sms or hook."""
        observe(self._verifier.row(kind, outcome), seconds)

    def bind(self, outcome: str) -> None:
        """One try to bind."""
        self._binds.add(outcome)

    def hook_dropped(self) -> None:
        """The legacy system was not told of a bind or unbind."""
        self._hooks_dropped.add()

    def bind_limited(self, limit: str) -> None:
        """A try to bind that was not judged, by what stopped it."""
        self._bind_limits.add(limit)

    def bind_locked(self, scope: str) -> None:
        """A lock began: of an account for one WeChat user ("pair"), or for all ("account")."""
        self._bind_locks.add(scope)

    def bind_late(self, page: str) -> None:
        """An answer took longer than the floor that hides how long it takes."""
        self._bind_late.add(page)

    def reload(self, ok: bool) -> None:
        """One try to reload the configuration."""
        self._reloads.add("ok" if ok else "refused")
        self._reloaded = (ok, time.time() if ok else self._reloaded[1])

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format (content type: CONTENT_TYPE)."""
        return generate_latest(self._registry)

    def snapshot(self) -> Snapshot:
        """Everything, as plain values."""
        lasting: dict[str, Table] = {name: book.table() for name, book in self._books()}
        passing: dict[str, Table] = {"reloaded": {(): [float(self._reloaded[0]), self._reloaded[1]]}}
        now = {field.name: _table(getattr(self._gauges, field.name)()) for field in fields(Gauges)}
        now |= {family.name: {(): [family.samples[0].value]} for family in self._process.collect()}
        for name, table in now.items():
            (lasting if name in _LASTING else passing)[name] = table
        return Snapshot(lasting, passing)

    def exposition_of(self, snapshot: Snapshot) -> bytes:
        """Like `exposition`, with the numbers of `snapshot`, which may be several processes'."""
        tables = {**snapshot.lasting, **snapshot.passing}
        kinds = {field.name: getattr(_NO_GAUGES, field.name)() for field in fields(Gauges)}
        asked: dict[str, Any] = {name: partial(_asked, tables.get(name, {}), kind) for name, kind in kinds.items()}
        shown = Metrics(Gauges(**asked), self._version)
        for name, book in shown._books():
            book.fill(tables.get(name, {}))
        for ok, moment in tables.get("reloaded", {}).values():
            shown._reloaded = (bool(ok), moment)
        processes = list(self._process.collect())
        for family in processes:
            sample = family.samples[0]
            family.samples = [sample._replace(value=row[0]) for row in tables.get(family.name, {}).values()]
        registry = CollectorRegistry()
        registry.register(_Families(shown.families))
        registry.register(_Families(lambda: processes))
        return generate_latest(registry)

    def _books(self) -> list[tuple[str, Counts | Timings]]:
        return [(name, book) for name, book in vars(self).items() if isinstance(book, Counts | Timings)]

    def families(self) -> Iterable[Metric]:
        """Everything but the process' own figures, as prometheus_client's values."""
        requests = CounterMetricFamily(
            "gateway_requests", "Requests answered, by what was decided.", labels=["route", "reason", "code"]
        )
        for labels, row in self._requests:
            requests.add_metric(labels, total(row))
        yield requests
        yield _histogram(
            "gateway_request_seconds",
            "From a request's head to the end of its answer.",
            ["route"],
            merged(iter(self._requests), 1),
        )
        yield from self._upstream_families()
        yield _counter("gateway_dance", "Events of WeChat logins.", ["app", "event"], self._dance)
        yield from _timed("gateway_wechat_call", "Calls of WeChat's API", ["app", "outcome"], self._wechat)
        yield from _timed(
            "gateway_verifier_call", "Questions to the legacy system", ["kind", "outcome"], self._verifier
        )
        yield _counter("gateway_binds", "Tries to bind.", ["outcome"], self._binds)
        yield _counter("gateway_bind_hooks_dropped", "Binds that nobody was told of.", [], self._hooks_dropped)
        yield _counter("gateway_bind_limits", "Tries to bind that were not judged.", ["limit"], self._bind_limits)
        yield _counter("gateway_bind_locks", "Locks that began.", ["scope"], self._bind_locks)
        yield _counter("gateway_bind_late", "Answers that took longer than the floor.", ["page"], self._bind_late)
        yield _counter("gateway_config_reloads", "Tries to reload the configuration.", ["outcome"], self._reloads)
        yield from self._own_families()

    def _upstream_families(self) -> Iterable[Metric]:
        connections = GaugeMetricFamily(
            "gateway_upstream_connections", "Open connections to an upstream.", labels=["upstream", "state"]
        )
        for labels, count in sorted(self._gauges.upstream_connections().items()):
            connections.add_metric(labels, count)
        yield connections
        yield _counter("gateway_upstream_failures", "Failures of an upstream.", ["upstream", "outcome"], self._upstream)
        healthy = GaugeMetricFamily(
            "gateway_upstream_healthy", "Whether a server is given requests.", labels=["upstream", "server"]
        )
        for labels, up in sorted(self._gauges.upstream_healthy().items()):
            healthy.add_metric(labels, up)
        yield healthy
        yield _counter(
            "gateway_upstream_ejections", "Servers put out for a while.", ["upstream", "server"], self._ejections
        )
        yield _counter("gateway_upstream_retries", "Requests tried once more.", ["upstream"], self._retries)

    def _own_families(self) -> Iterable[Metric]:
        gauges = self._gauges
        yield GaugeMetricFamily(
            "gateway_client_connections", "Open connections of clients.", gauges.client_connections()
        )
        yield GaugeMetricFamily("gateway_tunnels", "Open tunnels: WebSockets and other upgrades.", gauges.tunnels())
        yield GaugeMetricFamily(
            "gateway_loop_lag_seconds", "How long ready work waited for its turn, at most, lately.", gauges.loop_lag()
        )
        yield GaugeMetricFamily("gateway_sessions_cached", "Opened sessions held in memory.", gauges.sessions_cached())
        yield CounterMetricFamily(
            "gateway_log_dropped", "Log lines dropped because nobody read them in time.", gauges.log_dropped()
        )
        ok, moment = self._reloaded
        yield GaugeMetricFamily(
            "gateway_config_last_reload_successful", "1 unless the last reload was refused.", float(ok)
        )
        yield GaugeMetricFamily(
            "gateway_config_last_reload_timestamp_seconds", "When the configuration that serves was read.", moment
        )
        yield GaugeMetricFamily("gateway_workers", "Processes whose figures these are.", gauges.workers())
        build = GaugeMetricFamily("gateway_build_info", "What runs; always 1.", labels=["version", "python"])
        build.add_metric([self._version, platform.python_version()], 1)
        yield build


def _table(value: float | Mapping[tuple[str, ...], float]) -> Table:
    return {labels: [each] for labels, each in value.items()} if isinstance(value, Mapping) else {(): [value]}


def _asked(table: Table, kind: object) -> object:
    """What `_table` was made of: numbers by labels, or a number, as `kind` is."""
    if isinstance(kind, Mapping):
        return {labels: row[0] for labels, row in table.items()}
    return sum(row[0] for row in table.values())


class _Families(Collector):
    def __init__(self, families: Callable[[], Iterable[Metric]]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families()


def _counter(name: str, text: str, labels: list[str], counts: Counts) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, count in counts:
        family.add_metric(values, count)
    return family


def _histogram(name: str, text: str, labels: list[str], rows: Iterable[tuple[tuple[str, ...], list[float]]]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, row in rows:
        family.add_metric(values, buckets(row), row[-1])
    return family


def _timed(name: str, text: str, labels: list[str], timings: Timings) -> Iterable[Metric]:
    calls = CounterMetricFamily(f"{name}s", f"{text}, by outcome.", labels=labels)
    for values, row in timings:
        calls.add_metric(values, total(row))
    yield calls
    yield _histogram(f"{name}_seconds", f"{text}: how long they took.", labels[:1], merged(iter(timings), 1))
