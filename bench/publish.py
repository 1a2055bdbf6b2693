"""Writes the figures into the documentation, so that nobody types one: python -m bench.publish [RESULTS].

With RESULTS, such as .bench/results.json of the last run, these become the published ones, bench/results.json.
"""

import re
import sys
from pathlib import Path

from bench.processes import ROOT
from bench.report import picture, report
from bench.results import Results

PUBLISHED = ROOT / "bench/results.json"
PAGE = ROOT / "docs/performance.md"
PICTURE = ROOT / "docs/images/performance.svg"
_BLOCK = re.compile(r"(<!-- figures.*?-->\n).*?(<!-- end of figures -->)", re.DOTALL)


def with_figures(page: str, results: Results) -> str:
    """The page with the figures between its two comments. Raises ValueError if they are not there once."""
    filled, count = _BLOCK.subn(lambda match: f"{match[1]}\n{report(results)}\n\n{match[2]}", page)
    if count != 1:
        raise ValueError(f"the comments around the figures stand {count} times in the page")
    return filled


def publish(results: Results) -> None:
    """Write page and picture."""
    PAGE.write_text(with_figures(PAGE.read_text(), results))
    PICTURE.write_text(picture(results))


def main() -> None:
    """As a command."""
    if len(sys.argv) > 1:
        Results.read(Path(sys.argv[1])).write(PUBLISHED)
    publish(Results.read(PUBLISHED))


if __name__ == "__main__":
    main()
