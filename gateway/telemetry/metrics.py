"""What the gateway counts, and its exposition for Prometheus. docs/reference.md explains every metric.

Label values come from fixed sets (ids of the configuration, our own enumerations), never from a client.
"""

import platform
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from .counts import Counts, Timings, buckets, merged, observe, total

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
NO_ROUTE = "-"  # the route label of a request that was refused before any route was known

_MAX_KEYS = 20_000  # of the hot path's memo; beyond it a request only costs more
_CLASSES = ("other", "1xx", "2xx", "3xx", "4xx", "5xx")


def _none() -> int:
    return 0


def _nothing() -> Mapping[tuple[str, str], int]:
    return {}


@dataclass(frozen=True, slots=True)
class Gauges:
    """What is asked for at each scrape. `upstream_connections` by (upstream, "idle" or "busy")."""

    client_connections: Callable[[], int] = _none
    tunnels: Callable[[], int] = _none
    sessions_cached: Callable[[], int] = _none
    upstream_connections: Callable[[], Mapping[tuple[str, str], int]] = _nothing
    log_dropped: Callable[[], int] = _none
    loop_lag: Callable[[], float] = _none


class Metrics:
    """The counters of one process. Every method is synchronous and never fails on a known label."""

    def __init__(self, gauges: Gauges = Gauges(), version: str = "") -> None:
        self._gauges = gauges
        self._version = version
        self._rows: dict[tuple[str, str, int], list[float]] = {}
        self._requests = Timings(3)
        self._upstream = Counts(2)
        self._dance = Counts(2)
        self._wechat = Timings(2)
        self._verifier = Timings(2)
        self._binds = Counts(1)
        self._registry = CollectorRegistry()
        self._registry.register(_Families(self.families))
        ProcessCollector(registry=self._registry)

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

    def dance(self, app: str, event: str) -> None:
        """One event of a WeChat login."""
        self._dance.add(app, event)

    def wechat_call(self, app: str, outcome: str, seconds: float) -> None:
        """One call of WeChat's API."""
        observe(self._wechat.row(app, outcome), seconds)

    def verifier_call(self, kind: str, outcome: str, seconds: float) -> None:
        """One question to the legacy system: `kind` is password, phone or sms."""
        observe(self._verifier.row(kind, outcome), seconds)

    def bind(self, outcome: str) -> None:
        """One try to bind."""
        self._binds.add(outcome)

    def exposition(self) -> bytes:
        """Everything, in Prometheus' text format (content type: CONTENT_TYPE)."""
        return generate_latest(self._registry)

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
        yield from self._own_families()

    def _upstream_families(self) -> Iterable[Metric]:
        connections = GaugeMetricFamily(
            "gateway_upstream_connections", "Open connections to an upstream.", labels=["upstream", "state"]
        )
        for labels, count in sorted(self._gauges.upstream_connections().items()):
            connections.add_metric(labels, count)
        yield connections
        yield _counter("gateway_upstream_failures", "Failures of an upstream.", ["upstream", "outcome"], self._upstream)

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
        build = GaugeMetricFamily("gateway_build_info", "What runs; always 1.", labels=["version", "python"])
        build.add_metric([self._version, platform.python_version()], 1)
        yield build


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
