"""Every record is one line of JSON that shows no secret and nothing that a terminal would obey."""

import asyncio
import json
import logging
import os
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.reasons import Reason
from gateway.telemetry.lines import LineWriter
from gateway.telemetry.logs import AccessLog, JsonHandler, configure, log_loop_error

SECRET = "oCANARY_openid_and_code"


class Lines(LineWriter):
    """Keeps lines instead of writing them."""

    def __init__(self) -> None:
        super().__init__(-1)
        self.kept: list[str] = []

    def write(self, line: str) -> None:
        self.kept.append(line)

    def parsed(self) -> list[dict[str, Any]]:
        assert all(line.endswith("\n") and line.count("\n") == 1 for line in self.kept)
        assert all(" " <= character <= "~" for line in self.kept for character in line[:-1])
        return [json.loads(line) for line in self.kept]


@pytest.fixture
def logged() -> tuple[logging.Logger, Lines]:
    lines = Lines()
    logger = logging.Logger("gateway.test")  # outside the tree, so no other handler sees its records
    logger.addHandler(JsonHandler(lines))
    return logger, lines


Logged = tuple[logging.Logger, Lines]


def access(lines: LineWriter, clock: Callable[[], float] = lambda: 1_700_000_000.0425, **changed: Any) -> None:
    fields: dict[str, Any] = {
        "request_id": "4f0c9a6b",
        "ip": "203.0.113.7",
        "method": "GET",
        "host": "app.example.com",
        "path": "/orders",
        "route": "app",
        "reason": Reason.BOUND,
        "status": 200,
        "sent": 1024,
        "seconds": 0.00123,
    }
    AccessLog(lines, clock).write(**{**fields, **changed})


def test_an_access_line_says_what_happened() -> None:
    """Each field arrives under its name, with its type."""
    lines = Lines()
    access(lines)
    assert lines.parsed() == [
        {
            "time": "2023-11-14T22:13:20.042Z",
            "id": "4f0c9a6b",
            "ip": "203.0.113.7",
            "method": "GET",
            "host": "app.example.com",
            "path": "/orders",
            "route": "app",
            "reason": "bound",
            "status": 200,
            "sent": 1024,
            "seconds": 0.00123,
        }
    ]


def test_the_time_follows_the_clock() -> None:
    """The cached second is renewed."""
    lines, moments = Lines(), iter([1_700_000_000.0, 1_700_000_001.5])
    log = AccessLog(lines, lambda: next(moments))
    for _ in range(2):
        log.write("i", "ip", "GET", "h", "/", "r", "bound", 200, 0, 0.0)
    assert [line["time"] for line in lines.parsed()] == ["2023-11-14T22:13:20.000Z", "2023-11-14T22:13:21.500Z"]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (f"/callback?code={SECRET}", "/callback"),
        (f"/a;jsessionid={SECRET}/b", "/a;/b"),
        (f"/a;jsessionid={SECRET}?x=1", "/a;"),
        (f"/{'x' * 600}?code={SECRET}", "/" + "x" * 511 + "…"),
    ],
)
def test_queries_and_path_parameters_are_not_logged(path: str, shown: str) -> None:
    """They carry codes, states, tickets and session ids."""
    lines = Lines()
    access(lines, path=path)
    assert lines.parsed()[0]["path"] == shown
    assert SECRET not in lines.kept[0]


@given(
    path=st.text(max_size=700),
    host=st.text(max_size=300),
    method=st.text(max_size=40),
)
def test_no_client_can_break_a_line(path: str, host: str, method: str) -> None:
    """Whatever bytes a client sends, the line is one line of printable ASCII JSON, and bounded."""
    lines = Lines()
    access(lines, path=path, host=host, method=method)
    assert lines.parsed()[0]["status"] == 200
    assert len(lines.kept[0]) < 12 * (512 + 253 + 32) + 400


@given(st.text(alphabet=[chr(code) for code in range(32, 127) if chr(code) not in '"\\?;'], max_size=500))
def test_plain_text_is_logged_as_it_is(path: str) -> None:
    """What needs no escaping is not changed."""
    lines = Lines()
    access(lines, path=path)
    assert lines.parsed()[0]["path"] == path


def test_a_record_is_one_line_of_json(logged: Logged) -> None:
    """Time, level, logger and message."""
    logger, lines = logged
    logger.warning("upstream %s is down", "legacy")
    (record,) = lines.parsed()
    assert {key: record[key] for key in ("level", "logger", "message")} == {
        "level": "warning",
        "logger": "gateway.test",
        "message": "upstream legacy is down",
    }


def test_an_exception_is_logged_without_its_message(logged: Logged) -> None:
    """Types and places of the whole chain are enough to find it; messages quote what people sent."""
    logger, lines = logged
    try:
        try:
            raise KeyError(SECRET)
        except KeyError as cause:
            raise RuntimeError(SECRET) from cause
    except RuntimeError:
        logger.exception("a page failed")
    (record,) = lines.parsed()
    assert [link["type"] for link in record["error"]] == ["builtins.RuntimeError", "builtins.KeyError"]
    assert all("test_logs.py:" in link["at"][-1] for link in record["error"])
    assert SECRET not in lines.kept[0]


def test_an_endless_chain_and_a_deep_traceback_are_cut(logged: Logged) -> None:
    """A line stays small whatever failed."""
    logger, lines = logged

    def fail(depth: int) -> None:
        if depth:
            try:
                fail(depth - 1)
            except ValueError as error:
                raise ValueError from error
        raise ValueError

    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the type is all)
        fail(50)
    logger.error("deep", exc_info=caught.value)
    assert len(lines.parsed()[0]["error"]) == 4
    assert len(lines.kept[0]) < 10_000


def test_only_the_first_line_of_a_message_is_logged(logged: Logged) -> None:
    """Libraries put statements with their parameters, and exceptions, below it."""
    logger, lines = logged
    logger.error("%s", f"constraint failed\n[parameters: {SECRET}]")
    assert lines.parsed()[0]["message"] == "constraint failed"


def test_a_message_is_bounded_and_harmless(logged: Logged) -> None:
    """No control character, escape sequence or bidi mark reaches a terminal."""
    logger, lines = logged
    logger.error("\x1b[31mred\r\u202egnp.exe\x7f%s", "x" * 5000)
    (record,) = lines.parsed()
    assert len(record["message"]) == 500


def test_a_wrong_log_call_raises_nothing_and_shows_nothing(logged: Logged) -> None:
    """Arguments that do not fit the message are not shown on another way."""
    logger, lines = logged
    logger.error("%d", SECRET)
    (record,) = lines.parsed()
    assert record["message"] == "unreadable log record"
    assert SECRET not in lines.kept[0]


async def test_a_failed_callback_does_not_show_its_arguments(monkeypatch: pytest.MonkeyPatch, logged: Logged) -> None:
    """asyncio's own handler logs them, and they are what clients sent."""
    lines = logged[1]
    asyncio_logger = logging.getLogger("asyncio")
    monkeypatch.setattr(asyncio_logger, "handlers", [JsonHandler(lines)])
    monkeypatch.setattr(asyncio_logger, "propagate", False)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(log_loop_error)
    failed = asyncio.Event()

    def fail(data: bytes) -> None:
        failed.set()
        raise ValueError(data)

    loop.call_soon(fail, SECRET.encode())
    await failed.wait()
    await asyncio.sleep(0)
    (record,) = lines.parsed()
    assert record["message"].startswith("Exception in callback")
    assert record["error"][0]["type"] == "builtins.ValueError"
    assert SECRET not in lines.kept[0]


def test_configure_sends_everything_to_one_writer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of all loggers from the level on, and warnings, go to the descriptor as JSON."""
    root = logging.getLogger()
    monkeypatch.setattr(root, "handlers", root.handlers)
    monkeypatch.setattr(root, "level", root.level)
    reader, writer = os.pipe()
    lines = LineWriter(writer)
    configure("info", lines)
    try:
        logging.getLogger("some.library").info("shown")
        logging.getLogger("some.library").debug("not shown")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            logging.captureWarnings(True)
            warnings.warn("old", stacklevel=1)
    finally:
        logging.captureWarnings(False)
    lines.close(timeout=10)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        records = [json.loads(line) for line in stream]
    assert [record["logger"] for record in records] == ["some.library", "py.warnings"]
    assert records[0]["message"] == "shown"
