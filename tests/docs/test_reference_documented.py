"""docs/reference.md names every reason and every metric, and nothing that is gone."""

import re
from pathlib import Path

from gateway.core.reasons import Reason
from gateway.telemetry.metrics import Metrics

REFERENCE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text(encoding="utf-8")


def first_column(heading: str) -> list[str]:
    """The words of the first column of the table under `heading`."""
    section = REFERENCE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)


def test_every_reason_is_explained() -> None:
    """An operator who meets a reason in a log finds it, once."""
    assert sorted(Reason) == sorted(first_column("Reasons"))


def test_every_metric_is_explained() -> None:
    """Each metric of the exposition is in the table under its name as Prometheus stores it, once."""
    exposed = re.findall(r"^# TYPE (\S+) ", Metrics().exposition().decode(), re.MULTILINE)
    assert sorted(exposed) == sorted(first_column("Metrics"))
