"""Whichever worker is asked, it tells of all."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.reasons import Reason
from gateway.telemetry.board import Board
from gateway.telemetry.metrics import Gauges, Metrics
from gateway.telemetry.shared import PERIOD, SharedMetrics


class Clock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def requests(shared: SharedMetrics) -> float:
    return number(shared, "gateway_requests_total{.*}")


def number(shared: SharedMetrics, name: str) -> float:
    found = re.findall(rf"^{name} (.*)$", shared.exposition().decode(), re.MULTILINE)
    assert len(found) <= 1
    return float(found[0]) if found else 0.0


def test_all_are_added_up() -> None:
    """One's own figures are of now, the others' of their last publication."""
    board, one, other = Board(2), Metrics(), Metrics()
    here, there = SharedMetrics(one, board, 0), SharedMetrics(other, board, 1)
    one.request("app", Reason.BOUND, 200, 0.1)
    other.request("app", Reason.BOUND, 200, 0.1)
    assert (requests(here), number(here, "gateway_workers")) == (1, 1)
    there.publish(accepting=True)
    assert (requests(here), number(here, "gateway_workers")) == (2, 2)
    other.request("app", Reason.BOUND, 200, 0.1)
    assert (requests(here), requests(there)) == (2, 3)


@given(st.lists(st.tuples(st.sampled_from(["count", "publish", "ask", "die"]), st.integers(0, 2)), max_size=40))
def test_whoever_is_asked_the_sum_only_grows(events: list[tuple[str, int]]) -> None:
    """In whatever order workers count, publish, answer and die."""
    board = Board(3, size=4096)
    metrics = [Metrics() for _ in range(3)]
    workers = [SharedMetrics(each, board, place) for place, each in enumerate(metrics)]
    shown = 0.0
    for event, place in events:
        if event == "count":
            metrics[place].request("app", Reason.BOUND, 200, 0.1)
        elif event == "publish":
            workers[place].publish(accepting=True)
        elif event == "die":
            metrics[place] = Metrics()
            workers[place] = SharedMetrics(metrics[place], board, place)
        else:
            assert requests(workers[place]) >= shown
            shown = requests(workers[place])


def test_counters_never_go_backwards() -> None:
    """A worker dies, is replaced, its successor too: what they counted stays, what they held does not."""
    clock, board, survivor = Clock(), Board(2), Metrics()
    here = SharedMetrics(survivor, board, 0, clock)
    total = 0
    for generation in range(3):
        mortal = Metrics(Gauges(client_connections=lambda: 7, log_dropped=lambda: 2))
        there = SharedMetrics(mortal, board, 1, clock)
        mortal.request("app", Reason.BOUND, 200, 0.1)
        there.publish(accepting=True)
        total += 1
        assert (requests(here), number(here, "gateway_log_dropped_total")) == (total, 2 * (generation + 1))
        assert number(here, "gateway_client_connections") == 7
    clock.now += 3 * PERIOD
    assert (requests(here), number(here, "gateway_client_connections")) == (total, 0)
    assert number(here, "gateway_workers") == 1


def test_who_takes_traffic() -> None:
    """Another's word counts while it is fresh; one's own is not asked."""
    clock, board = Clock(), Board(2)
    here, there = (SharedMetrics(Metrics(), board, place, clock) for place in (0, 1))
    here.publish(accepting=True)
    assert not here.others_accept()
    there.publish(accepting=True)
    assert here.others_accept()
    clock.now += 3 * PERIOD
    assert not here.others_accept()
    there.publish(accepting=True)
    there.publish(accepting=False)
    assert not here.others_accept()


def test_more_than_the_board_can_hold(caplog: pytest.LogCaptureFixture) -> None:
    """The last figures stand, the sign of life goes on, and it is told once."""
    board, metrics = Board(2, size=1000), Metrics()
    here, there = SharedMetrics(Metrics(), board, 0), SharedMetrics(metrics, board, 1)
    metrics.request("app", Reason.BOUND, 200, 0.1)
    there.publish(accepting=True)
    for _ in range(100):
        metrics.request(os.urandom(16).hex(), Reason.BOUND, 200, 0.1)
    there.publish(accepting=True)
    there.publish(accepting=False)
    assert (requests(here), board.number(1)) == (1, 3)
    assert not here.others_accept()
    assert len([record for record in caplog.records if "board" in record.message]) == 1
