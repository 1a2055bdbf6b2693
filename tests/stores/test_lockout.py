"""How failures become delays and locks."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.stores.lockout import Lockout, Strike, Struck, strike

RULE = Lockout(failures=10, delay_after=5, delay=1, max_delay=20, lock=1800, window=3600)


def test_the_delay_doubles_up_to_its_most() -> None:
    """None before `delay_after`, then 1, 2, 4 … seconds; a count that only grows overflows nothing."""
    assert [RULE.delay_behind(n) for n in (0, 4, 5, 6, 7, 8, 9, 10, 11, 10**9)] == [0, 0, 1, 2, 4, 8, 16, 20, 20, 20]


def test_a_try_that_comes_too_early_counts_nothing() -> None:
    """It is told how long to wait, and nothing is changed."""
    before = Struck(6, 102, 4000)
    assert strike(RULE, before, 100) == (Strike(wait=2), before)
    assert strike(RULE, before, 102) == (Strike(), Struck(7, 106, 4000))


def test_the_last_failure_locks_and_later_ones_do_not_move_the_lock() -> None:
    """The lock's end is fixed when it begins: nobody is kept out for ever."""
    outcome, kept = strike(RULE, Struck(9, 0, 4000), 100)
    assert (outcome, kept) == (Strike(locks=True), Struck(10, 120, 1900))
    for now in (120, 140, 1890):
        outcome, kept = strike(RULE, kept, now)
        assert outcome == Strike(locked=True)
        assert kept.expires == 1900
        assert kept.ready <= 1900


@given(st.lists(st.integers(0, 60), max_size=300))
def test_no_pattern_of_tries_has_more_than_its_share_judged(pauses: list[int]) -> None:
    """Whatever the pauses: at most `failures` are judged between two moments at which all was forgotten."""
    now, kept, judged = 0, None, 0
    for pause in pauses:
        now += pause
        if kept is not None and kept.expires <= now:
            kept, judged = None, 0
        outcome, kept = strike(RULE, kept, now)
        judged += not outcome.wait and not outcome.locked
        assert judged <= RULE.failures
        assert kept.expires - now <= max(RULE.window, RULE.lock)
