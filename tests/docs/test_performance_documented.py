"""docs/performance.md shows what was measured, and nothing typed by hand."""

from bench.publish import PAGE, PICTURE, PUBLISHED, with_figures
from bench.report import picture
from bench.results import Results


def test_the_figures_are_those_of_the_measurement() -> None:
    """Tables and picture are what bench/results.json makes; `python -m bench.publish` writes them."""
    results = Results.read(PUBLISHED)
    assert with_figures(PAGE.read_text(), results) == PAGE.read_text()
    assert picture(results) == PICTURE.read_text()
