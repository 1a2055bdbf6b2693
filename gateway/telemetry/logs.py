"""JSON lines: the program's log through `logging`, and one line for each request.

Law: an exception is logged by its type and place, never by its message, which may quote a secret.
"""

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable
from pathlib import PurePath
from traceback import walk_tb
from types import TracebackType
from typing import Any

from .lines import LineWriter

MAX_MESSAGE = 500  # characters
MAX_PATH = 512
MAX_HOST = 253  # RFC 1035, 2.3.4
_FRAMES = 12
_CAUSES = 4

# What JSON takes as it is, but for the two characters by which secrets come into a path: ? and ;
_PLAIN = re.compile(r"[ !#-:<->@-\[\]-~]*").fullmatch
_PARAMETERS = re.compile(r";[^/]*")


def configure(level: str, writer: LineWriter) -> None:
    """Send every log record of this process to `writer`, as JSON; warnings of libraries too."""
    root = logging.getLogger()
    root.handlers = [JsonHandler(writer)]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    for noisy in ("alembic", "aiosqlite"):  # the one tells of every start, the other shows statements' parameters
        logging.getLogger(noisy).setLevel(logging.WARNING)


def log_loop_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An event loop's exception handler: asyncio's own also logs the arguments of callbacks."""
    message = str(context.get("message", "")).partition("(")[0]
    logging.getLogger("asyncio").error("%s", message, exc_info=context.get("exception"))


class JsonHandler(logging.Handler):
    """Formats records and hands them to a LineWriter. A record that cannot be formatted counts as dropped."""

    def __init__(self, writer: LineWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record."""
        try:
            line = _json_line(record)
        except Exception:  # a caller's wrong arguments are no reason to fail, or to show them
            line = json.dumps({"level": "error", "message": "unreadable log record", "logger": record.name[:100]})
        self._writer.write(line + "\n")

    def createLock(self) -> None:
        """No lock: LineWriter needs none."""
        self.lock = None


def _json_line(record: logging.LogRecord) -> str:
    fields: dict[str, Any] = {
        "time": _timestamp(record.created),
        "level": record.levelname.lower(),
        "logger": record.name[:100],
        # The first line only: libraries put exceptions, statements and their parameters below it.
        "message": record.getMessage().partition("\n")[0][:MAX_MESSAGE],
    }
    if record.exc_info and record.exc_info[1] is not None:
        fields["error"] = _error(record.exc_info[1])
    return json.dumps(fields, separators=(",", ":"))


def _error(error: BaseException) -> list[dict[str, Any]]:
    """The exception and what caused it, the outermost first: types and places."""
    chain: list[dict[str, Any]] = []
    link: BaseException | None = error
    while link is not None and len(chain) < _CAUSES:
        kind = type(link)
        chain.append({"type": f"{kind.__module__}.{kind.__qualname__}"[:200], "at": _places(link.__traceback__)})
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain


def _places(trace: TracebackType | None) -> list[str]:
    frames = [(frame.f_code, line) for frame, line in walk_tb(trace)]
    return [f"{'/'.join(PurePath(code.co_filename).parts[-3:])}:{line}" for code, line in frames[-_FRAMES:]]


def _timestamp(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z"


class AccessLog:
    """One JSON line for each request. `clock` gives Unix seconds."""

    def __init__(self, writer: LineWriter, clock: Callable[[], float] = time.time) -> None:
        self._write = writer.write
        self._clock = clock
        self._second = -1
        self._stamp = ""

    def write(
        self,
        request_id: str,
        ip: str,
        method: str,
        host: str,
        path: str,
        route: str,
        reason: str,
        status: int,
        sent: int,
        seconds: float,
    ) -> None:
        """Log one answered request.

        `method`, `host` and `path` are the client's own: bounded and escaped here, the path without query and
        path parameters (`;jsessionid=…`). The others are ours and plain: `route` an id or "-", `sent` bytes of
        body, `seconds` from head to end of answer.
        """
        if len(host) > MAX_HOST or len(path) > MAX_PATH or not _PLAIN(f"{method}{host}{path}"):
            method, host, path = _escaped(method, 32), _escaped(host, MAX_HOST), _escaped(_bare(path), MAX_PATH)
        self.write_around(request_id, _around(ip, method, host, route, reason), path, status, sent, seconds)

    def around(self, ip: str, method: str, host: str, route: str, reason: str) -> tuple[str, str]:
        """What a line says before its path and behind it, up to the status; arguments as of `write`."""
        if len(host) > MAX_HOST or not _PLAIN(f"{method}{host}"):
            method, host = _escaped(method, 32), _escaped(host, MAX_HOST)
        return _around(ip, method, host, route, reason)

    def path(self, path: str) -> str:
        """A path (without its query) as lines have it."""
        return path if len(path) <= MAX_PATH and _PLAIN(path) else _escaped(_bare(path), MAX_PATH)

    def write_around(
        self, request_id: str, around: tuple[str, str], path: str, status: int, sent: int, seconds: float
    ) -> None:
        """Log one answered request, with what `around` and `path` made ready."""
        now = self._clock()
        second = int(now)
        if second != self._second:
            self._second = second
            self._stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        before, behind = around
        self._write(
            f'{{"time":"{self._stamp}.{int((now - second) * 1000):03d}Z","id":"{request_id}",{before}{path}{behind}'
            f'{status},"sent":{sent},"seconds":{seconds:.6f}}}\n'
        )


def _around(ip: str, method: str, host: str, route: str, reason: str) -> tuple[str, str]:
    return (
        f'"ip":"{ip}","method":"{method}","host":"{host}","path":"',
        f'","route":"{route}","reason":"{reason}","status":',
    )


def _bare(path: str) -> str:
    return _PARAMETERS.sub(";", path.partition("?")[0])


def _escaped(text: str, limit: int) -> str:
    """`text` for inside a JSON string: printable ASCII only, so no controls, no bidi marks."""
    return json.dumps(text[:limit] + ("…" if len(text) > limit else ""))[1:-1]
