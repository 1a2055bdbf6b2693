"""What was found: kept in chaos/results.json from run to run, and shown as the table of docs/reliability.md."""

import json
import platform
from dataclasses import asdict
from pathlib import Path

from chaos.marks import Mark, Row

BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"

Found = dict[str, list[Mark]]


def table(found: Found, rows: list[Row]) -> str:
    """Markdown, one line for each row that was tried."""
    lines = ["| fault | promise | injected | figures (pass mark) | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        marks = found.get(row.name)
        if marks is None:
            continue
        figures = "; ".join(str(mark).removeprefix(": ") for mark in marks if not (mark.common and mark.passed))
        passed = "✓" if all(mark.passed for mark in marks) else "✗"
        lines.append(f"| {row.name} | {row.promise}. | {row.injected} | {figures} | {passed} |")
    return "\n".join(lines)


def remembered(results: Path, fresh: Found) -> Found:
    """The figures of the runs before, and these, which are kept with them."""
    found: Found = {}
    if results.exists():
        found = {name: [Mark(**mark) for mark in marks] for name, marks in json.loads(results.read_text()).items()}
    found |= fresh
    results.write_text(json.dumps({name: [asdict(mark) for mark in marks] for name, marks in found.items()}, indent=1))
    return found


def write(document: Path, found: Found, rows: list[Row]) -> None:
    """Put the table into the document, in place of the last one."""
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    note = f"Python {platform.python_version()}, {platform.machine()}, two cores for everything."
    document.write_text(f"{before}{BEGIN}\n\n{table(found, rows)}\n\n{note}\n\n{END}{after}")
