"""The metrics of all workers as one of them shows them: each puts its own on the board, whoever is asked adds up.

Law: counters never go backwards, whoever is asked. What a worker has shown is on the board for the others to count; it
stays there when the worker dies, and its successor goes on from there.
"""

import json
import logging
import math
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .board import Board
from .metrics import Metrics
from .snapshot import Snapshot, added_up

log = logging.getLogger(__name__)

PERIOD = 2.0  # seconds between two publications
_FRESH = 3 * PERIOD  # an older one is of a worker that has ended, or hangs


@dataclass(frozen=True, slots=True)
class _Published:
    at: float
    accepting: bool
    snapshot: Snapshot


def contribute(board: Board, place: int, snapshot: Snapshot) -> None:
    """What somebody who is no worker adds to the figures of all, for as long as the board is there."""
    _put(board, place, _Published(math.inf, False, snapshot))


def _put(board: Board, place: int, published: _Published) -> bool:
    values = [published.at, published.accepting, published.snapshot.packed()]
    return board.write(place, zlib.compress(json.dumps(values, separators=(",", ":")).encode(), 1))


class SharedMetrics:
    """The view of the worker at `place`, whose own are `metrics`. `clock`: monotonic seconds, the same for all."""

    def __init__(self, metrics: Metrics, board: Board, place: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._board = board
        self._place = place
        self._clock = clock
        self._known: dict[int, _Published] = {}
        before = self._published(place)
        self._inherited = before.snapshot.remains if before else Snapshot()
        self._accepting = False
        self._told = False

    def publish(self, accepting: bool) -> None:
        """Put this worker's metrics on the board. `accepting`: whether it takes traffic."""
        self._accepting = accepting
        self._publish()

    def exposition(self) -> bytes:
        """All workers' metrics, in Prometheus' text format. An ended worker's counters stay, its gauges do not."""
        own = self._publish()
        others = (self._published(place) for place in self._others())
        snapshots = [each.snapshot if self._is_fresh(each) else each.snapshot.remains for each in others if each]
        return self._metrics.exposition_of(added_up([own, *snapshots]))

    def others_accept(self) -> bool:
        """Whether another worker said shortly ago that it takes traffic."""
        others = (self._published(place) for place in self._others())
        return any(each.accepting and self._is_fresh(each) for each in others if each)

    def _publish(self) -> Snapshot:
        """What the others can see from now on."""
        own = added_up([self._metrics.snapshot(), self._inherited])
        if self._put(own):
            return own
        if not self._told:
            self._told = True
            log.warning("more metrics than the board can hold: this worker's stay as they are")
        before = self._published(self._place)
        last = before.snapshot if before else Snapshot()
        self._put(last)
        return last

    def _others(self) -> list[int]:
        return [place for place in range(len(self._board)) if place != self._place]

    def _put(self, snapshot: Snapshot) -> bool:
        return _put(self._board, self._place, _Published(self._clock(), self._accepting, snapshot))

    def _published(self, place: int) -> _Published | None:
        raw = self._board.read(place)
        if raw is not None:
            values: list[Any] = json.loads(zlib.decompress(raw))
            self._known[place] = _Published(values[0], values[1], Snapshot.unpacked(values[2]))
        return self._known.get(place)

    def _is_fresh(self, published: _Published) -> bool:
        return self._clock() - published.at < _FRESH
