"""Injects the faults of docs/reliability.md, one row after the other, and writes what came of it into its table."""

import argparse
import sys
import time
import traceback

import uvloop

from chaos import report, rows_clients, rows_fuzz, rows_lifecycle, rows_overload, rows_resources, rows_upstream
from chaos.marks import Mark, Row, Scale
from chaos.process import ROOT

ROWS: list[Row] = [
    *rows_upstream.ROWS,
    *rows_clients.ROWS,
    *rows_lifecycle.ROWS,
    *rows_resources.ROWS,
    *rows_overload.ROWS,
    *rows_fuzz.ROWS,
]


def say(text: str) -> None:
    """Progress, apart from the table."""
    print(text, file=sys.stderr, flush=True)


async def tried(row: Row, scale: Scale) -> list[Mark]:
    """What a row found; a row that breaks has failed."""
    try:
        return await row.run(scale)
    except Exception as error:
        traceback.print_exc()
        return [Mark("the row itself", repr(error)[:200], "runs", passed=False)]


async def run(rows: list[Row], scale: Scale) -> dict[str, list[Mark]]:
    """All of them, with progress."""
    found = {}
    for number, row in enumerate(rows, 1):
        say(f"==> {number}/{len(rows)} {row.name}: {row.injected}")
        started = time.monotonic()
        found[row.name] = await tried(row, scale)
        for mark in found[row.name]:
            say(f"    {'ok  ' if mark.passed else 'MISS'} {mark}")
        say(f"    {time.monotonic() - started:.1f} s")
    return found


def main() -> int:
    """Run; 1 if a pass mark was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", help=f"which rows; all without one: {', '.join(row.name for row in ROWS)}")
    parser.add_argument("--short", action="store_true", help="a little of everything: seconds instead of minutes")
    parser.add_argument("--write", action="store_true", help="and put the figures into docs/reliability.md")
    options = parser.parse_args()
    unknown = set(options.rows) - {row.name for row in ROWS}
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    chosen = [row for row in ROWS if not options.rows or row.name in options.rows]
    found = uvloop.run(run(chosen, Scale(options.short)))
    print(report.table(found, chosen))
    if options.write and not options.short:
        kept = report.remembered(ROOT / "chaos/results.json", found)
        report.write(ROOT / "docs/reliability.md", kept, ROWS)
    missed = [row.name for row in chosen if not all(mark.passed for mark in found[row.name])]
    if missed:
        say(f"==> missed: {', '.join(missed)}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
