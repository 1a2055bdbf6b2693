"""When a worker that ended is replaced: soon, and ever later if that does not help. Pure; seconds throughout."""

FIRST = 1.0
LAST = 30.0
_HEALTHY = 60.0  # who lived that long had no trouble starting


class Restarts:
    """One worker's place."""

    def __init__(self) -> None:
        self._next = FIRST

    def ended(self, lived: float) -> float:
        """How long to wait before the next one, after one that lived so long."""
        if lived >= _HEALTHY:
            self._next = FIRST
        wait, self._next = self._next, min(self._next * 2, LAST)
        return wait
