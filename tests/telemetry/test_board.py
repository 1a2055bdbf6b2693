"""What stands on the board is whole, or not there."""

import os

from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.board import Board


@given(st.lists(st.tuples(st.integers(0, 2), st.binary(max_size=8)), max_size=20))
def test_each_place_has_its_last_text(writes: list[tuple[int, bytes]]) -> None:
    """And says how many there were."""
    board = Board(3, size=8)
    for place, text in writes:
        assert board.write(place, text)
    for place in range(3):
        texts = [text for each, text in writes if each == place]
        assert (board.read(place), board.number(place)) == (texts[-1] if texts else None, len(texts))


def test_too_long_a_text_changes_nothing() -> None:
    """The last one stays."""
    board = Board(1, size=4)
    board.write(0, b"four")
    assert not board.write(0, b"fives")
    assert (board.read(0), board.number(0)) == (b"four", 1)


@given(st.integers(0, 15 + len(b"second")), st.integers(1, 255))
def test_a_text_that_is_being_written_is_not_read(at: int, change: int) -> None:
    """Wherever its writer died, in the header or in the text: the one before stands."""
    board = Board(1, size=16)
    board.write(0, b"first")
    before = bytes(board._memory[0])
    board.write(0, b"second")
    memory, middle = board._memory[0], len(before) // 2
    start = 0 if before[:middle] != memory[:middle] else middle
    memory[start + at] ^= change
    assert board.read(0) == b"first"


def test_another_process_reads_it_after_its_writers_death() -> None:
    """It is shared memory, not a copy."""
    board = Board(2)
    pid = os.fork()
    if pid == 0:
        board.write(1, b"x" * 100_000)
        os._exit(0)
    os.waitpid(pid, 0)
    assert board.read(1) == b"x" * 100_000
