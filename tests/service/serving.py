"""`gateway serve` as a real process, with the configuration of a house."""

import asyncio
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from .conftest import House
from .raw import PATIENCE


class Serving:
    """The supervisor; `log` is what all processes wrote."""

    def __init__(self, child: subprocess.Popen[bytes], log: Path) -> None:
        self.child = child
        self._log = log
        self.admin = ""

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def workers(self) -> list[int]:
        """Process ids of the supervisor's children."""
        return [int(pid) for pid in Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()]

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for something that other processes do."""
        async with asyncio.timeout(PATIENCE):
            while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
                await asyncio.sleep(0.02)

    async def until_logged(self, pattern: str) -> re.Match[str]:
        """Wait for a line."""
        await self.until(lambda: re.search(pattern, self.log) or self.child.poll() is not None)
        found = re.search(pattern, self.log)
        assert found, self.log
        return found

    async def get(self, path: str) -> str:
        """A page of the admin listener."""

        def get() -> str:
            with urllib.request.urlopen(self.admin + path, timeout=PATIENCE) as answer:
                text: str = answer.read().decode()
                return text

        return await asyncio.to_thread(get)

    async def metric(self, name: str) -> float:
        """The sum of the samples whose line begins so."""
        lines = (await self.get("/metrics")).splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    async def until_metric(self, name: str, value: float) -> None:
        """Wait until the workers have told each other."""
        async with asyncio.timeout(PATIENCE):
            while await self.metric(name) != value:  # noqa: ASYNC110 - what is waited for happens in other processes
                await asyncio.sleep(0.05)

    async def ended(self) -> int:
        """The exit status."""
        return await asyncio.to_thread(self.child.wait, PATIENCE)


@asynccontextmanager
async def serving(house: House, workers: int = 2, **replace: str) -> AsyncIterator[Serving]:
    """Several workers in the place of the house's own gateway. `replace`: keys of `[server]` to be written anew."""
    await house.gateway.stop()
    file = house.folder / "gateway.toml"
    keys = {"workers": str(workers), **replace}
    text = file.read_text()
    for key, value in keys.items():
        text = re.sub(rf"(?m)^{key} = .*\n", "", text).replace("[server]\n", f"[server]\n{key} = {value}\n")
    file.write_text(text)
    log = house.folder / "serve.log"
    with log.open("ab") as output:
        child = subprocess.Popen(house.command, stderr=output, start_new_session=True)  # noqa: ASYNC220
    running = Serving(child, log)
    try:
        running.admin = (await running.until_logged(r"admin on (http://[0-9.:]+)"))[1]
        yield running
    finally:
        if child.poll() is None:
            child.send_signal(signal.SIGTERM)
            try:
                assert await running.ended() == 0, running.log
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
