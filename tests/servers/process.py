"""A server as a child process that tests start, stop, freeze and start again."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

PATIENCE = 60.0  # seconds for a start or a stop on a busy machine
UNPRIVILEGED = "nobody"  # what root becomes: no database server runs as root


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


class ServerProcess:
    """A server in `folder`, which is made with it and removed by `remove`. It listens on 127.0.0.1 at `port`.

    A subclass says in `command` what runs, in `ready` what its log says then; `install` makes what that needs.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"{type(self).__name__.lower()}-"))
        self.port = free_port()
        self._child: subprocess.Popen[bytes] | None = None
        try:
            self.folder.chmod(0o755)
            self.give(self.folder)
            self.install()
        except BaseException:
            self.remove()
            raise

    ready: ClassVar[bytes]  # what its log says then
    ends_by_interrupt: ClassVar[bool] = False

    def command(self) -> Sequence[str | Path]:
        """The program and its arguments."""
        raise NotImplementedError

    def install(self) -> None:
        """Make what the server needs, once."""

    def give(self, path: Path) -> None:
        """Make a file or folder the server's own."""
        if os.geteuid() == 0:
            os.chown(path, *self._ids())

    def run(self, *command: str | Path) -> None:
        """Run a program as the server's user, to its end."""
        done = subprocess.run(command, cwd=self.folder, capture_output=True, timeout=PATIENCE, **self._user())
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start it; it accepts connections when this returns."""
        log = self.folder / "server.log"
        with log.open("ab") as output:
            before = output.tell()
            self._child = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=output, stderr=output, **self._user()
            )
        deadline = time.monotonic() + PATIENCE
        while self.ready not in log.read_bytes()[before:]:
            assert self._child.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "it does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        """End it and all its connections."""
        if self._child is not None:
            self.thaw()
            self._child.send_signal(signal.SIGINT if self.ends_by_interrupt else signal.SIGTERM)
            try:
                self._child.wait(PATIENCE)
            finally:
                self._child.kill()
                self._child.wait()
                self._child = None

    def freeze(self) -> None:
        """Stop all its processes where they are; the kernel goes on to accept connections."""
        for pid in self._processes():
            os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        for pid in self._processes():
            os.kill(pid, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it and remove its folder."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _processes(self) -> list[int]:
        assert self._child is not None
        pid = self._child.pid
        return [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]

    def _user(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        user, group = self._ids()
        return {"user": user, "group": group, "extra_groups": []}

    def _ids(self) -> tuple[int, int]:
        found = pwd.getpwnam(UNPRIVILEGED)
        return found.pw_uid, found.pw_gid
