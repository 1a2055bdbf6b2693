"""The gateway as a process of its own, with a house's configuration: for what signals do to it."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from typing import Any

from .carrying import until
from .conftest import House
from .raw import PATIENCE, Line


class Process:
    """A running `gateway serve`. Its log is `house.folder / "process.log"`."""

    def __init__(self, house: House, child: subprocess.Popen[bytes]) -> None:
        self.house = house
        self.child = child
        self._reloads = 0

    @property
    def log(self) -> str:
        """What it said so far."""
        return (self.house.folder / "process.log").read_text()

    def messages(self) -> list[str]:
        """The log's messages, without the access log."""
        lines = [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]
        return [line["message"] for line in lines if "message" in line]

    def signal(self, number: int) -> None:
        """Send a signal."""
        self.child.send_signal(number)

    def count(self, text: str) -> int:
        """How many messages begin with `text`."""
        return sum(message.startswith(text) for message in self.messages())

    async def reload(self, *, outcome: str = "reloaded: ") -> None:
        """SIGHUP, until the log tells its outcome."""
        before = self.count(outcome)
        self.signal(signal.SIGHUP)
        await until(lambda: self.count(outcome) > before, f"no {outcome}: {self.messages()}")

    async def line(self) -> Line:
        """A connection to it."""
        return await Line.open(self.house.port)

    async def metrics(self) -> str:
        """Its exposition."""
        address = next(m for m in reversed(self.messages()) if "admin on " in m).rpartition(" ")[2]

        def get() -> str:
            with urllib.request.urlopen(f"{address}/metrics", timeout=PATIENCE) as answer:
                return str(answer.read().decode())

        return await asyncio.to_thread(get)

    async def ended(self) -> int:
        """The exit status."""
        return await asyncio.to_thread(self.child.wait, PATIENCE)


@contextlib.asynccontextmanager
async def process_of(house: House) -> AsyncIterator[Process]:
    """Stop the house's own gateway; run the same configuration in a process. It must end well."""
    await house.gateway.stop()
    with (house.folder / "process.log").open("wb") as log:
        child = await asyncio.to_thread(subprocess.Popen, house.command, stdout=log, stderr=log, env={**os.environ})
    process = Process(house, child)
    try:
        await until(lambda: process.count("listening on ") == 1 or child.poll() is not None, "it does not start")
        yield process
        if child.poll() is None:
            process.signal(signal.SIGTERM)
        assert await process.ended() == 0, process.log
        assert '"error":[' not in process.log, process.log
    finally:
        if child.poll() is None:
            child.kill()
            child.wait()


def edit(house: House, old: str, new: str, file: str = "gateway.toml") -> None:
    """Change one place of a file of the configuration."""
    path = house.folder / file
    text = path.read_text()
    assert text.count(old) == 1, (old, text)
    path.write_text(text.replace(old, new))


def sample(metrics: str, name: str) -> Any:
    """The value of one sample, labels included in its name; None if there is none."""
    values = [line.rpartition(" ")[2] for line in metrics.splitlines() if line.rpartition(" ")[0] == name]
    return float(values[0]) if values else None
