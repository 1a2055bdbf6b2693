"""What every state store promises."""

import asyncio
from dataclasses import replace

import pytest

from gateway.core.identity import Subject
from gateway.stores.interface import BindRequest, Claim, ClaimState, CodeCheck, Conflict, Ticket
from gateway.stores.lockout import Lockout, Strike

TICKET = Ticket(
    subject=Subject("main", "openid-alice"),
    sid_hash="sid",
    return_to="/a?b=c#d",
    tries=2,
    expires=400,
    ends=1000,
    union_id="union-alice",
)
WON, PENDING, CODE_USED = Claim(ClaimState.WON), Claim(ClaimState.PENDING), Claim(ClaimState.CODE_USED)
SETTLED = Claim(ClaimState.SETTLED, "sealed result")

# --- tickets ----------------------------------------------------------------------------------------


async def test_a_ticket_is_shown_often_and_taken_once(state):
    """Looking consumes nothing (WeChat's servers re-fetch URLs); taking does."""
    await state.put_ticket("key", TICKET)
    assert await state.peek_ticket("key", "sid", 100) == TICKET
    assert await state.peek_ticket("key", "sid", 100) == TICKET
    assert await state.take_ticket("key", "sid", 100) == TICKET
    assert await state.take_ticket("key", "sid", 100) is None
    assert await state.peek_ticket("key", "sid", 100) is None


async def test_a_ticket_may_lack_a_union_id(state):
    """Most apps give none."""
    plain = replace(TICKET, union_id=None)
    await state.put_ticket("key", plain)
    assert plain == await state.take_ticket("key", "sid", 100)


async def test_a_ticket_carries_what_was_proven(state):
    """User, claims, method, consent and what may go come back with it, for the confirmation."""
    wish = BindRequest(
        TICKET.subject, "42", {"name": "张三", "n": [1, True]}, "sms", TICKET.union_id, "v1", frozenset(Conflict)
    )
    await state.put_ticket("key", replace(TICKET, wish=wish))
    assert wish == (await state.peek_ticket("key", "sid", 100)).wish
    assert wish == (await state.take_ticket("key", "sid", 100)).wish
    assert await state.take_ticket("key", "sid", 100) is None


async def test_a_ticket_serves_its_own_browser_only(state):
    """Another browser neither sees it nor spoils it."""
    await state.put_ticket("key", TICKET)
    assert await state.peek_ticket("key", "other", 100) is None
    assert await state.take_ticket("key", "other", 100) is None
    assert await state.take_ticket("key", "sid", 100) == TICKET


async def test_an_unknown_key_is_no_ticket(state):
    """A guess finds nothing, nor does a wildcard."""
    await state.put_ticket("key", TICKET)
    for guess in ("", "%", "kex", "KEY"):
        assert await state.peek_ticket(guess, "sid", 100) is None
        assert await state.take_ticket(guess, "sid", 100) is None


async def test_a_ticket_ends_on_time(state):
    """Good in its last second, gone in the next."""
    await state.put_ticket("key", TICKET)
    assert await state.peek_ticket("key", "sid", 399) == TICKET
    assert await state.peek_ticket("key", "sid", 400) is None
    assert await state.take_ticket("key", "sid", 400) is None


async def test_no_renewal_outlives_its_chain(state):
    """A ticket said to expire after `ends` is gone at `ends`."""
    await state.put_ticket("key", replace(TICKET, expires=2000))
    assert await state.peek_ticket("key", "sid", 999) is not None
    assert await state.peek_ticket("key", "sid", 1000) is None


async def test_of_many_takers_one_gets_the_ticket(state):
    """Concurrent POSTs of one ticket: one goes on."""
    await state.put_ticket("key", TICKET)
    taken = await asyncio.gather(*(state.take_ticket("key", "sid", 100) for _ in range(20)))
    assert [ticket for ticket in taken if ticket is not None] == [TICKET]


async def test_a_browser_holds_ten_tickets(state):
    """The oldest go, other browsers' stay."""
    await state.put_ticket("other", replace(TICKET, sid_hash="other"))
    for i in range(12):
        await state.put_ticket(f"key-{i}", TICKET)
    alive = [i for i in range(12) if await state.peek_ticket(f"key-{i}", "sid", 100)]
    assert list(range(2, 12)) == alive
    assert await state.peek_ticket("other", "other", 100) is not None


# --- attempts ---------------------------------------------------------------------------------------


async def test_the_first_claim_wins_and_publishes(state):
    """Every later copy of a callback waits for the winner, then shares its result, until that expires."""
    assert await state.attempt("state", 100) is None
    assert await state.claim_attempt("state", "code", 100, 130) == WON
    assert await state.claim_attempt("state", "code", 100, 130) == PENDING
    assert await state.attempt("state", 100) == PENDING
    await state.settle_attempt("state", "sealed result", 160)
    assert await state.claim_attempt("state", "code", 159, 200) == SETTLED
    assert await state.attempt("state", 159) == SETTLED
    assert await state.attempt("state", 160) is None


async def test_a_state_is_claimed_once_whatever_the_code(state):
    """Another code for a claimed state does not reopen it."""
    assert await state.claim_attempt("state", "code", 100, 130) == WON
    assert await state.claim_attempt("state", "code-2", 100, 130) == PENDING
    assert await state.claim_attempt("state-2", "code-2", 100, 130) == WON


async def test_a_code_is_spent_on_one_state(state):
    """The same code on another state is told so, and claims nothing there."""
    assert await state.claim_attempt("state", "code", 100, 600) == WON
    assert await state.claim_attempt("state-2", "code", 100, 600) == CODE_USED
    assert await state.attempt("state-2", 100) is None
    await state.settle_attempt("state", "sealed result", 160)
    assert await state.claim_attempt("state-2", "code", 599, 700) == CODE_USED


async def test_a_spent_code_never_reopens_its_own_state(state):
    """A callback replayed after the result was forgotten is not exchanged again."""
    assert await state.claim_attempt("state", "code", 100, 600) == WON
    await state.settle_attempt("state", "sealed result", 160)
    assert await state.claim_attempt("state", "code", 200, 700) == CODE_USED


async def test_an_attempt_that_nobody_settles_expires(state):
    """After a winner that crashed, a new code may claim the state again."""
    assert await state.claim_attempt("state", "code", 100, 130) == WON
    assert await state.attempt("state", 130) is None
    assert await state.claim_attempt("state", "code-2", 130, 160) == WON


async def test_settling_what_was_never_claimed_is_nothing(state):
    """No result appears from nowhere."""
    await state.settle_attempt("state", "sealed result", 160)
    assert await state.attempt("state", 100) is None


async def test_of_many_claims_one_wins(state):
    """Concurrent callbacks of one state: one exchange."""
    claims = await asyncio.gather(*(state.claim_attempt("state", "code", 100, 130) for _ in range(20)))
    assert claims.count(WON) == 1
    assert claims.count(PENDING) == 19


async def test_of_many_states_one_gets_the_code(state):
    """Concurrent callbacks of one code: one exchange."""
    claims = await asyncio.gather(*(state.claim_attempt(f"state-{i}", "code", 100, 130) for i in range(20)))
    assert claims.count(WON) == 1
    assert claims.count(CODE_USED) == 19


# --- one-time codes ---------------------------------------------------------------------------------


async def test_a_right_code_is_right_once(state):
    """Used, it is dead."""
    await state.put_code("slot", "right", 400, 5)
    assert await state.try_code("slot", "right", 399) is CodeCheck.RIGHT
    assert await state.try_code("slot", "right", 399) is CodeCheck.DEAD


async def test_the_last_wrong_try_kills_the_code(state):
    """Five wrong tries, then even the right code is dead."""
    await state.put_code("slot", "right", 400, 5)
    assert [await state.try_code("slot", f"wrong-{i}", 100) for i in range(5)] == [CodeCheck.WRONG] * 5
    assert await state.try_code("slot", "right", 100) is CodeCheck.DEAD


async def test_the_last_try_may_be_right(state):
    """Four wrong ones leave one."""
    await state.put_code("slot", "right", 400, 5)
    for _ in range(4):
        await state.try_code("slot", "wrong", 100)
    assert await state.try_code("slot", "right", 100) is CodeCheck.RIGHT


async def test_a_new_code_replaces_the_old(state):
    """Only the last one sent counts, with tries of its own."""
    await state.put_code("slot", "old", 400, 2)
    assert await state.try_code("slot", "wrong", 100) is CodeCheck.WRONG
    await state.put_code("slot", "new", 500, 2)
    assert await state.try_code("slot", "old", 100) is CodeCheck.WRONG
    assert await state.try_code("slot", "new", 100) is CodeCheck.RIGHT


async def test_codes_expire_and_keep_to_their_slot(state):
    """A code is dead when its time is over, and nowhere but in its slot."""
    await state.put_code("slot", "right", 400, 5)
    assert await state.try_code("other", "right", 100) is CodeCheck.DEAD
    assert await state.try_code("slot", "right", 400) is CodeCheck.DEAD


async def test_concurrent_tries_are_counted(state):
    """Many guesses at the same moment are no more than five; a right code among them is right once."""
    await state.put_code("slot", "right", 400, 5)
    checks = await asyncio.gather(*(state.try_code("slot", f"wrong-{i}", 100) for i in range(20)))
    assert (checks.count(CodeCheck.WRONG), checks.count(CodeCheck.DEAD)) == (5, 15)
    await state.put_code("slot", "right", 400, 5)
    checks = await asyncio.gather(*(state.try_code("slot", "right", 100) for _ in range(20)))
    assert (checks.count(CodeCheck.RIGHT), checks.count(CodeCheck.DEAD)) == (1, 19)


# --- limits -----------------------------------------------------------------------------------------


async def test_events_beyond_the_limit_wait_for_the_window(state):
    """Within the limit 0, then the seconds that are left; waiting them out helps."""
    assert [await state.hit("bucket", 3, 60, now) for now in (100, 110, 120)] == [0, 0, 0]
    assert [await state.hit("bucket", 3, 60, now) for now in (125, 159)] == [35, 1]
    assert await state.hit("bucket", 3, 60, 160) == 0


async def test_looking_counts_nothing(state):
    """`hits` says what `hit` would, and leaves the count alone."""
    assert [await state.hits("bucket", 1, 60, 100) for _ in range(2)] == [0, 0]
    assert await state.hit("bucket", 1, 60, 100) == 0
    assert await state.hits("bucket", 1, 60, 130) == 30
    assert await state.hits("bucket", 1, 60, 160) == 0


async def test_a_limit_of_zero_lets_nothing_through(state):
    """And says to come back after a whole window."""
    assert await state.hits("bucket", 0, 60, 100) == 60
    assert await state.hit("bucket", 0, 60, 100) == 60


async def test_buckets_do_not_share(state):
    """One person's failures do not lock out another."""
    assert await state.hit("a", 1, 60, 100) == 0
    assert await state.hit("b", 1, 60, 100) == 0
    assert await state.hit("a", 1, 60, 100) == 60


async def test_what_is_given_back_may_happen_again(state):
    """One event of the window that runs, which ends no later for it; other buckets keep theirs."""
    assert [await state.hit(bucket, 1, 60, 100) for bucket in ("bucket", "other")] == [0, 0]
    await state.give_back("bucket")
    assert await state.hit("bucket", 1, 60, 110) == 0
    assert await state.hits("bucket", 1, 60, 120) == 40
    assert await state.hits("other", 1, 60, 120) == 40


async def test_nobody_saves_up(state):
    """Giving back what was never counted allows nothing more."""
    await state.give_back("bucket")
    assert await state.hit("bucket", 2, 60, 100) == 0
    for _ in range(3):
        await state.give_back("bucket")
    assert [await state.hit("bucket", 2, 60, 100) for _ in range(3)] == [0, 0, 60]


async def test_concurrent_events_are_counted(state):
    """Of twenty at the same moment five are within a limit of five."""
    waits = await asyncio.gather(*(state.hit("bucket", 5, 60, 100) for _ in range(20)))
    assert (waits.count(0), waits.count(60)) == (5, 15)
    await asyncio.gather(*(state.give_back("bucket") for _ in range(3)))
    waits = await asyncio.gather(*(state.hit("bucket", 5, 60, 100) for _ in range(20)))
    assert (waits.count(0), waits.count(60)) == (3, 17)


# --- lockouts ---------------------------------------------------------------------------------------

RULE = Lockout(failures=4, delay_after=2, delay=10, max_delay=15, lock=100, window=300)


async def test_failures_are_delayed_then_locked_then_forgotten(state):
    """Two are free, then 10 and 15 seconds; the fourth locks for 100 s, in which the delays go on; then anew."""
    assert [await state.strike("bucket", RULE, 1000) for _ in range(3)] == [Strike(), Strike(), Strike(wait=10)]
    assert await state.strike("bucket", RULE, 1009) == Strike(wait=1)
    assert await state.strike("bucket", RULE, 1010) == Strike()
    assert await state.strike("bucket", RULE, 1024) == Strike(wait=1)
    assert await state.strike("bucket", RULE, 1025) == Strike(locks=True)
    assert await state.strike("bucket", RULE, 1039) == Strike(wait=1)
    assert await state.strike("bucket", RULE, 1040) == Strike(locked=True)
    assert await state.strike("bucket", RULE, 1124) == Strike(locked=True)
    assert await state.strike("bucket", RULE, 1125) == Strike()


async def test_failures_are_forgotten_behind_their_window(state):
    """The window is that of the first one."""
    assert [await state.strike("bucket", RULE, now) for now in (1000, 1200)] == [Strike(), Strike()]
    assert [await state.strike("bucket", RULE, 1300) for _ in range(2)] == [Strike(), Strike()]


async def test_what_is_forgiven_neither_counts_nor_delays(state):
    """One try of the window that runs, which ends no later for it; others keep theirs; nobody saves up."""
    await state.forgive("bucket")
    for _ in range(9):
        assert await state.strike("bucket", RULE, 1000) == Strike()
        await state.forgive("bucket")
    assert [await state.strike("bucket", RULE, 1299) for _ in range(2)] == [Strike(), Strike()]
    assert await state.strike("bucket", RULE, 1299) == Strike(wait=1)
    assert await state.strike("other", RULE, 1299) == Strike()


async def test_a_forgiven_try_lifts_the_lock_that_it_began(state):
    """It was right: it counted as the fourth failure for a moment only."""
    strikes = [await state.strike("bucket", RULE, now) for now in (1000, 1000, 1010, 1025)]
    assert strikes[-1] == Strike(locks=True)
    await state.forgive("bucket")
    assert await state.strike("bucket", RULE, 1025) == Strike(locks=True)
    assert await state.strike("bucket", RULE, 1040) == Strike(locked=True)


async def test_concurrent_tries_are_no_more_than_may_fail(state):
    """Of twenty at the same moment two are let in, and the others wait; without delays four are, others are locked."""
    strikes = await asyncio.gather(*(state.strike("bucket", RULE, 1000) for _ in range(20)))
    assert (strikes.count(Strike()), strikes.count(Strike(wait=10))) == (2, 18)
    undelayed = replace(RULE, delay=0)
    strikes = await asyncio.gather(*(state.strike("other", undelayed, 1000) for _ in range(20)))
    assert (strikes.count(Strike()), strikes.count(Strike(locks=True)), strikes.count(Strike(locked=True))) == (
        3,
        1,
        16,
    )


# --- serving ----------------------------------------------------------------------------------------


async def test_prune_forgets_only_what_is_over(state):
    """What lives is untouched, one second before its end too."""
    await state.put_ticket("key", TICKET)
    await state.claim_attempt("state", "code", 100, 400)
    await state.put_code("slot", "right", 400, 5)
    await state.hit("bucket", 1, 300, 100)
    await state.strike("bucket", replace(RULE, delay_after=1, delay=500, max_delay=500), 100)
    await state.prune(399)
    assert await state.peek_ticket("key", "sid", 100) == TICKET
    assert await state.attempt("state", 100) == PENDING
    assert await state.claim_attempt("state-2", "code", 100, 400) == CODE_USED
    assert await state.hits("bucket", 1, 300, 100) == 300
    assert await state.strike("bucket", RULE, 100) == Strike(wait=300)
    await state.prune(400)
    assert await state.peek_ticket("key", "sid", 100) is None
    assert await state.attempt("state", 100) is None
    assert await state.try_code("slot", "right", 100) is CodeCheck.DEAD
    assert await state.hits("bucket", 1, 300, 100) == 0
    assert await state.strike("bucket", RULE, 100) == Strike()
    assert await state.claim_attempt("state-2", "code", 100, 400) == WON


@pytest.mark.parametrize("odd", ["' OR 1=1 --", "%", "a\r\nb", "钥匙", "x" * 1000])
async def test_names_are_values(state, odd):
    """Whatever a name holds, it is matched exactly."""
    await state.put_code(odd, "right", 400, 5)
    assert await state.try_code("slot", "right", 100) is CodeCheck.DEAD
    assert await state.try_code(odd, "right", 100) is CodeCheck.RIGHT


async def test_a_serving_store_answers_the_ping_and_closes_twice(state):
    """Readiness is silence; close may be called again."""
    await state.ping()
    await state.close()
    await state.close()
