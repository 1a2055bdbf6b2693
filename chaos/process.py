"""The gateway as a process of its own: signals, and what /proc says of it."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TICK = 1 / os.sysconf("SC_CLK_TCK")


class Process:
    """One running program. `prefix` goes before its command (prlimit, taskset)."""

    def __init__(self, command: list[str], *, stderr: int, prefix: tuple[str, ...] = ()) -> None:
        self._command = [*prefix, *command]
        self._stderr = stderr
        self._running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it."""
        self._running = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, stdin=asyncio.subprocess.DEVNULL, stdout=self._stderr, stderr=self._stderr
        )

    @property
    def pid(self) -> int:
        """Its number."""
        assert self._running is not None
        return self._running.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._running is not None and self._running.returncode is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._running is not None
        self._running.send_signal(number)

    async def ended(self, patience: float) -> int | None:
        """Its exit code, None if it does not end in time."""
        assert self._running is not None
        try:
            return await asyncio.wait_for(self._running.wait(), patience)
        except TimeoutError:
            return None

    async def stop(self) -> None:
        """End it, kindly and then not."""
        if not self.running:
            return
        for number, patience in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
            self.send(number)
            if await self.ended(patience) is not None:
                return

    def memory(self, what: str = "VmRSS") -> int:
        """Resident bytes, or those at the peak (VmHWM)."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(what)).split()[1]) * 1024

    def forget_peak(self) -> None:
        """The peak is from now on what it is now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def descriptors(self) -> int:
        """How many files it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def cpu_seconds(self) -> float:
        """User and system time until now."""
        user, system = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) * TICK

    async def cpu_share(self, seconds: float) -> float:
        """The share of one core that it takes for so long."""
        before, started = self.cpu_seconds(), time.monotonic()
        await asyncio.sleep(seconds)
        return (self.cpu_seconds() - before) / (time.monotonic() - started)


def gateway_command(config: Path) -> list[str]:
    """What starts the gateway."""
    return [str(Path(sys.executable).with_name("gateway")), "serve", "-c", str(config)]


async def until(condition: Callable[[], bool], patience: float = 20.0, every: float = 0.02) -> bool:
    """Wait until something holds; whether it did in time."""
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(every)
    return True
