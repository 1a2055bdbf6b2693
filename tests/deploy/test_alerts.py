"""deploy/alerts.yml watches metrics that there are, with outcomes that are counted."""

import re
from pathlib import Path

import pytest

from gateway.telemetry.metrics import Metrics
from gateway.verifiers.vendor import Verdict

RULES = (Path(__file__).parents[2] / "deploy/alerts.yml").read_text()
EXPRESSIONS = re.findall(r"^ +expr: (.+)$", RULES, re.MULTILINE)


def test_every_rule_has_an_expression() -> None:
    """None is left out by the pattern above."""
    assert len(EXPRESSIONS) == RULES.count("- alert: ") == RULES.count("severity: ")


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_a_rule_watches_a_metric_that_there_is(expression: str) -> None:
    """By its name as Prometheus stores it, and by its own labels."""
    metrics = Metrics()
    metrics.verifier_call("sms", "config", 0.1)
    metrics.verifier_call("sms", "outage", 0.1)
    metrics.wechat_call("main", "config", 0.1)
    metrics.verifier_call("password", "outage", 0.1)
    metrics.verifier_call("phone", "outage", 0.1)
    watched = re.findall(r"(gateway_\w+)(?:\{(.*?)\})?", expression)
    assert watched
    for name, labels in watched:
        samples = [line for line in metrics.exposition().decode().splitlines() if re.match(rf"{name}[{{ ]", line)]
        wanted = [label.strip() for label in labels.split(",") if label]
        assert [sample for sample in samples if all(label in sample for label in wanted)], (name, wanted, samples)


def test_the_outcomes_are_the_senders() -> None:
    """A renamed outcome would leave an alert that never rings."""
    told = set(re.findall(r'kind="sms", outcome="(\w+)"', RULES))
    assert told == {Verdict.CONFIG.value, Verdict.OUTAGE.value}
