"""docs/reliability.md: the table of what was found, between two markers."""

import platform
from pathlib import Path

from chaos.marks import Mark, Row

BEGIN, END = "<!-- chaos: begin -->", "<!-- chaos: end -->"


def table(found: dict[str, list[Mark]], rows: list[Row]) -> str:
    """Markdown, one row each."""
    lines = ["| fault | promise | injected | figures (pass mark) | |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        marks = found.get(row.name)
        if marks is None:
            continue
        figures = "; ".join(str(mark).removeprefix(": ") for mark in marks)
        passed = "✓" if all(mark.passed for mark in marks) else "✗"
        lines.append(f"| {row.name} | {row.promise}. | {row.injected} | {figures} | {passed} |")
    return "\n".join(lines)


def write(document: Path, found: dict[str, list[Mark]], rows: list[Row]) -> None:
    """Put the table of this run into the document, in place of the last one."""
    before, _, rest = document.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    note = f"Python {platform.python_version()}, {platform.machine()}; one run of `make chaos`."
    document.write_text(f"{before}{BEGIN}\n\n{table(found, rows)}\n\n{note}\n\n{END}{after}")
