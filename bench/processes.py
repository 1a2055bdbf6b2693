"""Processes under measurement: started on a core of their own, their CPU and memory read from /proc."""

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from bench.workers import Process, look

ROOT = Path(__file__).resolve().parents[1]
TICK = 1 / os.sysconf("SC_CLK_TCK")

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def free_port() -> int:
    """A TCP port of loopback that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def cores() -> tuple[int, int]:
    """One core for what is measured and one for the rest; the same one if there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def pinned(cores: Iterable[int], command: Sequence[str]) -> list[str]:
    """`command`, to run on these cores."""
    return ["taskset", "-c", ",".join(map(str, cores)), *command]


def tool(name: str) -> str:
    """The path of a command. Raises LookupError if it is missing."""
    path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
    if path is None:
        raise LookupError(f"{name} is missing")
    return path


class Running:
    """A process and its children, started on a core, their output in `log`; ended with its block."""

    def __init__(self, core: int, command: Sequence[str], log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                pinned([core], command),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._log = log

    def __enter__(self) -> "Running":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(15)
        with suppress(ProcessLookupError):  # what is left of its session, were it only a child
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def wait_for(self, url: str, timeout: float = 20.0) -> None:
        """Until `url` answers 200. Raises RuntimeError with the end of the log if it does not."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), _DIRECT.open(url, timeout=1) as answer:
                if answer.status == 200:
                    return
            time.sleep(0.005)
        raise self._silent(url)

    def wait_for_port(self, port: int, timeout: float = 20.0) -> None:
        """Until `port` of loopback is open. Raises RuntimeError with the end of the log if it is not."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                return
            time.sleep(0.005)
        raise self._silent(f"port {port}")

    def family(self) -> list[int]:
        """The ids of the process and its children."""
        parents = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with suppress(OSError):
                    parents[int(entry.name)] = int(_stat(int(entry.name))[1])
        family = [self._process.pid]
        for pid in family:
            family.extend(child for child, parent in parents.items() if parent == pid)
        return family

    def spread(self, count: int, cores: Sequence[int]) -> None:
        """Move its children, one to each core in turn. Raises RuntimeError if they are not so many."""
        children = self.family()[1:]
        if len(children) != count:
            raise RuntimeError(f"{len(children)} workers instead of {count}")
        for number, pid in enumerate(children):
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setaffinity(int(thread), {cores[number % len(cores)]})

    def _silent(self, what: str) -> RuntimeError:
        tail = self._log.read_text(errors="replace")[-2000:]
        return RuntimeError(f"{what} does not answer. The end of {self._log.name}:\n{tail}")


@dataclass(frozen=True, slots=True)
class Measured:
    """Processes that count together."""

    processes: tuple[Running, ...]

    def cpu_seconds(self) -> float:
        """User and system time of the processes and their children until now."""
        return sum(_cpu(pid) for process in self.processes for pid in process.family())

    def memory(self) -> int:
        """Resident bytes of the processes and their children."""
        return sum(_resident(pid) for process in self.processes for pid in process.family())

    def each(self, port: int) -> list[Process]:
        """Every process that counts, a parent before its children; connections are those accepted at `port`."""
        return [look(pid, port) for process in self.processes for pid in process.family()]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from `state` on (the command's name may hold spaces)."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _cpu(pid: int) -> float:
    user, system = _stat(pid)[11:13]
    return (int(user) + int(system)) * TICK


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0
