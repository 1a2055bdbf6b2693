"""The short form of `make chaos`: every row that needs seconds only, judged by what does not depend on the machine."""

import asyncio
from pathlib import Path

import pytest
import uvloop

from chaos.marks import Mark, Row, Scale
from chaos.report import BEGIN, END, remembered, table, write
from chaos.run import ROWS, tried

SHORT = [row for row in ROWS if row.in_short]


@pytest.mark.parametrize("row", SHORT, ids=[row.name for row in SHORT])
def test_the_promise_holds(row: Row) -> None:
    """As docs/reliability.md says it; milliseconds are for a quiet machine and `make chaos`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        marks = runner.run(row.run(Scale(short=True)))
    assert [str(mark) for mark in marks if not (mark.passed or mark.timing)] == []
    assert len(marks) > 1


def test_a_row_that_breaks_has_failed() -> None:
    """What cannot be tried is not passed."""

    async def broken(scale: Scale) -> list[Mark]:
        raise RuntimeError("no such tool")

    marks = asyncio.run(tried(Row("x", "p", "i", broken), Scale(short=True)))
    assert [mark.passed for mark in marks] == [False]


def test_figures_of_other_rows_are_kept(tmp_path: Path) -> None:
    """A row that is tried again replaces its own figures only."""
    old, new = Mark("x", "1", "= 1", passed=True), Mark("x", "2", "= 1", passed=False)
    results = tmp_path / "results.json"
    assert remembered(results, {"a": [old], "b": [old]}) == {"a": [old], "b": [old]}
    assert remembered(results, {"b": [new]}) == {"a": [old], "b": [new]}


def test_the_table_goes_between_its_markers(tmp_path: Path) -> None:
    """And nothing else of the document changes; a missed pass mark shows."""
    document = tmp_path / "reliability.md"
    document.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    row = ROWS[0]
    found = {row.name: [Mark("failed", "3", "= 0", passed=False)]}
    write(document, found, [row])
    text = document.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert "failed: 3 (= 0) | ✗ |" in text
    assert table(found, ROWS) in text
