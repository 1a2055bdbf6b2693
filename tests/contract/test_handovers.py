"""What every state store promises of hand-overs."""

import asyncio
from dataclasses import replace

import pytest

from gateway.core.handover import Stage
from gateway.core.identity import Subject
from gateway.stores.interface import Approval, Handover

OPEN = Handover("browser", "07", "app.example.com", "Windows", "192.0.2.7", "/a?b=c#d", expires=220)
CLAIMED = replace(OPEN, stage=Stage.CLAIMED, holder="phone")
APPROVED = replace(CLAIMED, stage=Stage.APPROVED, approval=Approval(Subject("main", "openid-alice"), "phone", 90, 95))


async def test_a_handover_is_seen_from_both_sides(state):
    """By what was scanned and by the browser that waits; looking consumes nothing."""
    await state.put_handover("key", OPEN)
    for _ in range(2):
        assert await state.handover("key", 100) == OPEN
        assert await state.handover_of("browser", 100) == OPEN
    for guess in ("", "%", "browser", "kez"):
        assert await state.handover(guess, 100) is None
    assert await state.handover_of("key", 100) is None


async def test_it_ends_on_time(state):
    """Good in its last second, gone in the next, for every side and step."""
    await state.put_handover("key", APPROVED)
    assert await state.handover("key", 219) == APPROVED
    assert await state.handover("key", 220) is None
    assert await state.handover_of("browser", 220) is None
    assert await state.take_handover("browser", 220) is None
    assert not await state.move_handover("key", APPROVED, OPEN, 220)
    assert await state.take_handover("browser", 219) == APPROVED


async def test_a_browser_has_one(state):
    """A fresh one ends the former; that of another browser stays."""
    other = replace(OPEN, browser_hash="other")
    await state.put_handover("key", OPEN)
    await state.put_handover("other key", other)
    await state.put_handover("former key", replace(OPEN, browser_hash="former"))
    await state.put_handover("new key", replace(OPEN, number="08"), "former")
    assert await state.handover("former key", 100) is None
    assert await state.handover("key", 100) is None
    assert (await state.handover_of("browser", 100)).number == "08"
    assert await state.handover("other key", 100) == other


async def test_a_step_needs_what_was_seen(state):
    """Stage and holder must still be those; then all of it is what it was moved to."""
    await state.put_handover("key", OPEN)
    assert not await state.move_handover("key", CLAIMED, APPROVED, 100)
    assert not await state.move_handover("kex", OPEN, CLAIMED, 100)
    assert await state.move_handover("key", OPEN, CLAIMED, 100)
    assert not await state.move_handover("key", OPEN, replace(CLAIMED, holder="thief"), 100)
    assert not await state.move_handover("key", replace(CLAIMED, holder="thief"), APPROVED, 100)
    assert await state.handover("key", 100) == CLAIMED
    assert await state.move_handover("key", CLAIMED, APPROVED, 100)
    assert await state.handover_of("browser", 100) == APPROVED


@pytest.mark.parametrize("stage", [stage for stage in Stage if stage is not Stage.APPROVED])
async def test_only_an_approved_one_can_be_taken(state, stage):
    """In no other stage does the browser get anything, nor does asking end it."""
    await state.put_handover("key", replace(OPEN, stage=stage))
    assert await state.take_handover("browser", 100) is None
    assert await state.handover("key", 100) is not None


async def test_of_many_steps_one_wins(state):
    """Fifty phones at once: one holds it."""
    await state.put_handover("key", OPEN)
    steps = [state.move_handover("key", OPEN, replace(CLAIMED, holder=str(n)), 100) for n in range(50)]
    won = await asyncio.gather(*steps)
    assert won.count(True) == 1
    assert (await state.handover("key", 100)).holder == str(won.index(True))


async def test_of_many_takers_one_gets_the_handover(state):
    """Fifty tabs at once: one has it."""
    await state.put_handover("key", APPROVED)
    taken = await asyncio.gather(*(state.take_handover("browser", 100) for _ in range(50)))
    assert [each for each in taken if each is not None] == [APPROVED]
    assert await state.handover_of("browser", 100) is None


async def test_expired_ones_are_forgotten(state):
    """Pruning keeps what lives."""
    await state.put_handover("key", OPEN)
    await state.prune(219)
    assert await state.handover("key", 100) == OPEN
    await state.prune(220)
    assert await state.handover("key", 100) is None
