"""Which server is next: pure functions of those that may be chosen."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.proxy.balance import BALANCES, LeastConnections, RoundRobin, candidates


@dataclass(eq=False)
class Fake:
    busy: int = 0
    available: bool = True


servers = st.lists(st.builds(Fake, busy=st.integers(0, 5), available=st.booleans()), min_size=1, max_size=6)


@given(count=st.integers(1, 7), start=st.integers(0, 1000), requests=st.integers(0, 100))
def test_round_robin_is_fair_within_one(count: int, start: int, requests: int) -> None:
    """Wherever it starts and however many requests there are."""
    balance, among = RoundRobin(start), [Fake() for _ in range(count)]
    picked = [among.index(balance(among)) for _ in range(requests)]
    counts = [picked.count(index) for index in range(count)]
    assert max(counts) - min(counts) <= 1


@given(count=st.integers(1, 7), start=st.integers(0, 1000), requests=st.integers(0, 100))
def test_least_connections_is_fair_within_one(count: int, start: int, requests: int) -> None:
    """With requests that stay, as with requests that are over at once."""
    balance, staying, passing = LeastConnections(start), [Fake() for _ in range(count)], [Fake() for _ in range(count)]
    for _ in range(requests):
        balance(staying).busy += 1
    picked = [passing.index(balance(passing)) for _ in range(requests)]
    for counts in ([each.busy for each in staying], [picked.count(index) for index in range(count)]):
        assert max(counts) - min(counts) <= 1


@given(among=servers, start=st.integers(0, 1000))
def test_least_connections_prefers_the_least_busy(among: list[Fake], start: int) -> None:
    """Always."""
    assert LeastConnections(start)(among).busy == min(each.busy for each in among)


@given(among=servers, name=st.sampled_from(sorted(BALANCES)), start=st.integers(0, 1000), data=st.data())
def test_the_choice_is_among_the_candidates(among: list[Fake], name: str, start: int, data: st.DataObject) -> None:
    """An available one if there is one; none that was tried; somebody as long as anybody is left."""
    tried = data.draw(st.lists(st.sampled_from(among), unique_by=id))
    left = candidates(among, tried)
    assert bool(left) == (len(tried) < len(among))
    if left:
        chosen = BALANCES[name](start)(left)
        assert chosen not in tried
        assert chosen.available or not any(each.available for each in among if each not in tried)


@pytest.mark.parametrize("name", sorted(BALANCES))
def test_a_server_that_comes_or_goes_upsets_nobody(name: str) -> None:
    """The turn goes on over whatever is there."""
    balance, among = BALANCES[name](0), [Fake() for _ in range(3)]
    for size in (3, 1, 2, 3, 1):
        assert balance(among[:size]) in among[:size]
