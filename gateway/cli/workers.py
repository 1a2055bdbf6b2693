"""`gateway serve` with several workers: what the supervisor's hooks do."""

import logging
import math
import signal
import sys
from pathlib import Path

from gateway.app import Gateway
from gateway.app.forked import Post
from gateway.app.looks import load
from gateway.app.supervisor import HURRY, Hooks, Supervisor
from gateway.config import ConfigurationError, Loaded
from gateway.listeners import ListenerUnusable, SharedSockets
from gateway.telemetry.board import Board
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import configure
from gateway.telemetry.shared import contribute
from gateway.telemetry.snapshot import Snapshot, Table

from .common import fail
from .running import run_until_stopped

log = logging.getLogger(__name__)

_FIXED = ("listen", "admin", "workers")  # of [server]: what the supervisor itself has used


def supervise(loaded: Loaded, path: Path, count: int) -> int:
    """Run `count` workers until SIGTERM or SIGINT; the exit status. `loaded` was read from `path`."""
    server = loaded.settings.server
    addresses = [*(("server.listen", address) for address in server.listen), ("server.admin", server.admin)]
    try:
        with SharedSockets("server.listen", addresses) as sockets:
            family = _Family(loaded, path, sockets, count)
            supervisor = Supervisor(count, family.hooks())
            status = supervisor.run()
            family.end()
    except ListenerUnusable as error:
        return fail(f"cannot start: {error}")
    return fail(supervisor.failure) if supervisor.failure else status


class _Family:
    """Supervisor and workers: what the former knows and the latter are born with."""

    def __init__(self, loaded: Loaded, path: Path, sockets: SharedSockets, count: int) -> None:
        self._loaded = loaded
        self._path = path
        self._sockets = sockets
        self._count = count
        self._board = Board(count + 1)  # the last place is the supervisor's
        self._refused = 0  # reloads
        self._writer = self._new_writer()

    def hooks(self) -> Hooks:
        """What the supervisor asks for, and whom it tells."""
        return Hooks(
            work=self._work,
            started=self._started,
            reload=self._reload,
            stopping=self._stopping,
            forking=self._forking,
            beat=self._board.number,
            patience=lambda: self._loaded.settings.server.drain_timeout,
        )

    def end(self) -> None:
        """Write what there is to say."""
        self._writer.close()

    def _new_writer(self) -> LineWriter:
        writer = LineWriter(sys.stderr.fileno())
        configure(self._loaded.settings.log.level, writer)
        return writer

    def _forking(self) -> None:
        self._writer.close()  # its thread would not survive, nor leave its locks in order
        self._writer = self._new_writer()

    def _work(self, post: Post) -> int:
        def stopping() -> None:
            self._sockets.let_go("server.listen")

        return run_until_stopped(
            lambda writer: Gateway(self._loaded, writer, sockets=self._sockets, place=(self._board, post.place)),
            self._loaded.settings.log.level,
            read=lambda: load(self._path),
            started=lambda _: post.ready(),
            stopping=stopping,
            failed=post.failed,
            stops=(signal.SIGTERM,),
            hurries=HURRY,
            lifeline=post.lifeline,
        )

    def _started(self) -> None:
        listen, admin = (", ".join(self._sockets.addresses(key)) for key in ("server.listen", "server.admin"))
        log.info("listening on %s; admin on %s; %d workers", listen, admin, self._count)

    def _reload(self) -> bool:
        """Whether workers should read the configuration anew: never a bad one."""
        problems: list[str] = []
        try:
            loaded = load(self._path)
        except ConfigurationError as error:
            problems = [str(problem) for problem in error.problems]
        else:
            old, new = self._loaded.settings.server, loaded.settings.server
            problems = [
                str(loaded.problem(("server", name), "takes a restart to be changed when there are several workers"))
                for name in _FIXED
                if getattr(old, name) != getattr(new, name)
            ]
        for problem in problems:
            log.error("%s", problem)
        if problems:
            log.error("reload refused: the configuration of before goes on serving")
            self._refused += 1
        else:
            self._loaded = loaded
        state: dict[str, Table] = {
            "reloaded": {(): [float(not problems), math.inf]}
        }  # when workers did, they say themselves
        refused: dict[str, Table] = {"_reloads": {("refused",): [self._refused]}}
        contribute(self._board, self._count, Snapshot(refused, state))
        return not problems

    def _stopping(self) -> None:
        log.info("stopping")
        self._sockets.let_go("server.listen")
