"""The real processes of a demo: the painted WeChat with the legacy application, and the gateway, on free ports."""

import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gateway.cli.demo import prepare

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "gateway")
READY_WITHIN = 30.0  # seconds
STOP_WITHIN = 15.0


@dataclass(frozen=True, slots=True)
class House:
    """Everything that runs. `folder` holds the configuration, the databases and what the processes wrote."""

    folder: Path
    gateway_port: int
    admin_port: int
    wechat_port: int
    legacy_port: int

    @property
    def gateway(self) -> str:
        """The gateway's public URL."""
        return f"http://127.0.0.1:{self.gateway_port}"

    @property
    def wechat(self) -> str:
        """The phone page's origin."""
        return f"http://127.0.0.1:{self.wechat_port}"

    @property
    def legacy(self) -> str:
        """The legacy application, without the gateway."""
        return f"http://127.0.0.1:{self.legacy_port}"

    @property
    def log(self) -> str:
        """What the processes wrote so far."""
        return "".join(f"--- {path.name}\n{path.read_text()}" for path in sorted(self.folder.glob("*.log")))

    def wechat_saw(self) -> dict[str, Any]:
        """What happened at the painted WeChat."""
        seen: dict[str, Any] = json.loads(get(f"{self.wechat}/sim/state")[1])
        return seen

    def forget(self) -> None:
        """As on the first day: nobody is bound or signed in, no ticket is open, nothing was counted, WeChat behaves."""
        self._delete("bindings.db", "VALUES ('bindings'), ('sessions')")
        self._delete("state.db", "SELECT name FROM sqlite_master WHERE type = 'table'")
        urllib.request.urlopen(f"{self.wechat}/sim/reset", data=b"", timeout=5).close()

    def _delete(self, database: str, tables: str) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / ".demo" / database, timeout=5)) as connection:
            for (table,) in connection.execute(tables).fetchall():
                connection.execute(f'DELETE FROM "{table}"')
            connection.commit()


def copy_demo(folder: Path, replace: dict[str, str]) -> Path:
    """The repository's own demo configuration in `folder`, with parts of its text replaced."""
    shutil.copytree(ROOT / "policies", folder / "policies")
    text = (ROOT / "gateway.toml").read_text()
    for old, new in replace.items():
        assert old in text, f"gateway.toml has no {old!r}"
        text = text.replace(old, new)
    (folder / "gateway.toml").write_text(text)
    return folder / "gateway.toml"


@contextlib.contextmanager
def open_house(folder: Path, edits: Mapping[str, str] | None = None) -> Iterator[House]:
    """Start everything, wait until it is ready, end it. `edits` replace parts of the demo's gateway.toml."""
    gateway, admin, wechat, legacy = free_ports(4)
    house = House(folder, gateway, admin, wechat, legacy)
    ports = {8080: gateway, 8081: admin, 8090: wechat, 8070: legacy}
    config = copy_demo(
        folder, {f"127.0.0.1:{old}": f"127.0.0.1:{new}" for old, new in ports.items()} | dict(edits or {})
    )
    prepare(folder / ".demo")
    with (
        running(
            folder / "simulator.log",
            *("simulate", "--require-wechat", "--wechat", f"127.0.0.1:{wechat}"),
            *("--legacy", f"127.0.0.1:{legacy}", "--gateway", house.gateway),
        ) as simulator,
        running(folder / "gateway.log", "serve", "-c", str(config)) as serving,
    ):
        started = time.monotonic()
        ready = wait_for(lambda: answers(f"http://127.0.0.1:{admin}/readyz"), serving)
        print(f"serve: ready after {time.monotonic() - started:.2f} s")  # for `pytest -rP`; machines differ
        assert ready, house.log
        assert wait_for(lambda: answers(f"{house.wechat}/"), simulator), house.log
        yield house


@contextlib.contextmanager
def running(log: Path, *arguments: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """One `gateway` command, in its own process group; ended by SIGTERM, which it must obey."""
    with log.open("ab") as output:
        child = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,
        )
    try:
        yield child
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
        try:
            child.wait(STOP_WITHIN)
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()


def wait_for(condition: Callable[[], bool], child: subprocess.Popen[bytes]) -> bool:
    """Whether `condition` came true while `child` lived, within READY_WITHIN."""
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and child.poll() is None:
        if condition():
            return True
        time.sleep(0.05)  # between two questions to another process
    return False


def answers(url: str) -> bool:
    """Whether a GET of `url` is a 200 now."""
    try:
        return get(url)[0] == 200
    except OSError:
        return False


def get(url: str) -> tuple[int, bytes]:
    """Status and body of a GET without cookies."""
    with urllib.request.urlopen(url, timeout=5) as response:
        return response.status, response.read()


def free_ports(count: int) -> list[int]:
    """Ports of loopback that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
