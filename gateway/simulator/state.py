"""Everything that the painted WeChat remembers: codes, faults, counters; for tests to read and set."""

from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web

from gateway.simulator.codes import CodeBook, code_hash
from gateway.simulator.scene import WeChatSim
from gateway.simulator.switches import Switches

KEEP = 10_000
KEEP_SHORT = 50


@dataclass(frozen=True, slots=True)
class Call:
    """One request at the token endpoint. `spent`: this call used the code up. `answer`: what it got."""

    code_sha256: str
    spent: bool
    answer: str  # "ok", an errcode in digits, or the name of the fault


class SimState:
    """The state of one painted WeChat."""

    def __init__(self, sim: WeChatSim) -> None:
        self.sim = sim
        self.codes = CodeBook(sim.random)
        self.switches = Switches()
        self._forget()

    def _forget(self) -> None:
        self.authorizes = 0  # requests for the authorize page
        self.codes_issued = 0
        self.exchanges = 0  # requests at the token endpoint
        self.calls: deque[Call] = deque(maxlen=KEEP)
        self.callbacks: deque[str] = deque(maxlen=KEEP_SHORT)  # where browsers were sent, and second codes
        self.copies: deque[int | None] = deque(maxlen=KEEP_SHORT)  # statuses of our own callback requests
        self.errors: deque[dict[str, str]] = deque(maxlen=KEEP_SHORT)

    def reset(self) -> None:
        """As new: no codes, no faults, counters at zero."""
        self.codes.clear()
        self.switches.clear()
        self._forget()

    @property
    def exchanged(self) -> list[str]:
        """SHA-256 (hex) of the codes that were spent, in order."""
        return [call.code_sha256 for call in self.calls if call.spent]

    def record_call(self, code: str, *, spent: bool, answer: str) -> None:
        """Count one request at the token endpoint."""
        self.exchanges += 1
        self.calls.append(Call(code_hash(code), spent, answer))
        if answer != "ok":
            self.record_error("access_token", answer)

    def record_error(self, where: str, what: str) -> None:
        """Keep what went wrong."""
        self.errors.append({"where": where, "what": what})

    def as_json(self) -> dict[str, Any]:
        """All of it, for GET /sim/state."""
        return {
            "authorizes": self.authorizes,
            "codes_issued": self.codes_issued,
            "exchanges": self.exchanges,
            "exchanged": self.exchanged,
            "calls": [asdict(call) for call in self.calls],
            "callbacks": list(self.callbacks),
            "copies": list(self.copies),
            "errors": list(self.errors),
            "switches": self.switches.as_json(),
        }


STATE = web.AppKey("STATE", SimState)
