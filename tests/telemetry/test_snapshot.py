"""What several processes counted, as one."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.reasons import Reason
from gateway.telemetry.metrics import Gauges, Metrics
from gateway.telemetry.snapshot import Snapshot, added_up

from .test_metrics import value

_TABLE = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from("xy")),
    st.lists(st.integers(0, 9).map(float), min_size=2, max_size=2),
)
_TABLES = st.dictionaries(st.sampled_from(["requests", "binds"]), _TABLE)
_SNAPSHOTS = st.builds(Snapshot, _TABLES, _TABLES)


def cell(snapshot: Snapshot, name: str, labels: tuple[str, ...], column: int) -> float:
    return snapshot.lasting.get(name, {}).get(labels, [0.0, 0.0])[column]


@given(st.lists(_SNAPSHOTS, max_size=4))
def test_every_number_is_the_sum(snapshots: list[Snapshot]) -> None:
    """Of all who have it; who does not have it has none. Nobody's own numbers change."""
    before = json.dumps([each.packed() for each in snapshots])
    total = added_up(snapshots)
    for name in ("requests", "binds"):
        for labels in (("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")):
            for column in (0, 1):
                assert cell(total, name, labels, column) == sum(cell(each, name, labels, column) for each in snapshots)
    assert json.dumps([each.packed() for each in snapshots]) == before


@given(_SNAPSHOTS)
def test_a_snapshot_survives_json(snapshot: Snapshot) -> None:
    """It is what it was."""
    assert Snapshot.unpacked(json.loads(json.dumps(snapshot.packed()))) == snapshot


def busy() -> Metrics:
    """One of each kind of event."""
    metrics = Metrics(
        Gauges(
            client_connections=lambda: 3,
            sessions_cached=lambda: 2,
            upstream_connections=lambda: {("legacy", "idle"): 4},
            log_dropped=lambda: 5,
        ),
        version="1.2.3",
    )
    metrics.request("app", Reason.BOUND, 200, 0.001)
    metrics.request("app", Reason.BOUND, 200, 7.0)
    metrics.upstream("legacy", "closed")
    metrics.dance("main", "session_started")
    metrics.wechat_call("main", "ok", 0.2)
    metrics.verifier_call("password", "no", 0.1)
    metrics.bind("bound")
    metrics.reload(False)
    return metrics


def told(text: bytes) -> list[str]:
    """The lines of an exposition, but for what changes by itself."""
    return [line for line in text.decode().splitlines() if not line.startswith("process_")]


def test_one_process_is_shown_as_itself() -> None:
    """A snapshot leaves nothing out: not one line differs."""
    metrics = busy()
    assert told(metrics.exposition_of(metrics.snapshot())) == told(metrics.exposition())


def test_two_processes_are_shown_as_one() -> None:
    """Counters, histograms and gauges add up; the version does not."""
    one, other = busy(), busy()
    other.request("more", Reason.NO_ROUTE, 404, 0.001)
    text = one.exposition_of(added_up([one.snapshot(), other.snapshot()]))

    class Shown(Metrics):
        def exposition(self) -> bytes:
            return text

    total = Shown()
    assert value(total, "gateway_requests_total", route="app", reason="bound", code="2xx") == 4
    assert value(total, "gateway_requests_total", route="more", reason="no_route", code="4xx") == 1
    assert value(total, "gateway_request_seconds_bucket", route="app", le="0.001") == 2
    assert value(total, "gateway_request_seconds_sum", route="app") == pytest.approx(14.002)
    assert value(total, "gateway_client_connections") == 6
    assert value(total, "gateway_upstream_connections", upstream="legacy", state="idle") == 8
    assert value(total, "gateway_log_dropped_total") == 10
    assert value(total, "gateway_workers") == 2
    assert text.count(b"\ngateway_build_info{") == 1
    assert b'version="1.2.3"} 1.0\n' in text


@pytest.mark.parametrize(
    ("name", "expected"), [("process_start_time_seconds", 10.0), ("loop_lag", 20.0), ("upstream_healthy", 10.0)]
)
def test_what_does_not_add_up(name: str, expected: float) -> None:
    """The earliest start, the longest lag, the sickest view."""
    one, other = (Snapshot(passing={name: {(): [value]}}) for value in (20.0, 10.0))
    assert added_up([one, other]).passing[name] == {(): [expected]}


def test_the_last_reload() -> None:
    """One refusal is a refusal; the supervisor, which serves nobody, tells no time."""
    parts = [Snapshot(passing={"reloaded": {(): row}}) for row in ([1.0, 30.0], [1.0, 20.0], [0.0, math.inf])]
    assert added_up(parts).passing["reloaded"] == {(): [0.0, 20.0]}


def test_what_remains_of_an_ended_process() -> None:
    """What it counted, its processor time included; not what it held."""
    remains = busy().snapshot().remains
    assert {"_requests", "log_dropped", "process_cpu_seconds"} <= set(remains.lasting)
    assert not remains.passing
