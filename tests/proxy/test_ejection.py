"""Who is put out, for how long, and how it comes back: a state machine with the clock as an argument."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.ejection import Ejection, EjectionRules, State

RULES = EjectionRules(after=3, base=10.0, longest=60.0)


def ejection(rules: EjectionRules = RULES) -> Ejection:
    return Ejection(rules, lambda: 1.0)


def test_only_failures_in_a_row_count() -> None:
    """One answer between them, and counting begins anew."""
    one = ejection()
    assert [one.failed(0), one.failed(0), one.answered(), one.failed(0), one.failed(0)] == [False] * 5
    assert one.state is State.IN
    assert one.failed(0)
    assert one.state is State.OUT


def test_0_is_never() -> None:
    """An operator can do without."""
    one = ejection(EjectionRules(after=0))
    assert not any(one.failed(0) for _ in range(100))
    assert one.state is State.IN


def test_it_is_due_when_its_time_is_over_and_one_answer_brings_it_back() -> None:
    """Not before; then one request is its trial."""
    one = ejection()
    for _ in range(3):
        one.failed(100)
    assert not one.tick(109.9)
    assert one.tick(110)
    assert not one.tick(111)  # told once
    assert one.state is State.DUE
    one.chosen(110)
    assert one.state is State.TRIAL
    assert one.answered()
    assert one.state is State.IN
    assert not one.failed(111)  # it starts anew


def test_it_stays_out_twice_as_long_each_time_up_to_the_longest() -> None:
    """10, 20, 40, 60, 60 seconds; an answer makes it 10 again."""
    one, now = ejection(), 0.0
    one.failed(now), one.failed(now), one.failed(now)
    for length in (10, 20, 40, 60, 60):
        assert not one.tick(now + length - 0.1)
        assert one.tick(now + length)
        now += length
        one.chosen(now)
        assert one.failed(now)
    one.answered()
    one.failed(now), one.failed(now), one.failed(now)
    assert one.tick(now + 10)


def test_a_trial_without_a_verdict_is_followed_by_another() -> None:
    """The client left: nobody waits for ever for what it would have seen."""
    one = ejection()
    one.failed(0), one.failed(0), one.failed(0)
    one.tick(10)
    one.chosen(10)
    assert not one.tick(29)
    assert one.tick(30)
    assert one.state is State.DUE


def test_failures_while_it_is_out_change_nothing() -> None:
    """They come from requests that were under way."""
    one = ejection()
    for _ in range(3):
        one.failed(0)
    assert not any(one.failed(9) for _ in range(5))
    assert one.tick(10)


@given(
    events=st.lists(st.sampled_from(["failed", "answered", "chosen", "tick"]), max_size=200),
    steps=st.lists(st.floats(0, 100), min_size=200, max_size=200),
    rand=st.floats(0, 1),
    after=st.integers(1, 5),
)
def test_whatever_happens_it_comes_back(events: list[str], steps: list[float], rand: float, after: int) -> None:
    """Never out for longer than the longest; never out before `after` failures; an answer always brings it in."""
    rules = EjectionRules(after=after, base=10.0, longest=60.0)
    one, now, failures = Ejection(rules, lambda: rand), 0.0, 0
    for event, step in zip(events, steps, strict=False):
        now += step
        act: Any = getattr(one, event)
        act() if event == "answered" else act(now)
        failures = failures + 1 if event == "failed" else 0 if event == "answered" else failures
        assert one.state is State.IN or failures >= after
    if one.state in (State.OUT, State.TRIAL):
        assert one.tick(now + 60.0)
    if one.state is State.DUE:
        one.chosen(now)
    one.answered()
    assert one.state is State.IN
