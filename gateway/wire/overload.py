"""Whether this worker keeps up: how long work that is ready waits for the event loop, and what follows from it.

Law: no decision here costs an ordinary request more than one look at `Overload.shedding`.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable

log = logging.getLogger(__name__)

TARGET = 0.1  # seconds that ready work may wait for its turn, for good
_INTERVAL = 0.25  # seconds from the end of one measurement to the next
_WINDOW = 1.0  # seconds: only what lasts so long is an overload, as in CoDel (RFC 8289 section 3)
_REMEMBERED = 60  # measurements that the gauge looks back on
_GAIN = 0.02  # of the share, for each TARGET of waiting beyond the first
_STEP = 0.05  # the most that the share grows at once
_MOST_STEPS = 4  # for one measurement
_DECAY = 0.75
_MOST = 0.95  # some are always served, or nobody would notice that it is over


class Overload:
    """Turns measured lags into the share of new requests to refuse. Pure: lags come in, `random` is an argument.

    `shedding` is true while any are refused. `observe` once a measurement, a quarter of a second behind the last.
    """

    def __init__(self, target: float = TARGET, random: Callable[[], float] = random.random) -> None:
        self._target = target
        self._random = random
        self._lags: deque[float] = deque(maxlen=_REMEMBERED)
        self.share = 0.0
        self.shedding = False

    def observe(self, lag: float) -> None:
        """Ready work waited for `lag` seconds."""
        self._lags.append(lag)
        if lag > self._target:
            elapsed = (_INTERVAL + lag) / _INTERVAL  # the longer a turn, the fewer measurements there are
            standing = self._standing()
            if standing > self._target:
                step = min(_GAIN * (standing / self._target - 1), _STEP) * min(elapsed, _MOST_STEPS)
                self.share = min(self.share + step, _MOST)
        elif lag < self._target / 2:
            self.share = self.share * _DECAY - _GAIN / 4
        self.share = max(self.share, 0.0)
        self.shedding = self.share > 0

    def _standing(self) -> float:
        """The least lag of the last `_WINDOW`, and of two measurements; 0 before there are as many."""
        least, window = float("inf"), 0.0
        for count, lag in enumerate(reversed(self._lags)):
            least = min(least, lag)
            window += _INTERVAL + lag
            if window >= _WINDOW and count:
                return least
        return 0.0

    def refuses(self) -> bool:
        """Whether the next new request is one of the refused."""
        return self._random() < self.share

    @property
    def lag(self) -> float:
        """The longest of the last quarter minute, in seconds."""
        return max(self._lags, default=0.0)


class LagProbe:
    """Measures how long one turn of the event loop takes, so how long ready work waits at most.

    A timer's lateness would say less: a timer may fall due at any moment of a turn. libuv runs what `call_soon` was
    given before it polls, so from one such callback to the next all that was ready has had its turn.
    """

    def __init__(self, overload: Overload, loop: asyncio.AbstractEventLoop, clock: Callable[[], float]) -> None:
        self._overload = overload
        self._loop = loop
        self._clock = clock

    def measure(self, _now: float) -> None:
        """Begin one measurement, for a Sweeper to call; the Overload hears of it a turn later."""
        self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        self._loop.call_soon(self._end, self._clock())

    def _end(self, begun: float) -> None:
        before = self._overload.shedding
        self._overload.observe(self._clock() - begun)
        if self._overload.shedding and not before:
            log.warning("overloaded: work waits %.2f s for its turn, new requests are refused", self._overload.lag)
        elif before and not self._overload.shedding:
            log.warning("no longer overloaded")
