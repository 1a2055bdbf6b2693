"""Names that are followed: a clock of the loop's, name servers that lie still, move, fail and hang."""

import asyncio
import contextlib
from collections.abc import Sequence

import pytest

from gateway.wire.resolve import Name, lookup


class Zone:
    def __init__(self, *addresses: str) -> None:
        self.addresses: Sequence[str] | Exception = addresses
        self.asked = 0
        self.gate: asyncio.Event | None = None

    async def lookup(self, host: str) -> Sequence[str]:
        self.asked += 1
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(self.addresses, Exception):
            raise self.addresses
        return self.addresses


def name(zone: Zone, host: str = "a.test", patience: float = 5.0) -> tuple[Name, list[Sequence[str]]]:
    one, moves = Name(host, every=0.01, lookup=zone.lookup, patience=patience, rand=lambda: 0.5), []
    one.on_change = moves.append
    return one, moves


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_an_ip_address_costs_nothing(host: str) -> None:
    """It is never looked up, and following it ends at once."""
    zone = Zone()
    one, _ = name(zone, host)
    assert await one.get() == (host,)
    await one.follow()
    assert zone.asked == 0


async def test_the_system_knows_localhost() -> None:
    """The real lookup."""
    assert set(await lookup("localhost")) <= {"127.0.0.1", "::1"}


async def test_a_move_is_told_once_and_its_order_is_kept() -> None:
    """The same addresses in another order are no move."""
    zone = Zone("127.0.0.1", "127.0.0.2", "127.0.0.1")
    one, moves = name(zone)
    assert await one.get() == ("127.0.0.1", "127.0.0.2")
    zone.addresses = ("127.0.0.2", "127.0.0.1")
    await one.refresh()
    assert await one.get() == ("127.0.0.2", "127.0.0.1")
    zone.addresses = ("127.0.0.3",)
    await one.refresh()
    assert moves == [("127.0.0.1", "127.0.0.2"), ("127.0.0.3",)]


@pytest.mark.parametrize("failure", [OSError("no such name"), UnicodeError("label too long"), RuntimeError("a bug")])
async def test_a_failure_keeps_what_is_known(failure: Exception) -> None:
    """And is an OSError where nothing is."""
    zone = Zone()
    zone.addresses = failure
    one, moves = name(zone)
    with pytest.raises(OSError, match=r"a\.test cannot be resolved"):
        await one.get()
    zone.addresses = ("127.0.0.1",)
    await one.get()
    for nothing in (failure, ()):
        zone.addresses = nothing
        await one.refresh()
        assert await one.get() == ("127.0.0.1",)
    assert len(moves) == 1


async def test_a_lookup_that_hangs_is_one_lookup() -> None:
    """However many wait for it, each for so long and no longer; its late answer counts."""
    zone = Zone("127.0.0.1")
    zone.gate = asyncio.Event()
    one, _ = name(zone, patience=0.01)
    for outcome in await asyncio.gather(*(one.get() for _ in range(5)), return_exceptions=True):
        assert isinstance(outcome, OSError)
    assert zone.asked == 1
    zone.gate.set()
    await one.refresh()
    assert await one.get() == ("127.0.0.1",)
    assert zone.asked == 1


async def test_following_goes_on_until_it_is_cancelled() -> None:
    """Over failures too; nothing is under way behind `close`."""
    zone = Zone("127.0.0.1")
    one, _ = name(zone)
    task = asyncio.get_running_loop().create_task(one.follow())
    async with asyncio.timeout(10):
        while zone.asked < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        zone.addresses = OSError("gone")
        while zone.asked < 6:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    one.close()
