"""What is counted is what a scrape shows."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from gateway.core.reasons import Reason
from gateway.telemetry import counts
from gateway.telemetry.counts import Counts, Timings, observe, total
from gateway.telemetry.metrics import Gauges, Metrics


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of the exposition, read by Prometheus' own parser."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(metrics.exposition().decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[name, frozenset(labels.items())]


def test_a_request_is_counted_by_route_reason_and_status_class() -> None:
    """Two answers of one class are one series; another reason is another."""
    metrics = Metrics()
    metrics.request("app", Reason.BOUND, 200, 0.001)
    metrics.request("app", Reason.BOUND, 204, 0.001)
    metrics.request("app", Reason.NO_SESSION, 302, 0.001)
    assert value(metrics, "gateway_requests_total", route="app", reason="bound", code="2xx") == 2
    assert value(metrics, "gateway_requests_total", route="app", reason="no_session", code="3xx") == 1


@pytest.mark.parametrize("status", [0, 99, 600, 999, -1])
def test_an_impossible_status_is_other(status: int) -> None:
    """Whatever an upstream invents, the label stays in its fixed set."""
    metrics = Metrics()
    metrics.request("app", Reason.BOUND, status, 0.001)
    assert value(metrics, "gateway_requests_total", route="app", reason="bound", code="other") == 1


def test_durations_of_a_route_are_one_histogram() -> None:
    """Buckets are cumulative, a value on a bound belongs to it, and reasons are added up."""
    metrics = Metrics()
    metrics.request("app", Reason.BOUND, 200, 0.001)
    metrics.request("app", Reason.NO_SESSION, 302, 0.0011)
    metrics.request("app", Reason.UPSTREAM_TIMEOUT, 504, 100.0)
    shown = {
        bound: value(metrics, "gateway_request_seconds_bucket", route="app", le=bound)
        for bound in ("0.0005", "0.001", "0.0025", "60.0", "+Inf")
    }
    assert shown == {"0.0005": 0, "0.001": 1, "0.0025": 2, "60.0": 2, "+Inf": 3}
    assert value(metrics, "gateway_request_seconds_sum", route="app") == pytest.approx(100.0021)
    assert value(metrics, "gateway_request_seconds_count", route="app") == 3


def test_every_other_event_has_its_counter() -> None:
    """Logins, WeChat and verifier calls, binds and upstream failures."""
    metrics = Metrics()
    metrics.dance("main", "session_started")
    metrics.wechat_call("main", "ok", 0.2)
    metrics.wechat_call("main", "quota", 0.4)
    metrics.verifier_call("password", "no", 0.1)
    metrics.bind("bound")
    metrics.upstream("legacy", "connect")
    assert value(metrics, "gateway_dance_total", app="main", event="session_started") == 1
    assert value(metrics, "gateway_wechat_calls_total", app="main", outcome="quota") == 1
    assert value(metrics, "gateway_wechat_call_seconds_count", app="main") == 2
    assert value(metrics, "gateway_wechat_call_seconds_sum", app="main") == pytest.approx(0.6)
    assert value(metrics, "gateway_verifier_calls_total", kind="password", outcome="no") == 1
    assert value(metrics, "gateway_verifier_call_seconds_count", kind="password") == 1
    assert value(metrics, "gateway_binds_total", outcome="bound") == 1
    assert value(metrics, "gateway_upstream_failures_total", upstream="legacy", outcome="connect") == 1


def test_gauges_are_asked_at_each_scrape() -> None:
    """The exposition shows the values of now, not of construction."""
    clients = [1]
    metrics = Metrics(
        Gauges(
            client_connections=lambda: clients[0],
            sessions_cached=lambda: 7,
            upstream_connections=lambda: {("legacy", "idle"): 3, ("legacy", "busy"): 2},
            log_dropped=lambda: 5,
        ),
        version="1.2.3",
    )
    clients[0] = 4
    assert value(metrics, "gateway_client_connections") == 4
    assert value(metrics, "gateway_sessions_cached") == 7
    assert value(metrics, "gateway_upstream_connections", upstream="legacy", state="idle") == 3
    assert value(metrics, "gateway_upstream_connections", upstream="legacy", state="busy") == 2
    assert value(metrics, "gateway_log_dropped_total") == 5
    (build,) = [labels for name, labels in samples(metrics) if name == "gateway_build_info"]
    assert ("version", "1.2.3") in build


def test_the_process_is_shown() -> None:
    """Memory, processor time and descriptors come from the operating system."""
    names = {name for name, _ in samples(Metrics())}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"} <= names


def test_a_scrape_changes_nothing() -> None:
    """Two scrapes in a row show the same requests."""
    metrics = Metrics()
    metrics.request("app", Reason.BOUND, 200, 0.001)
    first = value(metrics, "gateway_requests_total", route="app", reason="bound", code="2xx")
    assert first == value(metrics, "gateway_requests_total", route="app", reason="bound", code="2xx") == 1


def test_series_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Should a label ever come from outside, memory stays bounded and nothing is lost from the totals."""
    monkeypatch.setattr(counts, "MAX_SERIES", 3)
    events, timings = Counts(1), Timings(1)
    for number in range(10):
        events.add(str(number))
        observe(timings.row(str(number)), 0.1)
    assert len(list(events)) == len(list(timings)) == 4
    assert dict(events)[("other",)] == 7
    assert sum(total(row) for _, row in timings) == 10


def test_a_wrong_number_of_labels_is_a_mistake_at_once() -> None:
    """A series with other labels than its family would spoil the whole exposition."""
    with pytest.raises(ValueError, match="2 labels expected"):
        Counts(2).add("one")


def test_what_alerts_watch_is_0_at_the_start() -> None:
    """A counter that appears with its first event is no rise for Prometheus."""
    samples = Metrics().exposition().decode().splitlines()
    for name in ("hooks_dropped_total", 'locks_total{scope="pair"}', 'locks_total{scope="account"}'):
        assert f"gateway_bind_{name} 0.0" in samples
