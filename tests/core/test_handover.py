"""The stages of a hand-over."""

import pytest

from gateway.core.handover import STEPS, Stage, Step


def test_only_a_claimed_one_is_approved() -> None:
    """Whoever scans must first say that the screen is in front of them."""
    assert [stage for (stage, step) in STEPS if step is Step.APPROVE] == [Stage.CLAIMED]


@pytest.mark.parametrize("end", [Stage.APPROVED, Stage.MISTAKEN, Stage.REFUSED])
def test_an_end_is_an_end(end: Stage) -> None:
    """No step leads on from it."""
    assert not [step for (stage, step) in STEPS if stage is end]


def test_nothing_comes_back() -> None:
    """No step leads to where a hand-over begins."""
    assert Stage.OPEN not in STEPS.values()
