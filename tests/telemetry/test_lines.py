"""Lines arrive whole and in order, and a reader who does not read stops nobody."""

import os
import threading
from collections.abc import Iterator

import pytest

from gateway.telemetry.lines import LineWriter

Pipe = tuple[int, int]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


def read_all(reader: int, writer: int) -> str:
    os.close(writer)
    with os.fdopen(os.dup(reader), "rb") as stream:
        return stream.read().decode()


def end_thread(pipe: Pipe) -> None:
    """Free the write that is stuck, and wait for its thread's end."""
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "lines"]
    os.close(pipe[0])
    thread.join(10)
    assert not thread.is_alive()


def write_many(lines: LineWriter, name: str) -> None:
    for number in range(200):
        lines.write(f"{name}{number}\n")


def test_lines_arrive_in_order(pipe: Pipe) -> None:
    """Closing writes what waits, so nothing is lost at an orderly end."""
    lines = LineWriter(pipe[1])
    expected = [f"line {number}\n" for number in range(1000)]
    for line in expected:
        lines.write(line)
    lines.close(timeout=10)
    assert "".join(expected) == read_all(*pipe)
    assert lines.dropped == 0


def test_lines_of_many_threads_arrive_whole(pipe: Pipe) -> None:
    """Library threads log too."""
    lines = LineWriter(pipe[1])
    threads = [threading.Thread(target=write_many, args=(lines, name)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines.close(timeout=10)
    assert {f"{name}{n}" for name in "abcd" for n in range(200)} == set(read_all(*pipe).splitlines())


def test_a_blocked_reader_stops_nobody(pipe: Pipe) -> None:
    """With the pipe full, write() still returns; what does not fit is dropped and counted; order is kept."""
    lines = LineWriter(pipe[1], limit=100)
    text = "x" * 10_000 + "\n"
    for _ in range(5000):  # 50 MB into a pipe of 64 KB that nobody reads
        lines.write(text)
    assert lines.dropped >= 5000 - 100 - 256 - 7
    dropped = lines.dropped
    lines.write("one more\n")
    assert lines.dropped >= dropped
    lines.close(timeout=0.05)
    assert lines.dropped > dropped
    end_thread(pipe)


def test_a_reader_who_left_is_counted(pipe: Pipe) -> None:
    """A broken pipe raises nothing; the lines count as dropped."""
    lines = LineWriter(pipe[1])
    os.close(pipe[0])
    lines.write("nobody\n")
    lines.close(timeout=10)
    assert lines.dropped == 1


def test_a_non_blocking_output_is_waited_for(pipe: Pipe) -> None:
    """Somebody who shares our output made it non-blocking: nothing is lost or torn."""
    os.set_blocking(pipe[1], False)
    lines = LineWriter(pipe[1])
    line = "y" * 999 + "\n"
    for _ in range(500):  # half a megabyte: more than the pipe holds
        lines.write(line)
    got: list[bytes] = []
    reading = threading.Thread(target=lambda: got.extend(iter(lambda: os.read(pipe[0], 65536), b"")))
    reading.start()
    lines.close(timeout=10)
    os.close(pipe[1])
    reading.join(10)
    assert b"".join(got).decode() == line * 500
    assert lines.dropped == 0


def test_a_writer_that_was_given_up_writes_no_more(pipe: Pipe) -> None:
    """After close() the descriptor is its owner's again: nothing of ours arrives later."""
    lines = LineWriter(pipe[1])
    for _ in range(1000):
        lines.write("x" * 1000 + "\n")
    lines.close(timeout=0.2)
    end_thread(pipe)
    assert lines.dropped == 1000


def test_after_close_lines_are_dropped(pipe: Pipe) -> None:
    """A late line neither blocks nor vanishes without a count."""
    lines = LineWriter(pipe[1])
    lines.close()
    lines.write("late\n")
    assert lines.dropped == 1
    assert read_all(*pipe) == ""
